"""Joins messages of several streams by their stamps, without ROS."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Messages that belong together.

    Attributes:
        stamp: Nanoseconds, of the first required stream.
        messages: Stream name to message; an optional stream may be absent.
    """

    stamp: int
    messages: dict[str, Any]


class StampSynchronizer:
    """Joins one message of every required stream, and of the optional ones that are alive, within ``slop``.

    The first required stream is the pivot. A join is handed out as soon as nothing is missing; an older pivot that is
    still incomplete then is dropped (newest wins). An optional stream that is alive is waited for until a later
    message of it shows that none will come, until the pivot is ``patience`` old, or until the queue is full.
    A stamp that steps back (a bag that loops) forgets what lies after it. Not thread-safe.

    Args:
        required: Stream names; the first is the pivot.
        optional: Stream names.
        slop: Largest difference of stamps, nanoseconds.
        queue: Messages kept per stream.
        patience: Nanoseconds of stamps.
        is_alive: Whether to wait for an optional stream at all.
        on_drop: Called with the stamp of every pivot that is given up.
    """

    def __init__(
        self,
        required: Sequence[str],
        optional: Sequence[str] = (),
        *,
        slop: int = 0,
        queue: int = 10,
        patience: int = NANOSECONDS // 2,
        is_alive: Callable[[str], bool] = lambda stream: True,
        on_drop: Callable[[int], None] = lambda stamp: None,
    ) -> None:
        self._required, self._optional = tuple(required), tuple(optional)
        self._slop, self._queue, self._patience = slop, queue, patience
        self._is_alive, self._on_drop = is_alive, on_drop
        self._waiting: dict[str, list[tuple[int, int, Any]]] = {}
        self._newest: dict[str, int] = {}
        self._count = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._waiting = {name: [] for name in (*self._required, *self._optional)}
        self._newest = {}

    def add(self, stream: str, stamp: int, message: Any) -> Joined | None:
        """Take one message in; the newest join it completes, if any."""
        if stamp < self._newest.get(stream, stamp):
            self._step_back(stream, stamp)
        self._newest[stream] = stamp
        self._count += 1  # keeps messages themselves out of the comparison
        insort(self._waiting[stream], (stamp, self._count, message))
        joined = self._newest_join()
        pivot = self._required[0]
        for name, waiting in self._waiting.items():
            while len(waiting) > self._queue:
                old = waiting.pop(0)
                if name == pivot:
                    self._on_drop(old[0])
        return joined

    def waiting_for(self) -> list[str]:
        """Required streams that never delivered."""
        return [name for name in self._required if name not in self._newest]

    def _newest_join(self) -> Joined | None:
        pivots = self._waiting[self._required[0]]
        for index in range(len(pivots) - 1, -1, -1):
            stamp, _, message = pivots[index]
            full = len(pivots) > self._queue and index == 0
            found = self._matches(stamp, give_up=full or pivots[-1][0] - stamp > self._patience)
            if found is None:
                continue
            for old in pivots[:index]:
                self._on_drop(old[0])
            for name in self._waiting:
                limit = (
                    stamp if name == self._required[0] else found[name][0] if name in found else stamp - self._slop - 1
                )
                self._waiting[name] = [entry for entry in self._waiting[name] if entry[0] > limit]
            taken = {name: entry[2] for name, entry in found.items()}
            return Joined(stamp, {self._required[0]: message, **taken})
        return None

    def _matches(self, stamp: int, *, give_up: bool) -> dict[str, tuple[int, int, Any]] | None:
        """The nearest message of every other stream, or None while one is worth waiting for."""
        found = {}
        for name in (*self._required[1:], *self._optional):
            near = [entry for entry in self._waiting[name] if abs(entry[0] - stamp) <= self._slop]
            if near:
                found[name] = min(near, key=lambda entry: (abs(entry[0] - stamp), -entry[1]))
            elif name in self._required or not (give_up or self._passed(name, stamp) or not self._is_alive(name)):
                return None
        return found

    def _passed(self, name: str, stamp: int) -> bool:
        """Whether the stream has moved on beyond ``stamp``; far ahead it is of another run of the same bag."""
        return any(self._slop < entry[0] - stamp <= self._patience for entry in self._waiting[name])

    def _step_back(self, stream: str, stamp: int) -> None:
        names = list(self._waiting) if stream == self._required[0] else [stream]
        for name in names:
            kept = [entry for entry in self._waiting[name] if entry[0] <= stamp + self._slop]
            if name == self._required[0]:
                for entry in self._waiting[name][len(kept) :]:
                    self._on_drop(entry[0])
            self._waiting[name] = kept
