"""Waits until the nodes are active, or idle after a recording was played, by their diagnostics."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

from gsn_perception.ros.messages.diagnostics import BUSY
from gsn_perception.ros.messages.diagnostics import HARDWARE
from gsn_perception.ros.messages.diagnostics import node_of

_QUEUE = 50
_QUIET = 2  # consecutive reports (1 Hz); a result reaches the next node within that time
_SILENCE = 5.0  # seconds without any report after which no node is expected


class IdleWatch:
    """Subscribes to ``/diagnostics`` and watches the two nodes, in any namespace.

    Args:
        node: Owns the subscription; only the waiting methods spin it, until :meth:`close`.
        expected: Absolute names of nodes to wait for, also before their first report.
    """

    def __init__(self, node: Node, expected: Sequence[str] = ()) -> None:
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self._expected = expected
        self._quiet: dict[str, int] = dict.fromkeys(expected, 0)
        self._state: dict[str, str] = {}
        self._frames: dict[str, str] = {}
        node.create_subscription(DiagnosticArray, "/diagnostics", self._take, QoSProfile(depth=_QUEUE))

    def close(self) -> None:
        """Stop using the node."""
        self._executor.shutdown(timeout_sec=0)

    def wait_active(self, timeout: float, stopped: Callable[[], bool]) -> list[str]:
        """Wait until every expected node is active; after ``timeout`` seconds returns the others with their messages."""
        deadline = time.monotonic() + timeout
        while late := [f"{name} ({said})" for name in self._expected if (said := self._state_of(name)) != "active"]:
            if stopped() or time.monotonic() > deadline:
                return late
            self._executor.spin_once(timeout_sec=0.1)
        return []

    def _state_of(self, name: str) -> str:
        return self._state.get(name, "no diagnostics")

    def wait(self, timeout: float, stopped: Callable[[], bool]) -> list[str]:
        """Wait until every reporting node was idle in two reports; after ``timeout`` seconds returns the busy ones."""
        for _ in range(0 if stopped() else 2 * _QUEUE):
            self._executor.spin_once(timeout_sec=0)
        self._quiet = dict.fromkeys(self._quiet, 0)  # reports from before do not count
        began = time.monotonic()
        while not stopped():
            self._executor.spin_once(timeout_sec=0.1)
            waited = time.monotonic() - began
            busy = sorted(name for name, count in self._quiet.items() if count < _QUIET)
            if waited > timeout or (not busy and (self._quiet or waited > min(_SILENCE, timeout))):
                return busy
        return []

    def _take(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == HARDWARE:
                self._update(status)

    def _update(self, status: DiagnosticStatus) -> None:
        values = {value.key: value.value for value in status.values}
        name, frames = node_of(status), values.get("frames.total", "0")
        idle = values.get(BUSY) == "false" and frames == self._frames.get(name, frames)
        self._quiet[name] = self._quiet.get(name, 0) + 1 if idle else 0
        self._frames[name] = frames
        state = values.get("state", "")
        self._state[name] = state if state == "active" else status.message
