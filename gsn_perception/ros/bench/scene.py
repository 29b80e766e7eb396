"""Benchmark: the demo's three objects from the image to ``grasps/table``, through nodes in two processes and in one.

It uses what is stable between versions: the executables, the topics, and the stages that the diagnostics name. So it also
measures the nodes of other source trees. All arrangements run at once, each in a namespace, and get frames in turn; one that
waits uses next to no CPU.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np
from tqdm import tqdm

from gsn_perception.geometry import InputError
from gsn_perception.ros import interface
from gsn_perception.ros.bench.camera import serialised
from gsn_perception.ros.bench.figure import Figure
from gsn_perception.ros.bench.still_camera import StillCamera
from gsn_perception.ros.processes.collector import Collector
from gsn_perception.ros.processes.process import NodeProcess
from gsn_perception.ros.processes.process import ros_arguments
from gsn_perception.ros.processes.process_group import ProcessGroup

_OBJECTS = 3
_VIEWS = 4
_TOPICS = (interface.GAUSSIANS, interface.GRASP_TABLE)
_NODES = ("reconstruction", "grasp")
_LOST = 60.0  # a frame without grasps after so many seconds was lost: images are sent best effort
_WARM_UP = 2  # frames that are not counted
_START = 240.0


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the nodes run.

    Attributes:
        name: For the table.
        one_process: Both nodes in one process (``bringup``), or each in its own.
        source: Folder of the source tree; None: this one.
    """

    name: str
    one_process: bool
    source: Path | None = None


def arrangements(sources: Sequence[Path]) -> list[Arrangement]:
    """Two processes and one process, of this tree and of others."""
    found = []
    for source in (None, *sources):
        tree = "" if source is None else f" of {source.name}"
        found += [Arrangement(f"two processes{tree}", False, source), Arrangement(f"one process{tree}", True, source)]
    return found


class SceneNodes:
    """The nodes of one arrangement, a camera, and a subscriber of Gaussians and grasps; a context manager.

    Args:
        how: The arrangement.
        namespace: Of the nodes, absolute.
        parameters: Of the reconstruction node.
        logs: Folder of the processes' output.
        domain: DDS domain.
    """

    def __init__(
        self, how: Arrangement, namespace: str, parameters: dict[str, object], logs: Path, domain: int
    ) -> None:
        self.how, self._namespace, self._parameters = how, namespace, parameters
        self._logs, self._domain = logs, domain
        self._group = ProcessGroup()
        self._stack = ExitStack()
        self.latencies: dict[str, list[float]] = {topic.name: [] for topic in _TOPICS}
        self.cpu: list[float] = []  # seconds of all nodes' processes from the image to the grasps
        self._sent = 0

    def __enter__(self) -> SceneNodes:
        with ExitStack() as stack:
            self._collector = stack.enter_context(Collector(self._domain, namespace=self._namespace, topics=_TOPICS))
            self._camera = stack.enter_context(StillCamera(self._domain, self._namespace))
            stack.enter_context(self._group)
            for module in ("bringup",) if self.how.one_process else ("reconstruction_node", "grasp_node"):
                self._group.add(self._process(module))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def wait_active(self) -> None:
        """Wait until both nodes are active.

        Raises:
            InputError: a node ended or does not become active.
        """
        if not self._collector.wait(
            lambda: all(self._report(n).get("state") == "active" for n in _NODES), _START, self._group.check
        ):
            said = self._group.last_lines()
            raise InputError(f"{self.how.name}: the nodes did not become active within {_START:.0f} s ({said})")

    def measure(self, frame: dict[str, bytearray], *, keep: bool) -> None:
        """Send one frame, again if it is lost, and wait for its grasps.

        Raises:
            InputError: a node ended, or gives no grasps.
        """
        for _ in range(3):
            began, cpu = time.monotonic(), self._group.cpu_seconds()
            stamp = self._camera.send(frame)
            if self._collector.wait(partial(self._has_arrived, stamp), _LOST, self._group.check):
                for topic in _TOPICS if keep else ():
                    self.latencies[topic.name].append(self._collector.arrivals[topic.name][stamp] - began)
                self.cpu += [self._group.cpu_seconds() - cpu] if keep else []
                self._sent += 1
                return
        raise InputError(f"{self.how.name}: no grasps for three frames in turn")

    def stages(self) -> dict[str, float]:
        """Medians of the stages that the nodes report, milliseconds."""
        self._collector.wait(
            lambda: all(int(self._report(n).get("frames.total", 0)) >= self._sent for n in _NODES), 10.0
        )
        ending = ".p50_ms"
        return {
            f"{node}: {key.removeprefix('latency.').removesuffix(ending)}": float(value)
            for node in _NODES
            for key, value in self._report(node).items()
            if key.startswith("latency.") and key.endswith(ending)
        }

    def _has_arrived(self, stamp: int) -> bool:
        return all(stamp in self._collector.arrivals[topic.name] for topic in _TOPICS)

    def _process(self, module: str) -> NodeProcess:
        words = {} if module == "bringup" else {"autostart": True}
        parameters = {f"reconstruction:{name}": value for name, value in self._parameters.items()}
        arguments = [*ros_arguments({**words, **parameters}), "-r", f"__ns:={self._namespace}"]
        log = self._logs / f"{self._namespace.strip('/')}_{module}.txt"
        environment = dict(os.environ)
        if self.how.source is not None:  # the folder of this process must not come first
            environment |= {"PYTHONPATH": str(self.how.source.resolve()), "PYTHONSAFEPATH": "1"}
        return NodeProcess(module, arguments, log=log, domain=self._domain, environment=environment)

    def _report(self, node: str) -> dict[str, str]:
        found = self._collector.diagnostics(f"{self._namespace}/{node}")
        return found[-1] if found else {}


