"""The nodes and a made-up camera as processes, and this process as their listener."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from gsn_perception.geometry import InputError
from gsn_perception.ros import interface
from gsn_perception.ros.collector import Collector
from gsn_perception.ros.processes import NodeProcess
from gsn_perception.ros.processes import ros_arguments

CAMERA = "gsn_perception.ros.bench.camera"
_START = 180.0  # seconds until a node is active: importing and warming up on a loaded machine


class LiveGraph:
    """A camera and nodes that run while the ``with`` block lasts.

    Args:
        nodes: Modules of ``gsn_perception.nodes``.
        parameters: Of the reconstruction node.
        rate: Frames a second of the camera.
        topics: What this process subscribes to; only that is converted.
        logs: Folder for what the processes print.
        domain: DDS domain.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        parameters: dict[str, object],
        *,
        rate: float,
        topics: Sequence[interface.Topic],
        logs: Path,
        domain: int,
    ) -> None:
        self._names, self._parameters, self._rate = tuple(nodes), parameters, rate
        self._topics, self._logs, self._domain = topics, logs, domain
        self.nodes: dict[str, NodeProcess] = {}
        self._stack = ExitStack()

    def __enter__(self) -> LiveGraph:
        with ExitStack() as stack:
            self._stack = stack
            self.collector = stack.enter_context(Collector(self._domain, topics=self._topics))
            for name in self._names:
                self.start(name)
            self.wait(lambda: all(self.report(n).get("state") == "active" for n in self._names), _START, "be active")
            words = ["--rate", str(self._rate), "--wait", str(_START)]
            log = self._logs / "camera.txt"
            self.camera = stack.enter_context(NodeProcess(CAMERA, words, log=log, domain=self._domain))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(self, name: str) -> NodeProcess:
        """Start a node, e.g. once more after it was killed."""
        chosen = {**self._parameters, "autostart": True} if name == "reconstruction_node" else {"autostart": True}
        log = self._logs / f"{name}_{len([k for k in self.nodes if k == name])}.txt"
        process = NodeProcess(name, ros_arguments(chosen), log=log, domain=self._domain)
        self.nodes[name] = self._stack.enter_context(process)
        return process

    def report(self, name: str) -> dict[str, str]:
        """The newest diagnostics of a node."""
        found = self.collector.diagnostics("/" + name.removesuffix("_node"))
        return found[-1] if found else {}

    def wait(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait for ``done``.

        Raises:
            InputError: a process ended, or ``timeout`` seconds went by; the last diagnostics are in the sentence.
        """
        if not self.collector.wait(done, timeout, self.check):
            reports = {name: self.report(name) for name in self.nodes}
            said = "; ".join(f"{n}: {r.get('why_nothing') or r.get('message', 'silent')}" for n, r in reports.items())
            raise InputError(f"the nodes did not {what} within {timeout:.0f} s ({said})")

    def check(self) -> None:
        """Raise where a process ended by itself."""
        for process in (*self.nodes.values(), *([self.camera] if hasattr(self, "camera") else [])):
            process.check()
