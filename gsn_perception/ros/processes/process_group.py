"""Processes that run and end together."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

import psutil

from gsn_perception.ros.processes.process import NodeProcess


class ProcessGroup:
    """Processes that end side by side: all are asked to end before one is waited for. A context manager."""

    def __init__(self) -> None:
        self._members: list[NodeProcess] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._members:
            process.ask_to_end()
        self._stack.close()

    def add(self, process: NodeProcess, *, may_end: bool = False) -> NodeProcess:
        """Take a process that was started; ``may_end``: it may end by itself."""
        self._stack.enter_context(process)
        if not may_end:
            self._members.append(process)
        return process

    def release(self, process: NodeProcess) -> None:
        """From now on this process may end by itself, e.g. because another takes its place."""
        if process in self._members:
            self._members.remove(process)

    def check(self) -> None:
        """Check that the processes run.

        Raises:
            InputError: one ended by itself.
        """
        for process in self._members:
            process.check()

    def cpu_seconds(self) -> float:
        """CPU time of the processes so far."""
        times = [psutil.Process(process.pid).cpu_times() for process in self._members]
        return float(sum(t.user + t.system for t in times))

    def last_lines(self) -> str:
        """The last line of output of each process."""
        return "; ".join(f"{process.name}: {process.last_line()}" for process in self._members)
