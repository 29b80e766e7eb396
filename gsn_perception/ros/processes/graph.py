"""A graph of node processes, with a collector of their outputs in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from gsn_perception.geometry import InputError
from gsn_perception.ros import interface
from gsn_perception.ros.processes.collector import Collector
from gsn_perception.ros.processes.process import NodeProcess
from gsn_perception.ros.processes.process import ros_arguments
from gsn_perception.ros.processes.process_group import ProcessGroup


class NodeGraph:
    """Node processes that are active inside a ``with`` block.

    Args:
        nodes: Modules of ``gsn_perception.nodes`` and their parameters; empty strings are left out.
        topics: Topics that this process subscribes to; the nodes convert results only for these.
        logs: Folder of the processes' output.
        domain: DDS domain.
        timeout: Longest wait until all are active, seconds.

    Raises:
        InputError: a node ended or did not become active.
    """

    def __init__(
        self,
        nodes: Mapping[str, Mapping[str, object]],
        *,
        topics: Sequence[interface.Topic],
        logs: Path,
        domain: int,
        timeout: float = 180.0,
    ) -> None:
        self._parameters = {
            module: {"autostart": True, **{name: value for name, value in chosen.items() if value != ""}}
            for module, chosen in nodes.items()
        }
        self._topics, self._timeout = topics, timeout
        self.logs, self.domain = logs, domain
        self.nodes: dict[str, NodeProcess] = {}
        self._group = ProcessGroup()
        self._starts: Counter[str] = Counter()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.collector = stack.enter_context(Collector(self.domain, topics=self._topics))
            stack.enter_context(self._group)
            for module in self._parameters:
                self.start(module)
            self.wait(lambda: all(self._is_active(name) for name in self._parameters), self._timeout, "become active")
            self.begin()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def begin(self) -> None:
        """Called once the nodes are active."""

    def start(self, module: str) -> NodeProcess:
        """Start a node, e.g. again after it was killed."""
        self._starts[module] += 1
        again = f"_{self._starts[module]}" if self._starts[module] > 1 else ""
        log = self.logs / f"{module}{again}.txt"
        process = NodeProcess(module, ros_arguments(self._parameters[module]), log=log, domain=self.domain)
        if module in self.nodes:
            self._group.release(self.nodes[module])
        self.nodes[module] = self._group.add(process)
        return process

    def run_beside(self, module: str, arguments: Sequence[str]) -> NodeProcess:
        """Start another process that runs as long as the graph, e.g. a camera."""
        return self._group.add(self._beside(module, arguments))

    def run_once(self, module: str, arguments: Sequence[str]) -> NodeProcess:
        """Start another process that may end by itself."""
        return self._group.add(self._beside(module, arguments), may_end=True)

    def report(self, module: str) -> dict[str, str]:
        """The newest diagnostics of a node."""
        found = self.collector.diagnostics("/" + module.removesuffix("_node"))
        return found[-1] if found else {}

    def wait(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait for ``done``.

        Raises:
            InputError: a process ended, or ``timeout`` seconds passed; the sentence holds the last diagnostics.
        """
        if not self.collector.wait(done, timeout, self.check):
            reports = {name: self.report(name) for name in self.nodes}
            said = "; ".join(f"{n}: {r.get('why_nothing') or r.get('message', 'silent')}" for n, r in reports.items())
            raise InputError(f"the nodes did not {what} within {timeout:.0f} s ({said})")

    def check(self) -> None:
        """Raise InputError where a process ended by itself."""
        self._group.check()

    def _beside(self, module: str, arguments: Sequence[str]) -> NodeProcess:
        self._starts[module] += 1
        log = self.logs / f"{module.rsplit('.', maxsplit=1)[-1]}_{self._starts[module]}.txt"
        return NodeProcess(module, arguments, log=log, domain=self.domain)

    def _is_active(self, module: str) -> bool:
        return self.report(module).get("state") == "active"
