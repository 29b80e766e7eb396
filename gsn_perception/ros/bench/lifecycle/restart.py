"""Benchmark: time from a restart after SIGKILL to the first result, under load."""

from __future__ import annotations

import time
from pathlib import Path

from gsn_perception.ros import interface
from gsn_perception.ros.bench.camera_graph import CameraGraph
from gsn_perception.ros.bench.figure import Figure

_NODE = "reconstruction_node"


def measure_restart(times: int, parameters: dict[str, object], logs: Path, domain: int) -> list[Figure]:
    """Seconds from the restart of the node to its first result, with the weights in the page cache and a 30 Hz camera.

    Raises:
        InputError: the node published no result.
    """
    figures = []
    topics = (interface.GAUSSIANS,)
    with CameraGraph([_NODE], parameters, rate=30.0, topics=topics, logs=logs, domain=domain) as graph:
        arrivals = graph.collector.arrivals[interface.GAUSSIANS.name]
        graph.wait(lambda: len(arrivals) > 1, 180, "give a result")
        for number in range(1, times + 1):
            graph.nodes[_NODE].kill()
            time.sleep(1.0)  # for messages in transit from the killed node
            began, wall = time.monotonic(), time.time_ns()
            graph.start(_NODE)

            def back(wall: int = wall) -> bool:
                return any(stamp >= wall for stamp in list(arrivals))

            graph.wait(back, 180, "come back after SIGKILL")
            first = min(at for stamp, at in list(arrivals.items()) if stamp >= wall)
            figures.append(
                Figure(f"restart {number} after SIGKILL: process start to first result", first - began, "s", 5)
            )
    return figures