def measure_scene(
    frames: int, sources: Sequence[Path], parameters: dict[str, object], logs: Path, domain: int
) -> list[Figure]:
    """Latency of every arrangement, of ``frames`` frames each, and the medians of its stages.

    Raises:
        InputError: a node ended, or gives no grasps.
    """
    from gsn_perception.scenes.demo import demo_table

    messages = [serialised(frame) for frame in demo_table(_OBJECTS, _VIEWS, seed=0)]
    with ExitStack() as stack:
        running = []
        for number, how in enumerate(arrangements(sources)):
            running.append(stack.enter_context(SceneNodes(how, f"/scene_{number}", parameters, logs, domain)))
            running[-1].wait_active()
        for number in tqdm(range(-_WARM_UP, frames), desc="scene", unit="frame", ncols=100):
            for nodes in running if number % 2 else reversed(running):
                nodes.measure(messages[number % _VIEWS], keep=number >= 0)
        return [figure for nodes in running for figure in _figures(nodes)]


def _figures(nodes: SceneNodes) -> list[Figure]:
    name, found = nodes.how.name, []
    for topic, seconds in nodes.latencies.items():
        p50, p95 = np.percentile(seconds, (50, 95)) * 1e3
        found += [
            Figure(f"{name}: image -> {topic}, p50", float(p50)),
            Figure(f"{name}: image -> {topic}, p95", float(p95)),
        ]
        if topic == interface.GRASP_TABLE.name:
            found.append(Figure(f"{name}: image -> {topic}, p95 / p50", float(p95 / p50), "", 1.6))
    found.append(
        Figure(f"{name}: CPU time of the nodes from the image to the grasps, median", 1e3 * float(np.median(nodes.cpu)))
    )
    stages = nodes.stages()
    found += [Figure(f"{name}: {stage}", value) for stage, value in sorted(stages.items())]
    known = [stages.get(f"{node}: total", float("nan")) for node in _NODES]
    whole = float(np.median(nodes.latencies[interface.GRASP_TABLE.name])) * 1e3
    return [*found, Figure(f"{name}: outside the workers (transport, joining, waiting)", whole - sum(known))]
