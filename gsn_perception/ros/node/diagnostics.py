"""Collects counts, rates, latencies and remarks of a node for diagnostic_msgs/DiagnosticArray."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections import defaultdict
from collections import deque
from collections.abc import Mapping

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_msgs.msg import KeyValue
from std_msgs.msg import Header

from gsn_perception.ros.messages.diagnostics import HARDWARE
from gsn_perception.ros.messages.diagnostics import status_name

_WINDOW = 300  # frames of the percentiles


class Diagnostics:
    """Collects from any thread; :meth:`message` is published once a second with the status ``NODE: frames``.

    Counts run from the start. Rates, means and maxima cover the time since the last message, percentiles the last 300
    frames. ``why_nothing`` is a sentence while no result, or only empty ones, were published since the last message.

    The level is ERROR after a failure of the node itself; WARN after a refusal or remark since the last message, or
    while an active node misses an input; else OK (also when newer frames supersede older ones). ``remark.<code>``
    counts remarks since the start, ``remarks`` holds the sentences since the last message.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._total: Counter[str] = Counter()
        self._recent: Counter[str] = Counter()
        self._drops: Counter[str] = Counter()
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._window: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_WINDOW))
        self._outputs: set[str] = set()
        self._filled = 0  # non-empty outputs since the last message
        self._remarks: Counter[str] = Counter()
        self._remarked: dict[str, str] = {}
        self._refusal = ""
        self._warning = ""
        self._error = ""
        self._since = time.monotonic()

    def count(self, stream: str) -> None:
        """Count a message of an input, an accepted frame, or a message of an output."""
        with self._lock:
            self._total[stream] += 1
            self._recent[stream] += 1

    def publish(self, topic: str, empty: bool = False) -> None:
        """Count a message of an output; one that is not ``empty`` clears the reason of ``why_nothing``."""
        self.count(topic)
        with self._lock:
            self._outputs.add(topic)
            if not empty:
                self._filled += 1
                self._refusal = ""

    def empty_result(self, sentence: str) -> None:
        """Set the reason of an empty result, without a warning."""
        with self._lock:
            self._refusal = sentence

    def drop(self, reason: str, sentence: str = "") -> None:
        """Count a dropped frame or object; ``reason`` is a short name, ``sentence`` is for the user."""
        with self._lock:
            self._drops[reason] += 1
            self._warning = sentence or self._warning
            self._refusal = sentence or self._refusal

    def remark(self, code: str, sentence: str) -> None:
        """Count a doubt about a frame or an object that was processed all the same."""
        with self._lock:
            self._remarks[code] += 1
            self._remarked[code] = sentence

    def latency(self, seconds: Mapping[str, float]) -> None:
        """Add the seconds per stage of one frame."""
        with self._lock:
            for stage, value in seconds.items():
                self._seconds[stage].append(float(value))
                self._window[stage].append(float(value))

    def fail(self, sentence: str) -> None:
        """Set a failure of the node itself; it stays until :meth:`recover`."""
        with self._lock:
            self._error = sentence

    def recover(self) -> None:
        """Clear the failure, after a transition or a frame succeeded."""
        with self._lock:
            self._error = ""

    @property
    def drops(self) -> dict[str, int]:
        """Number of dropped frames and objects by reason, since the start."""
        with self._lock:
            return dict(self._drops)

    @property
    def totals(self) -> dict[str, int]:
        """Counts by stream, since the start."""
        with self._lock:
            return dict(self._total)

    def message(
        self, stamp: Time, state: str, waiting: str = "", facts: Mapping[str, str] | None = None
    ) -> DiagnosticArray:
        """The diagnostics since the last call.

        Args:
            stamp: Now.
            state: Lifecycle state.
            waiting: Why the node can publish no result (a missing input, disabled), or empty.
            facts: Further key-value pairs, e.g. the device and the weights.
        """
        with self._lock:
            elapsed = max(time.monotonic() - self._since, 1e-3)
            status = DiagnosticStatus(name=status_name(self._name), hardware_id=HARDWARE)
            level, text = DiagnosticStatus.OK, state
            if waiting or self._warning or self._remarked:
                remarked = next(iter(self._remarked.values()), "")
                level, text = DiagnosticStatus.WARN, self._warning or waiting or remarked
            if self._error:
                level, text = DiagnosticStatus.ERROR, self._error
            status.level, status.message = level, text
            values = {
                "state": state,
                "why_nothing": self._why(state, waiting),
                **(facts or {}),
                **self._values(elapsed),
            }
            status.values = [KeyValue(key=k, value=v) for k, v in values.items()]
            self._recent.clear()
            self._seconds.clear()
            self._filled = 0
            self._remarked.clear()
            self._warning = ""
            self._since = time.monotonic()
        return DiagnosticArray(header=Header(stamp=stamp), status=[status])

    def _why(self, state: str, waiting: str) -> str:
        """Why no result, or only empty ones, were published since the last message; else empty."""
        if self._filled:
            return ""
        if self._error:
            return self._error
        if state != "active":
            return f"the node is {state}; configure and activate it"
        if waiting or self._refusal:
            return waiting or self._refusal
        if self._recent["frames"] == 0:
            return "no new frame was finished"
        published = any(self._recent[topic] for topic in self._outputs)
        return "every result was empty" if published else "nobody is subscribed to an output"

    def _values(self, elapsed: float) -> dict[str, str]:
        values = {}
        for stream, total in sorted(self._total.items()):
            values[f"{stream}.rate_hz"] = f"{self._recent[stream] / elapsed:.2f}"
            values[f"{stream}.total"] = str(total)
        for stage, window in sorted(self._window.items()):
            ordered = sorted(window)
            recent = self._seconds.get(stage) or [window[-1]]
            figures = {"mean": sum(recent) / len(recent), "max": max(recent)}
            figures |= {"p50": _share(ordered, 0.5), "p95": _share(ordered, 0.95)}
            values |= {f"latency.{stage}.{name}_ms": f"{1e3 * seconds:.1f}" for name, seconds in figures.items()}
        for reason, count in sorted(self._drops.items()):
            values[f"dropped.{reason}"] = str(count)
        for code, count in sorted(self._remarks.items()):
            values[f"remark.{code}"] = str(count)
        values["remarks"] = "; ".join(f"{code}: {text}" for code, text in self._remarked.items())
        return values


def _share(ordered: list[float], share: float) -> float:
    """The value that the fraction ``share`` of the sorted values does not exceed."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
