"""Benchmark: time to convert and publish a large mesh and a large cloud, with and without a subscriber."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import rclpy
import torch
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode
from rclpy.signals import SignalHandlerOptions

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.ros import interface
from gsn_perception.ros.bench.figure import Figure
from gsn_perception.ros.messages import gaussians
from gsn_perception.ros.messages import meshes
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.processes.collector import Collector
from gsn_perception.ros.processes.dds_profile import use_dds_profile
from gsn_perception.ros.results.lazy_publisher import LazyPublisher

TRIANGLES, GAUSSIANS = 20_000, 10_000


def measure_publishing(repeats: int, domain: int) -> list[Figure]:
    """Median milliseconds of converting and publishing :data:`TRIANGLES` and :data:`GAUSSIANS`.

    Raises:
        InputError: the messages did not arrive.
    """
    use_dds_profile()
    context = Context()
    rclpy.init(context=context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
    node = LifecycleNode("bench_publisher", context=context)
    try:
        topics = {interface.MESH: _mesh_message, interface.GAUSSIANS: _cloud_message}
        outputs = [_output(node, topic, convert) for topic, convert in topics.items()]
        node.trigger_configure()
        node.trigger_activate()
        alone = [_together(outputs) for _ in range(repeats)]
        with Collector(domain, topics=tuple(topics)) as collector:
            if not collector.wait(lambda: _received(collector, outputs), 20):
                raise InputError("the messages did not arrive; check that DDS works on this machine")
            received = [_together(outputs, collector) for _ in range(repeats)]
    finally:
        node.destroy_node()
        context.try_shutdown()
    mesh, cloud, both = (1e3 * statistics.median(v) for v in zip(*received, strict=True))
    return [
        Figure(f"mesh of {TRIANGLES} triangles: convert and publish, median", mesh),
        Figure(f"cloud of {GAUSSIANS} Gaussians: convert and publish, median", cloud),
        Figure("both", both, "ms", 60),
        Figure("both, nobody subscribed", 1e3 * statistics.median(v[2] for v in alone)),
    ]


def _together(outputs: list[LazyPublisher[int]], collector: Collector | None = None) -> tuple[float, float, float]:
    """Seconds of both outputs, and their sum."""
    before = dict(collector.counts) if collector is not None else {}
    times = []
    for output in outputs:
        began = time.perf_counter()
        output.send(time.time_ns())
        times.append(time.perf_counter() - began)
    if collector is not None:  # the subscriber is in this process: it must finish before the next measurement
        collector.wait(lambda: sum(collector.counts.values()) >= sum(before.values()) + len(outputs), 5)
    return times[0], times[1], sum(times)


def _received(collector: Collector, outputs: list[LazyPublisher[int]]) -> bool:
    for output in outputs:
        output.send(time.time_ns())
    return len(collector.counts) == len(outputs)


def _output(node: LifecycleNode, topic: interface.Topic, convert: Any) -> LazyPublisher[int]:
    return LazyPublisher(
        node,
        topic,
        convert,
        group=ReentrantCallbackGroup(),
        on_publish=lambda name, result: None,
        on_error=lambda error: None,
        on_incompatible=lambda event: None,
    )


def _mesh_message(stamp: int) -> bytes:
    return meshes.serialised_meshes({1: _MESH}, make_header(stamp, "camera"))


def _cloud_message(stamp: int) -> Any:
    return gaussians.gaussians_to_cloud({1: _SPLAT}, make_header(stamp, "camera"))


def _sheet() -> Mesh:
    """A wavy square of exactly :data:`TRIANGLES` triangles."""
    cells = round((TRIANGLES / 2) ** 0.5)
    v, u = np.mgrid[: cells + 1, : cells + 1]
    vertices = np.stack([u, v, np.sin(u / 7) + np.cos(v / 5)], axis=-1).reshape(-1, 3) / 100
    corner = (v[:-1, :-1] * (cells + 1) + u[:-1, :-1]).reshape(-1)
    right, below = corner + 1, corner + cells + 1
    faces = np.concatenate([np.stack([corner, right, below], 1), np.stack([right, below + 1, below], 1)])
    return Mesh(vertices, faces, colors=np.random.default_rng(0).random((len(vertices), 3)))


def _splat() -> Gaussians:
    chance = torch.Generator().manual_seed(0)
    return Gaussians(
        means=torch.rand(GAUSSIANS, 3, generator=chance),
        scales=torch.rand(GAUSSIANS, 3, generator=chance) / 100 + 1e-3,
        quats=torch.nn.functional.normalize(torch.randn(GAUSSIANS, 4, generator=chance), dim=-1),
        colors=torch.rand(GAUSSIANS, 3, generator=chance),
        opacities=torch.rand(GAUSSIANS, generator=chance),
    )


_MESH, _SPLAT = _sheet(), _splat()
