"""Nodes as processes, for the tests: started with tiny weights, fed until they answer."""

import time
from pathlib import Path

from conftest import matched
from conftest import observation
from waiting import LIMIT
from waiting import until

from gsn_perception.ros import interface
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.processes.process import NodeProcess
from gsn_perception.ros.processes.process import ros_arguments

SECOND = 1_000_000_000
START = 180  # seconds for a process to import and warm up on a loaded machine


class Bench:
    """Starts nodes with the tiny weights and ends them."""

    def __init__(self, folder: Path, domain: int, weights: Path) -> None:
        self.folder, self.domain, self.weights = folder, domain, weights
        self.running: list[NodeProcess] = []

    def start(self, *, namespace: str = "", **parameters) -> NodeProcess:
        chosen = {"autostart": True, "checkpoint": self.weights, "mesh.resolution": 16, "min_mask_pixels": 20}
        words = ros_arguments({**chosen, **parameters})
        words += ["-r", f"__ns:=/{namespace}"] if namespace else []
        log = self.folder / f"node_{len(self.running)}.txt"
        made = NodeProcess("reconstruction_node", words, log=log, domain=self.domain)
        self.running.append(made)
        return made


def stamps(graph, name="points"):
    return [stamp_to_ns(m.header.stamp) for m in graph.received[name]]


def answered(graph, publishers, stamp: int, name="points") -> None:
    """Send until the node answers: best effort may lose the first."""
    deadline = time.monotonic() + LIMIT
    while stamp not in stamps(graph, name):
        assert time.monotonic() < deadline, "no answer"
        graph.send(publishers, observation(stamp))
        time.sleep(0.3)


def ready(graph, publishers) -> None:
    until(lambda: all(p.get_subscription_count() for p in publishers.values()), timeout=START, what="no node")
    matched(publishers)


def begun(graph, bench: Bench, profile=None, **parameters):
    """A node that has answered its first frame, its points heard; the process and the camera's publishers."""
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS, profile)
    process = bench.start(**parameters)
    graph.subscribe(interface.POINTS)
    ready(graph, publishers)
    answered(graph, publishers, SECOND)
    return process, publishers
