"""Counts, rates and latencies of a node, as diagnostic_msgs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections import defaultdict
from collections.abc import Mapping

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_msgs.msg import KeyValue
from std_msgs.msg import Header


class Diagnostics:
    """Collects from any thread; :meth:`message` is published once a second.

    The level is ERROR after a failure of the node itself, WARN after something was refused with a sentence since the
    last message or while an active node misses an input, else OK (also when newer frames overtake older ones).
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._total: Counter[str] = Counter()
        self._recent: Counter[str] = Counter()
        self._drops: Counter[str] = Counter()
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._last: dict[str, float] = {}
        self._warning = ""
        self._error = ""
        self._since = time.monotonic()

    def count(self, stream: str) -> None:
        """One message of an input, one accepted frame, one output."""
        with self._lock:
            self._total[stream] += 1
            self._recent[stream] += 1

    def drop(self, reason: str, sentence: str = "") -> None:
        """One frame or object was given up; ``reason`` is a short name, ``sentence`` for the user."""
        with self._lock:
            self._drops[reason] += 1
            self._warning = sentence or self._warning

    def latency(self, seconds: Mapping[str, float]) -> None:
        """Seconds per stage of one frame."""
        with self._lock:
            for stage, value in seconds.items():
                self._seconds[stage].append(float(value))
                self._last[stage] = float(value)

    def fail(self, sentence: str) -> None:
        """The node itself failed; the sentence stays until :meth:`recover`."""
        with self._lock:
            self._error = sentence

    def recover(self) -> None:
        """A transition or a frame went well."""
        with self._lock:
            self._error = ""

    @property
    def drops(self) -> dict[str, int]:
        """How many were given up by reason, since the start."""
        with self._lock:
            return dict(self._drops)

    @property
    def totals(self) -> dict[str, int]:
        """Counts by stream, since the start."""
        with self._lock:
            return dict(self._total)

    def message(self, stamp: Time, state: str, waiting: str = "") -> DiagnosticArray:
        """What happened since the last call.

        Args:
            stamp: Now.
            state: Lifecycle state.
            waiting: What an active node still waits for, or nothing.
        """
        with self._lock:
            elapsed = max(time.monotonic() - self._since, 1e-3)
            status = DiagnosticStatus(name=self._name, hardware_id="gsn_perception")
            level, text = DiagnosticStatus.OK, state
            if waiting or self._warning:
                level, text = DiagnosticStatus.WARN, self._warning or waiting
            if self._error:
                level, text = DiagnosticStatus.ERROR, self._error
            status.level, status.message = level, text
            status.values = [KeyValue(key=k, value=v) for k, v in self._values(state, elapsed).items()]
            self._recent.clear()
            self._seconds.clear()
            self._warning = ""
            self._since = time.monotonic()
        return DiagnosticArray(header=Header(stamp=stamp), status=[status])

    def _values(self, state: str, elapsed: float) -> dict[str, str]:
        values = {"state": state}
        for stream, total in sorted(self._total.items()):
            values[f"{stream}.rate_hz"] = f"{self._recent[stream] / elapsed:.2f}"
            values[f"{stream}.total"] = str(total)
        for stage, last in sorted(self._last.items()):
            recent = self._seconds.get(stage) or [last]
            values[f"latency.{stage}.mean_ms"] = f"{1e3 * sum(recent) / len(recent):.1f}"
            values[f"latency.{stage}.max_ms"] = f"{1e3 * max(recent):.1f}"
        for reason, count in sorted(self._drops.items()):
            values[f"dropped.{reason}"] = str(count)
        return values
