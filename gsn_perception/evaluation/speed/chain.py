"""Timing of the network, the whole pipeline and the grasp planner, stage by stage."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from torch import nn

from gsn_perception.evaluation.speed.timing import median_ms
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.network import GSN

TOTAL = "total"


class Pipeline(Protocol):
    """The interface of the timed pipeline; :class:`gsn_perception.Reconstructor` has it."""

    network: GSN
    device: torch.device

    def __call__(self, observation: Observation) -> list[Reconstruction | Refusal]:
        """Every object of a frame."""
        ...

    def sculpt(self, observation: Observation, label: int | None = None) -> tuple[ObjectView, Gaussians]:
        """One object's view and normalised splat."""
        ...

    def infer(self, crops: Sequence[Crop]) -> list[Gaussians]:
        """The normalised splats of crops."""
        ...


def time_gsn(reconstructor: Pipeline, observation: Observation, repeats: int) -> dict[str, float]:
    """Median milliseconds from a camera image with its mask to Gaussians, batch 1.

    Args:
        reconstructor: The pipeline.
        observation: One object, label 1.
        repeats: Number of calls.

    Returns:
        ``look at`` (crop), the network's parts where torch runs it, ``network`` (all of it), and ``total`` (both and the
        checks).
    """
    mask = np.asarray(observation.mask) == 1
    network, device = reconstructor.network, reconstructor.device
    size = network.config.image_size
    crop = Crop.of(observation, mask, size)

    def infer() -> None:
        reconstructor.infer([crop])
        if device.type == "cuda":
            torch.cuda.synchronize()

    times = {"look at": median_ms(lambda: Crop.of(observation, mask, size), repeats)}
    with _part_times(network, device) as parts:
        whole = median_ms(infer, repeats)
    times |= {f"network: {name}": 1e3 * statistics.median(found) for name, found in parts.items()}
    times["network"] = whole
    times[TOTAL] = median_ms(lambda: reconstructor.sculpt(observation, 1), repeats)
    return times


@contextmanager
def _part_times(network: nn.Module, device: torch.device) -> Iterator[dict[str, list[float]]]:
    """Seconds that each child module took, by name, while the block runs."""
    times: dict[str, list[float]] = defaultdict(list)
    began: dict[str, float] = {}

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def start(name: str) -> None:
        began[name] = now()

    def stop(name: str) -> None:
        times[name].append(now() - began[name])

    hooks = []
    for name, child in network.named_children():
        hooks.append(child.register_forward_pre_hook(lambda *_, name=name: start(name)))
        hooks.append(child.register_forward_hook(lambda *_, name=name: stop(name)))
    try:
        yield times
    finally:
        for hook in hooks:
            hook.remove()


def time_chain(
    reconstructor: Pipeline, observation: Observation, repeats: int, gripper: str = "panda"
) -> tuple[dict[str, float], int]:
    """Median milliseconds of each stage from image to grasps and in total, and the number of grasps.

    Raises:
        InputError: an object was refused.
    """
    planner = GraspPlanner(Gripper.named(gripper))
    stages: dict[str, list[float]] = defaultdict(list)
    grasps = 0
    for repeat in range(repeats + 1):
        began = time.perf_counter()
        results = [_made(result) for result in reconstructor(observation)]
        reconstructed = time.perf_counter()
        grasps = sum(len(planner(result)) for result in results)
        ended = time.perf_counter()
        if repeat == 0:  # compiles
            continue
        for stage in results[0].timings:
            stages[stage].append(sum(result.timings[stage] for result in results))
        stages["grasps"].append(ended - reconstructed)
        stages[TOTAL].append(ended - began)
    return {stage: 1e3 * statistics.median(found) for stage, found in stages.items()}, grasps


def time_planner(
    reconstruct: Callable[[Observation], list[Reconstruction | Refusal]],
    planner: GraspPlanner,
    observations: Sequence[Observation],
    repeats: int,
) -> dict[str, float]:
    """Median milliseconds of planning on each observation's largest object, and over all of them.

    Raises:
        InputError: an object was refused.
    """
    times: dict[str, float] = {}
    planner(_made(reconstruct(observations[0])[0]))  # compiles
    for number, observation in enumerate(observations):
        result = _made(reconstruct(observation)[0])
        taken = []
        for _ in range(repeats):
            began = time.perf_counter()
            planner(result)
            taken.append(time.perf_counter() - began)
        times[f"object {number}, {len(result.mesh.faces)} triangles"] = 1e3 * statistics.median(taken)
    return {**times, "median": statistics.median(times.values())}


def _made(result: Reconstruction | Refusal) -> Reconstruction:
    if isinstance(result, Refusal):
        raise InputError(f"nothing to time, object {result.label} was refused: {result.reason}")
    return result
