"""Benchmark: time of the reconstruction node on a 640x480 RGB-D frame besides the pipeline."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from rclpy.serialization import deserialize_message

from gsn_perception.ros import interface
from gsn_perception.ros.bench.camera import noise_frame
from gsn_perception.ros.bench.camera import serialised
from gsn_perception.ros.bench.camera_graph import CameraGraph
from gsn_perception.ros.bench.figure import Figure

PARTS = {
    "sync": "join image, depth, mask, camera_info",
    "decode": "messages to an observation",
    "convert": "results to messages",
    "publish": "hand them to the middleware",
}
INSIDE = ("wait", "segment", "look_at", "sculpt", "scale", "skin", "points", "total")


def measure_overhead(frames: int, parameters: dict[str, object], logs: Path, domain: int) -> list[Figure]:
    """Medians over ``frames`` frames, from the node's diagnostics, with every output subscribed.

    Raises:
        InputError: the node did not start or published no result.
    """
    topics = interface.RECONSTRUCTION_OUTPUTS
    with CameraGraph(["reconstruction_node"], parameters, rate=2.0, topics=topics, logs=logs, domain=domain) as graph:

        def enough() -> bool:
            return int(graph.report("reconstruction_node").get("frames.total", 0)) >= frames

        graph.wait(enough, 120 + 10 * frames, f"finish {frames} frames")
        report = graph.report("reconstruction_node")
    figures = [Figure(f"{name}: {PARTS[name]}", _median(report, name)) for name in PARTS]
    total = sum(figure.value for figure in figures)
    figures.append(Figure("overhead of the node, sum of the medians", total, "ms", 15))
    figures.append(Figure("before the callback: rclpy makes the Python messages", _unpack_ms()))
    figures += [Figure(f"for comparison: {name}", _median(report, name)) for name in INSIDE]
    return figures


def _median(report: dict[str, str], stage: str) -> float:
    return float(report.get(f"latency.{stage}.p50_ms", "nan"))


def _unpack_ms(repeats: int = 20) -> float:
    """Median milliseconds of deserialising the four messages of one frame."""
    import numpy as np

    from gsn_perception.geometry import Observation

    seen = noise_frame(0)
    depth, mask = np.ones((480, 640), np.float32), np.ones((480, 640), np.uint8)
    frame = serialised(Observation(seen.image, seen.camera, mask=mask, depth=depth))
    types = {t.name: t.type for t in interface.RECONSTRUCTION_INPUTS}
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        for name, data in frame.items():
            deserialize_message(bytes(data), types[name])
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)
