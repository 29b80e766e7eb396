"""Buffers of the frame synchronisation: depth and mask messages and images that wait, and statistics of their stamps."""

from __future__ import annotations

from bisect import bisect_left
from bisect import bisect_right
from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from itertools import pairwise
from statistics import median
from typing import Any
from typing import Protocol

_KEPT = 4096  # stamps of images, two minutes at 30 Hz
RECENT = 10  # messages that offsets and lateness are taken from
_OVERHEAD = 4096  # bytes of a message besides its pixels, an upper estimate


def size_of(message: Any) -> int:
    """Bytes of a message, approximately."""
    data = getattr(message, "data", b"")
    return _OVERHEAD + (len(data) if hasattr(data, "__len__") else 0)


class Stamped(Protocol):
    """Anything with a stamp."""

    @property
    def stamp(self) -> int:
        """Nanoseconds."""
        ...


def within(items: Sequence[Stamped], stamp: int, slop: int) -> tuple[int, int]:
    """Begin and end of the slice of ``items`` (sorted by stamp) at most ``slop`` from ``stamp``."""
    low = bisect_left(items, stamp - slop, key=_stamp_of)
    return low, bisect_right(items, stamp + slop, lo=low, key=_stamp_of)


def _stamp_of(item: Stamped) -> int:
    return item.stamp


class ImageStamps:
    """The stamps of all images so far, dropped ones included."""

    def __init__(self) -> None:
        self._stamps: list[int] = []

    def add(self, stamp: int) -> None:
        """Add a stamp that is not older than those before."""
        self._stamps.append(stamp)
        if len(self._stamps) > _KEPT:
            del self._stamps[: _KEPT // 2]

    def clear(self) -> None:
        """Forget all stamps, after time stepped back."""
        self._stamps.clear()

    @property
    def oldest(self) -> int | None:
        """Nanoseconds, None before the first."""
        return self._stamps[0] if self._stamps else None

    @property
    def newest(self) -> int | None:
        """Nanoseconds, None before the first."""
        return self._stamps[-1] if self._stamps else None

    def distance(self, stamp: int) -> int | None:
        """Nanoseconds from ``stamp`` to the nearest image; None without images."""
        at = bisect_left(self._stamps, stamp)
        return min((abs(stamp - near) for near in self._stamps[max(at - 1, 0) : at + 1]), default=None)

    def period(self) -> int | None:
        """Nanoseconds between images, None before the second."""
        recent = self._stamps[-20:]
        return round(median(b - a for a, b in pairwise(recent))) if len(recent) > 1 else None


@dataclass(frozen=True, slots=True, eq=False)
class BufferedMessage:
    """One message that waits for its image.

    Attributes:
        stamp: Nanoseconds.
        message: Any.
        size: Bytes.
    """

    stamp: int
    message: Any
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class WaitingImage:
    """One image that waits for its depth and mask.

    Attributes:
        stamp: Nanoseconds.
        message: The image.
        needs: Streams that had a publisher when it came; it is joined only with all of them.
        size: Bytes.
        came: When it arrived, seconds of the clock.
    """

    stamp: int
    message: Any
    needs: frozenset[str]
    size: int
    came: float


@dataclass(slots=True, eq=False)
class StreamBuffer:
    """The messages of one stream, depth or mask, that wait for their images.

    Attributes:
        name: Of the stream.
        entries: Messages that wait for their image, by stamp.
        recent: The last stamps.
        lateness: Nanoseconds by which the newest image was ahead when a message within the slop of an image came.
        offsets: Stamp of a message minus the stamp of the image it was joined to, nanoseconds.
        came: Whether any message came.
        newest_image: The newest image's stamp when the last message came; None before the first image.
        was_alive: Whether it ever had a publisher.
        used: The message that was joined last.
    """

    name: str
    entries: list[BufferedMessage] = field(default_factory=list)
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    lateness: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    offsets: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    came: bool = False
    newest_image: int | None = None
    was_alive: bool = False
    used: BufferedMessage | None = None
    _newest: int = 0
    _last: int = 0

    def add(self, stamp: int, message: Any, images: ImageStamps, slop: int, wait: int) -> None:
        """Keep a message until it is joined or pruned."""
        if not self.recent or stamp > self._newest or stamp < self._newest - wait:  # the latter: time stepped back
            self._newest = stamp
        self._last = stamp
        self.recent.append(stamp)
        newest, distance = images.newest, images.distance(stamp)
        self.came, self.newest_image = True, newest
        if newest is not None and distance is not None and distance <= slop:
            self.lateness.append(max(newest - stamp, 0))
        insort(self.entries, BufferedMessage(stamp, message, size_of(message)), key=_stamp_of)

    def nearest(self, stamp: int, slop: int) -> BufferedMessage | None:
        """The message with the nearest stamp within ``slop``; of two equally near ones the newer."""
        low, high = within(self.entries, stamp, slop)
        return min(self.entries[low:high][::-1], key=lambda entry: abs(entry.stamp - stamp), default=None)

    @property
    def is_shared(self) -> bool:
        """Whether one message may serve several images: depth shows the scene, a mask one image."""
        return self.name != "mask"

    def is_past(self, stamp: int) -> bool:
        """Whether a newer message arrived: one that belongs to ``stamp`` arrived before it, or never will."""
        return self._newest > stamp

    def use(self, entry: BufferedMessage, image: int) -> None:
        """Record that a message was joined to the image with stamp ``image``, and drop older messages."""
        self.used = entry
        self.offsets.append(entry.stamp - image)
        self.entries = [e for e in self.entries if e.stamp > entry.stamp or (e is entry and self.is_shared)]

    def prune(self, waiting: Sequence[Stamped], newest: int | None, slop: int, wait: int) -> None:
        """Drop messages that no image can need any more.

        Args:
            waiting: Waiting images, by stamp.
            newest: Stamp of the newest image.
            slop: Largest difference of stamps, nanoseconds.
            wait: Longest wait, nanoseconds.
        """

        def is_wanted(stamp: int) -> bool:
            low, high = within(waiting, stamp, slop)
            ahead = newest is None or stamp >= newest - slop
            # the last message may be the first one after a bag starts again, before any of its images
            return low < high or (ahead and stamp >= self._newest - wait) or stamp == self._last

        self.entries = [entry for entry in self.entries if is_wanted(entry.stamp)]

    def slowest(self) -> int:
        """Largest recent lateness, nanoseconds; 0 without messages."""
        return max(self.lateness, default=0)

    @property
    def size(self) -> int:
        """Bytes of the waiting messages."""
        return sum(entry.size for entry in self.entries)


def densest(stamps: list[int]) -> int:
    """Index of the stamp whose neighbours are closest together; never the newest, the oldest only of two.

    Args:
        stamps: Two or more, rising.
    """
    gaps = [after - before for before, after in zip(stamps, stamps[2:], strict=False)]
    return gaps.index(min(gaps)) + 1 if gaps else 0
