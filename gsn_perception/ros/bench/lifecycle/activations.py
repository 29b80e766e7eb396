"""Stress test: repeated activations of a lifecycle node on a busy machine."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gsn_perception.geometry import InputError
from gsn_perception.ros import interface
from gsn_perception.ros.bench.camera_graph import CameraGraph
from gsn_perception.ros.bench.figure import Figure
from gsn_perception.ros.bench.lifecycle.transitions import ACTIVATE
from gsn_perception.ros.bench.lifecycle.transitions import DEACTIVATE
from gsn_perception.ros.bench.lifecycle.transitions import Transitions

LOAD = "gsn_perception.ros.bench.lifecycle.load"
_NODE = "reconstruction_node"
_PATIENCE = 60.0  # longest time of a transition, seconds; a running frame ends first
_LONGEST_STAY = 0.3  # seconds in a state, so that some activations coincide with the diagnostics timer and frames


@dataclass(slots=True)
class Activations:
    """Measurements of the activations.

    Attributes:
        seconds: Duration of each activation.
        refused: Transitions that failed or were not answered in time.
        deaths: Last line of output of each process that ended.
    """

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    deaths: list[str] = field(default_factory=list)


def measure_activations(times: int, parameters: dict[str, object], logs: Path, domain: int) -> list[Figure]:
    """Figures of ``times`` activations with a 30 Hz RGB-D camera and one busy process per core.

    Raises:
        InputError: the node did not start, or published no result after the last activation.
    """
    busy = os.cpu_count() or 1
    found = Activations()
    topics = (interface.GAUSSIANS,)
    with CameraGraph([_NODE], parameters, rate=30.0, topics=topics, logs=logs, domain=domain) as graph:
        for _ in range(busy):
            graph.run_beside(LOAD, [])
        with Transitions("/reconstruction", domain) as transitions:
            _activate_repeatedly(times, graph, transitions, found)
            results = _results_after(graph, time.time_ns())
        callbacks = int(graph.report(_NODE).get("dropped.callback", 0))
        complaints = graph.complaints()
    return [
        Figure(
            f"activations under a 30 Hz camera and {busy} busy processes", len(found.seconds), "", times, least=True
        ),
        Figure("nodes that died", len(found.deaths), "", 0),
        Figure("transitions refused or not answered", found.refused, "", 0),
        Figure("exceptions in callbacks and logs", callbacks + len(complaints), "", 0),
        Figure("results after the last activation", results, "", 1, least=True),
        Figure("activation, median", 1e3 * float(np.median(found.seconds or [np.nan]))),
        Figure("activation, slowest", 1e3 * max(found.seconds, default=np.nan)),
    ]


def _activate_repeatedly(times: int, graph: CameraGraph, transitions: Transitions, found: Activations) -> None:
    stay = random.Random(0)
    for _ in tqdm(range(times), desc="activations", ncols=100):
        found.refused += not transitions.change(DEACTIVATE, _PATIENCE)
        time.sleep(stay.uniform(0, _LONGEST_STAY))
        began = time.monotonic()
        if transitions.change(ACTIVATE, _PATIENCE):
            found.seconds.append(time.monotonic() - began)
        else:
            found.refused += 1
        time.sleep(stay.uniform(0, _LONGEST_STAY))
        try:
            graph.check()
        except InputError as death:
            found.deaths.append(str(death))
            graph.start(_NODE)
            graph.wait(lambda: graph.report(_NODE).get("state") == "active", 180, "come back")


def _results_after(graph: CameraGraph, stamp: int) -> int:
    """Number of results of images newer than ``stamp``, after waiting for the first."""
    arrivals = graph.collector.arrivals[interface.GAUSSIANS.name]

    def count() -> int:
        return sum(at >= stamp for at in list(arrivals))

    graph.wait(lambda: count() > 0, 180, "give a result after the last activation")
    return count()
