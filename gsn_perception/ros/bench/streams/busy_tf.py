"""What a busy /tf costs: the time from image to grasps with and without 2000 transforms a second, interleaved."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

from gsn_perception.geometry import InputError
from gsn_perception.ros import interface
from gsn_perception.ros import optional
from gsn_perception.ros.bench.camera_graph import CAMERA
from gsn_perception.ros.bench.figure import Figure
from gsn_perception.ros.bench.streams.tf_publisher import BASE
from gsn_perception.ros.processes.graph import NodeGraph

PUBLISHER = "gsn_perception.ros.bench.streams.tf_publisher"
_NODES = ("reconstruction_node", "grasp_node")
_RATE = 1.0  # images a second, so that none waits for another
_PAUSE = 3.0  # seconds between the two kinds: a process starts or ends


def measure_busy_tf(
    rounds: int, seconds: float, parameters: Mapping[str, object], logs: Path, domain: int
) -> list[Figure]:
    """Medians with a quiet /tf (one transform, 10 Hz) and with a busy one beside it (ten transforms, 200 Hz).

    Args:
        rounds: How often either is measured, in turns.
        seconds: Of either in a round.
        parameters: Of the reconstruction node.
        logs: Folder for what the processes print.
        domain: DDS domain.

    Raises:
        InputError: tf2_ros is missing, or a process failed.
    """
    for name in ("tf2_ros", "tf2_msgs"):
        optional.require(name, "this measurement")
    chosen: dict[str, Mapping[str, object]] = {"reconstruction_node": {**parameters, "target_frame": BASE}}
    topics = (interface.GRASP_TABLE,)
    with NodeGraph({name: chosen.get(name, {}) for name in _NODES}, topics=topics, logs=logs, domain=domain) as graph:
        arrivals = graph.collector.arrivals[interface.GRASP_TABLE.name]
        graph.run_beside(PUBLISHER, ["--rate", "10", "--transforms", "1"])
        graph.run_beside(CAMERA, ["--rate", str(_RATE), "--dwell", "100000", "--wait", "180"])
        graph.wait(lambda: len(arrivals) >= 3, 180, "give grasps")  # compiled and warm
        quiet, busy = [], []
        for _ in range(rounds):
            began = time.time_ns()
            time.sleep(seconds)
            quiet.append((began, time.time_ns()))
            publisher = graph.run_once(PUBLISHER, ["--seconds", str(seconds)])
            if publisher.wait(seconds + 60):
                raise InputError(f"the publisher of /tf failed: {publisher.last_line()}")
            said = json.loads(publisher.last_line())
            busy.append((said["began"], said["ended"]))
            time.sleep(_PAUSE)
        offset = time.time_ns() - time.monotonic_ns()
        found = {stamp: at + (offset - stamp) / 1e9 for stamp, at in list(arrivals.items())}
        dropped = graph.report("reconstruction_node").get("dropped.bad_frame", "0")
    return busy_tf_figures(found, quiet, busy, int(dropped))


def busy_tf_figures(
    latencies: Mapping[int, float], quiet: list[tuple[int, int]], busy: list[tuple[int, int]], dropped: int
) -> list[Figure]:
    """The table's lines.

    Args:
        latencies: Seconds by the image's stamp (nanoseconds).
        quiet: First and last stamp of each span with a quiet /tf.
        busy: Likewise with a busy one.
        dropped: Frames without a transform.
    """
    parts = [[s for stamp, s in latencies.items() if any(a <= stamp <= b for a, b in spans)] for spans in (quiet, busy)]
    calm, loaded = (1e3 * statistics.median(part) if part else float("nan") for part in parts)
    return [
        Figure("image to grasps, quiet /tf, median", calm),
        Figure("image to grasps, /tf with 2000 transforms a second, median", loaded),
        Figure("added", 100 * (loaded / calm - 1), "%", 5),
        Figure("frames measured", min(len(part) for part in parts), "", 20, least=True),
        Figure("frames without a transform", dropped, "", 0),
    ]
