"""Benchmark: both nodes of two source trees side by side: start, image to ``grasps/table``, memory after work.

It uses what is stable between versions: the executables, the parameter ``autostart``, the topics. The pairs of nodes live
in namespaces of one domain and get frames in turn; a pair that waits uses next to no CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType

import psutil

from gsn_perception.evaluation.speed.compare.comparison import Plan
from gsn_perception.evaluation.speed.compare.comparison import Samples
from gsn_perception.evaluation.speed.compare.comparison import in_turn
from gsn_perception.evaluation.speed.compare.trees import Tree
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.ros import interface
from gsn_perception.ros.bench.camera import serialised
from gsn_perception.ros.bench.figure import own_domain
from gsn_perception.ros.bench.still_camera import StillCamera
from gsn_perception.ros.processes.collector import Collector
from gsn_perception.ros.processes.process import NodeProcess
from gsn_perception.ros.processes.process import ros_arguments
from gsn_perception.ros.processes.process_group import ProcessGroup

NODES = ("reconstruction_node", "grasp_node")
_TABLE = interface.GRASP_TABLE
_PERIOD = 0.1  # between frames while the nodes start and while they work
_LOST = 30.0  # a frame without grasps after so many seconds was lost: images are sent best effort
_TRIES = 3
_TIMEOUT = 600.0  # the first start compiles the kernels
_WINDOW, _IDLE = 0.4, 0.2  # seconds, and cores' share below which nodes are idle
_MB = 1e6


class TreeNodes:
    """Both nodes of one tree with a camera and a subscriber of ``grasps/table``; a context manager.

    Args:
        tree: The tree.
        namespace: Of the nodes, absolute.
        scene: The frame that the camera sends.
        logs: Folder of the processes' output.
        device: Of the network.
    """

    def __init__(self, tree: Tree, namespace: str, scene: Observation, logs: Path, device: str) -> None:
        self._tree, self._namespace, self._logs, self._device = tree, namespace, logs, device
        self._frame = serialised(scene)
        self._processes: dict[str, NodeProcess] = {}
        self._group = ProcessGroup()
        self._stack = ExitStack()

    def __enter__(self) -> TreeNodes:
        with ExitStack() as stack:
            domain = own_domain()
            self._collector = stack.enter_context(Collector(domain, namespace=self._namespace, topics=(_TABLE,)))
            self._camera = stack.enter_context(StillCamera(domain, self._namespace))
            stack.enter_context(self._group)
            self._began = time.monotonic()
            for module in NODES:
                chosen = {"device": self._device} if module == "reconstruction_node" else {}
                words = [*ros_arguments({"autostart": True, **chosen}), "-r", f"__ns:={self._namespace}"]
                log = self._logs / f"{self._tree.name}_{module}.txt"
                process = NodeProcess(module, words, log=log, domain=domain, environment=self._tree.environment())
                self._processes[module] = self._group.add(process)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(self) -> dict[str, float]:
        """Seconds and CPU seconds from the start of the processes to the first grasps, under a 10 Hz camera.

        Raises:
            InputError: a node ended, or there are no grasps.
        """
        found = self._collector.arrivals[_TABLE.name]
        self._work(_TIMEOUT, lambda: bool(found))
        if not found:
            raise self._failed(f"gave no {_TABLE.name} within {_TIMEOUT:.0f} s of its start")
        spent = {"wall_s": min(found.values()) - self._began, "CPU_s": self._group.cpu_seconds()}
        self._settle()
        return spent

    def latency(self) -> dict[str, float]:
        """Seconds from sending one frame to its grasps, and CPU seconds of both nodes until they are idle again.

        Raises:
            InputError: a node ended, or there are no grasps.
        """
        arrivals = self._collector.arrivals[_TABLE.name]
        for _ in range(_TRIES):
            cpu, began = self._group.cpu_seconds(), time.monotonic()
            stamp = self._camera.send(self._frame)
            if self._collector.wait(partial(arrivals.__contains__, stamp), _LOST, self._check):
                if not self._collector.widths[_TABLE.name][stamp]:
                    raise self._failed("found no grasp in the scene; choose another --seed")
                self._settle()
                return {"wall_s": arrivals[stamp] - began, "CPU_s": self._group.cpu_seconds() - cpu}
        raise self._failed(f"gave no {_TABLE.name} for {_TRIES} frames in turn")

    def memory(self, seconds: float) -> dict[str, float]:
        """Resident MB of each node after ``seconds`` of work under a 10 Hz camera, and their peaks.

        Raises:
            InputError: a node ended.
        """
        self._work(seconds, lambda: False)
        self._settle()
        found = {}
        for module, process in self._processes.items():
            name = module.removesuffix("_node")
            found[f"{name}_settled_MB"] = psutil.Process(process.pid).memory_info().rss / _MB
            found[f"{name}_peak_MB"] = max(process.peak_bytes / _MB, found[f"{name}_settled_MB"])
        return found

    def _work(self, seconds: float, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not done():
            self._check()
            self._camera.send(self._frame)
            self._collector.wait(done, _PERIOD)

    def _settle(self) -> None:
        """Wait until the nodes have worked off what they hold."""
        deadline = time.monotonic() + _LOST
        while time.monotonic() < deadline:
            cpu, began = self._group.cpu_seconds(), time.monotonic()
            time.sleep(_WINDOW)
            if self._group.cpu_seconds() - cpu < _IDLE * (time.monotonic() - began):
                return

    def _check(self) -> None:
        try:
            self._group.check()
        except InputError as error:
            raise InputError(f"{self._tree.name}: {error}") from None

    def _failed(self, what: str) -> InputError:
        return InputError(f"{self._tree.name} {what} ({self._group.last_lines()})")


class NodesComparison:
    """The figures of the nodes of two trees.

    Args:
        trees: The earlier one and the later one.
        scene: Frame that the camera sends.
        logs: Folder for the output of the processes.
        samples: Takes the samples.
        plan: How much is measured.
        progress: Called with a sentence before every step.
    """

    def __init__(
        self,
        trees: tuple[Tree, Tree],
        scene: Observation,
        logs: Path,
        samples: Samples,
        plan: Plan,
        progress: Callable[[str], None],
    ) -> None:
        self._trees, self._scene, self._logs, self._plan = trees, scene, logs, plan
        self._samples, self._progress = samples, progress

    def run(self, *, latency: bool, seconds: float) -> None:
        """Measure start and latency in every round, memory (``seconds`` above 0) in the last; one round is discarded.

        Raises:
            InputError: the nodes of a tree do not run.
        """
        self._progress("nodes: warm-up, not counted")
        self._round(0, 1, keep=False)
        for number in range(self._plan.rounds if latency else 0):
            self._progress(f"nodes: round {number + 1} of {self._plan.rounds}")
            self._round(number, self._plan.calls, keep=True)
        if seconds > 0:
            for side, tree in enumerate(self._trees):
                self._progress(f"nodes: memory of {tree.name} after {seconds:g} s of work")
                with self._nodes(side) as nodes:
                    nodes.start()
                    self._samples.add("memory of the nodes", side, **nodes.memory(seconds))

    def _round(self, number: int, calls: int, *, keep: bool) -> None:
        with ExitStack() as stack:
            both = []
            for side, _ in in_turn(self._trees, number):
                nodes = stack.enter_context(self._nodes(side))
                both.append((side, nodes))
                spent = nodes.start()
                if keep:
                    self._samples.add("nodes, start to first grasps", side, **spent)
            pair = [nodes for _, nodes in sorted(both, key=lambda item: item[0])]
            for call in range(calls):
                for side, nodes in in_turn(pair, number + call):
                    spent = nodes.latency()
                    if keep:
                        self._samples.add("nodes, three objects, image -> grasps/table", side, **spent)

    def _nodes(self, side: int) -> TreeNodes:
        return TreeNodes(self._trees[side], ("/before", "/after")[side], self._scene, self._logs, self._plan.device)
