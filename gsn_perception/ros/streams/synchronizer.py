"""Joins one message of each stream by stamp, for the grasp node. Pure Python, without rclpy."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Messages that were joined.

    Attributes:
        stamp: Stamp of the first stream, nanoseconds.
        messages: Stream name to message.
    """

    stamp: int
    messages: dict[str, Any]


class StampSynchronizer:
    """Joins one message of every stream within ``slop``; for images see ``FrameJoiner``.

    The first stream is the pivot. A set is returned as soon as it is complete; older incomplete pivots are then dropped.
    When a stamp steps back (a bag that loops), later stamps are forgotten. Not thread-safe.

    Args:
        streams: Names; the first is the pivot.
        slop: Largest difference of stamps, nanoseconds.
        queue: Messages kept per stream.
        on_drop: Called with the stamp of each dropped pivot.
    """

    def __init__(
        self,
        streams: Sequence[str],
        *,
        slop: int = 0,
        queue: int = 10,
        on_drop: Callable[[int], None] = lambda stamp: None,
    ) -> None:
        self._streams = tuple(streams)
        self._slop, self._queue, self._on_drop = slop, queue, on_drop
        self._waiting: dict[str, list[tuple[int, int, Any]]] = {}
        self._newest: dict[str, int] = {}
        self._count = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._waiting = {name: [] for name in self._streams}
        self._newest = {}

    def add(self, stream: str, stamp: int, message: Any) -> Joined | None:
        """Add a message; returns the newest set it completes, if any."""
        if stamp < self._newest.get(stream, stamp):
            self._step_back(stream, stamp)
        self._newest[stream] = stamp
        self._count += 1  # breaks ties, so that messages are never compared
        insort(self._waiting[stream], (stamp, self._count, message))
        joined = self._newest_join()
        for name, waiting in self._waiting.items():
            while len(waiting) > self._queue:
                old = waiting.pop(0)
                if name == self._streams[0]:
                    self._on_drop(old[0])
        return joined

    def waiting_for(self) -> list[str]:
        """Streams without any message so far."""
        return [name for name in self._streams if name not in self._newest]

    def _newest_join(self) -> Joined | None:
        pivots = self._waiting[self._streams[0]]
        for index in range(len(pivots) - 1, -1, -1):
            stamp, _, message = pivots[index]
            found = self._matches(stamp)
            if found is None:
                continue
            for old in pivots[:index]:
                self._on_drop(old[0])
            for name in self._waiting:
                limit = found[name][0] if name in found else stamp
                self._waiting[name] = [entry for entry in self._waiting[name] if entry[0] > limit]
            taken = {name: entry[2] for name, entry in found.items()}
            return Joined(stamp, {self._streams[0]: message, **taken})
        return None

    def _matches(self, stamp: int) -> dict[str, tuple[int, int, Any]] | None:
        """The nearest message of every other stream, or None where one is missing."""
        found = {}
        for name in self._streams[1:]:
            near = [entry for entry in self._waiting[name] if abs(entry[0] - stamp) <= self._slop]
            if not near:
                return None
            found[name] = min(near, key=lambda entry: (abs(entry[0] - stamp), -entry[1]))
        return found

    def _step_back(self, stream: str, stamp: int) -> None:
        names = list(self._waiting) if stream == self._streams[0] else [stream]
        for name in names:
            kept = [entry for entry in self._waiting[name] if entry[0] <= stamp + self._slop]
            if name == self._streams[0]:
                for entry in self._waiting[name][len(kept) :]:
                    self._on_drop(entry[0])
            self._waiting[name] = kept
