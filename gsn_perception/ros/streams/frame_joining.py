"""Joins images with depth and mask by stamp, also when these arrive late. Pure Python, without rclpy."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from gsn_perception.geometry import Remark
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.streams.stream_buffers import BufferedMessage
from gsn_perception.ros.streams.stream_buffers import ImageStamps
from gsn_perception.ros.streams.stream_buffers import StreamBuffer
from gsn_perception.ros.streams.stream_buffers import WaitingImage
from gsn_perception.ros.streams.stream_buffers import densest
from gsn_perception.ros.streams.stream_buffers import size_of
from gsn_perception.ros.streams.stream_buffers import within
from gsn_perception.ros.streams.synchronizer import Joined
from gsn_perception.ros.streams.unsynchronised import MissingStream
from gsn_perception.ros.streams.unsynchronised import stamp_doubt

IMAGE = "image"
HELD = 256 << 20
"""Default limit of the bytes of all waiting messages."""
_HEALTHY = 5 * NANOSECONDS  # while the last join is younger, an image without depth or mask is no fault


class FrameJoiner:
    """Joins each image with the nearest depth and mask within ``slop``.

    An image waits for the streams that are alive when it arrives, and is never returned without them. The newest
    complete image is returned and older ones are dropped, so a segmenter slower than the camera decides which images are
    used. An image is also dropped when another is ``wait`` newer, or when the waiting messages exceed ``held`` bytes:
    then first the images that can no longer be completed, judged by the lateness so far, then evenly over time. The
    newest image always stays. When a stamp steps back (a bag that loops), later stamps are forgotten. Not thread-safe.

    Args:
        streams: Streams besides the image, e.g. ``depth`` and ``mask``.
        slop: Largest difference of stamps, nanoseconds.
        wait: Longest wait of an image, nanoseconds of stamps.
        is_alive: Whether a stream has a publisher.
        on_drop: Called with a reason for each dropped image: ``no_STREAM`` while other images are joined,
            ``unsynchronised`` while none is; then :meth:`missing_stream` says why.
        held: Limit of the waiting messages, bytes.
        clock: Returns seconds.
    """

    def __init__(
        self,
        streams: Sequence[str],
        *,
        slop: int,
        wait: int,
        is_alive: Callable[[str], bool],
        on_drop: Callable[[str], None],
        held: int = HELD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._buffers = {name: StreamBuffer(name) for name in streams}
        self._slop, self._wait, self._held = slop, wait, held
        self._is_alive, self._on_drop, self._clock = is_alive, on_drop, clock
        self._waiting: list[WaitingImage] = []  # by stamp
        self._stamps = ImageStamps()
        self._joined: tuple[int, float] | None = None  # newest image's stamp and the clock at the last join
        self._missing = ""  # the stream that a dropped image lacked since the last join
        self._began: float | None = None  # when the first image after the last join came
        self._touched = clock()

    def add(self, stream: str, stamp: int, message: Any) -> Joined | None:
        """Add a message; returns the newest frame it completes, if any."""
        self._touched = self._clock()
        if stream == IMAGE:
            self._take_image(stamp, message)
        else:
            self._buffers[stream].add(stamp, message, self._stamps, self._slop, self._wait)
        joined = self._newest_join(*within(self._waiting, stamp, 0 if stream == IMAGE else self._slop))
        self._expire()
        self._limit_memory()
        return joined

    @property
    def has_images(self) -> bool:
        """Whether any image came."""
        return self._stamps.newest is not None

    def drop_stale(self) -> None:
        """Drop all but the newest image once no message came for ``wait``; to be called periodically."""
        if (self._clock() - self._touched) * NANOSECONDS > self._wait:
            self._drop_images(self._waiting[:-1])

    def finish(self) -> None:
        """Drop every waiting image, at the end of the input."""
        self._drop_images(self._waiting)

    def missing_stream(self, after: float) -> MissingStream | None:
        """The stream that images wait for although it has a publisher; None while frames are joined.

        Args:
            after: Least age of the last join and least wait of an image, seconds. A stream known to be late gets its
                lateness in addition, except with 0.
        """
        for buffer in self._buffers.values():
            patience = max(after, min(1.5 * buffer.slowest(), self._wait) / NANOSECONDS) if after else 0.0
            if self._is_lacking(buffer, patience) and self._is_alive(buffer.name):
                waited = 0.0 if self._began is None else self._clock() - self._began
                return MissingStream.of(buffer, self._stamps, waited, slop=self._slop, wait=self._wait)
        return None

    def remarks(self, joined: Joined) -> tuple[Remark, ...]:
        """Doubts about a joined frame."""
        found = []
        for name, buffer in self._buffers.items():
            if buffer.was_alive and name not in joined.messages:
                gone = f"nobody publishes {name} any more, so the frame was reconstructed without it"
                found.append(Remark(f"{name}_gone", f"{gone}; start its publisher again, or set use_{name} to false"))
            elif text := stamp_doubt(buffer):
                found.append(Remark("mask_stamps", text))
        return tuple(found)

    def _is_lacking(self, buffer: StreamBuffer, patience: float) -> bool:
        now = self._clock()
        if self._joined is not None and now - self._joined[1] < patience:
            return False
        if self._missing:
            return self._missing == buffer.name
        waits = [image for image in self._waiting if now - image.came >= patience]
        return any(buffer.name in self._lacking(image) for image in waits)

    def _take_image(self, stamp: int, message: Any) -> None:
        newest = self._stamps.newest
        if newest is not None and stamp < newest:
            self._step_back(stamp)
        self._drop_images(
            [image for image in self._waiting if image.stamp == stamp]
        )  # e.g. a camera that leaves all stamps zero
        self._stamps.add(stamp)
        needs = frozenset(name for name in self._buffers if self._is_alive(name))
        for name in needs:
            self._buffers[name].was_alive = True
        if self._began is None:
            self._began = self._touched
        self._waiting.append(WaitingImage(stamp, message, needs, size_of(message), self._touched))

    def _newest_join(self, low: int, high: int) -> Joined | None:
        """The newest complete image of the indices ``low`` to ``high``, which the last message may have completed."""
        for index in range(high - 1, low - 1, -1):
            image = self._waiting[index]
            found = self._matches(image)
            if not image.needs <= found.keys():
                continue
            newest = self._stamps.newest or image.stamp
            self._joined, self._missing, self._began = (newest, self._touched), "", None
            older, self._waiting = self._waiting[:index], self._waiting[index + 1 :]
            for old in older:
                self._drop(old)
            for name, entry in found.items():
                self._buffers[name].use(entry, image.stamp)
            return Joined(image.stamp, {IMAGE: image.message, **{name: e.message for name, e in found.items()}})
        return None

    def _matches(self, image: WaitingImage) -> dict[str, BufferedMessage]:
        """The nearest message of each stream, unless another image used it or is nearer to it.

        Depth slower than the camera is shared by images for which no depth of their own can arrive any more.
        """
        found = {}
        for name, buffer in self._buffers.items():
            entry = buffer.nearest(image.stamp, self._slop)
            if entry is None:
                continue
            distance = abs(entry.stamp - image.stamp)
            low, high = within(self._waiting, entry.stamp, max(distance - 1, 0))
            is_own = entry is not buffer.used and (low == high or not distance)
            if is_own or (buffer.is_shared and buffer.is_past(image.stamp)):
                found[name] = entry
        return found

    def _lacking(self, image: WaitingImage) -> list[str]:
        found = self._matches(image)
        return [name for name in self._buffers if name in image.needs and name not in found]

    def _expire(self) -> None:
        newest = self._stamps.newest
        if newest is not None:
            self._drop_images([image for image in self._waiting if newest - image.stamp > self._wait])
        self._prune()

    def _limit_memory(self) -> None:
        """Drop waiting messages until they take at most ``held`` bytes."""
        while len(self._waiting) > 1 and self._size() > self._held:
            limit = (self._stamps.newest or 0) - 1.25 * self._lateness() - NANOSECONDS / 10
            hopeless = [image for image in self._waiting[:-1] if image.stamp < limit]
            self._drop_images(hopeless or [self._waiting[densest([image.stamp for image in self._waiting])]])
            self._prune()
        for buffer in self._buffers.values():
            while len(buffer.entries) > 1 and self._size() > self._held:
                del buffer.entries[0]

    def _lateness(self) -> int:
        """Largest lateness of the streams that images wait for, nanoseconds; ``wait`` where it is unknown."""
        needed = [self._buffers[name] for name in self._waiting[-1].needs]
        return max((c.slowest() if c.lateness else self._wait for c in needed), default=self._wait)

    def _size(self) -> int:
        return sum(image.size for image in self._waiting) + sum(c.size for c in self._buffers.values())

    def _prune(self) -> None:
        for buffer in self._buffers.values():
            buffer.prune(self._waiting, self._stamps.newest, self._slop, self._wait)

    def _drop_images(self, images: Sequence[WaitingImage]) -> None:
        gone = {id(image) for image in images}
        self._waiting = [image for image in self._waiting if id(image) not in gone]
        for image in images:
            self._drop(image)

    def _drop(self, image: WaitingImage) -> None:
        lacking = self._lacking(image) or list(self._buffers)
        newest = self._stamps.newest or image.stamp
        if self._joined is not None and newest - self._joined[0] <= _HEALTHY:
            self._on_drop(f"no_{lacking[-1]}")
            return
        self._missing = lacking[0]
        self._on_drop("unsynchronised")

    def _step_back(self, stamp: int) -> None:
        self._drop_images([image for image in self._waiting if image.stamp > stamp])
        self._stamps.clear()
        if self._joined is not None:
            self._joined = (min(stamp, self._joined[0]), self._joined[1])
        for buffer in self._buffers.values():
            buffer.newest_image = None
            buffer.entries = [entry for entry in buffer.entries if entry.stamp <= stamp + self._slop]
