"""Explains in one sentence why images get no depth or mask: silent, late or differently stamped streams."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.streams.stream_buffers import RECENT
from gsn_perception.ros.streams.stream_buffers import ImageStamps
from gsn_perception.ros.streams.stream_buffers import StreamBuffer

_OTHER_CLOCK = 10 * NANOSECONDS  # streams stamped by one clock are never that far apart
_BARELY = 2_000_000  # nanoseconds; stamps differ by less after rounding and conversions


@dataclass(frozen=True, slots=True)
class MissingStream:
    """Timing of a stream that has a publisher but gives an image no message; nanoseconds.

    Attributes:
        stream: Its name.
        came: Whether any message came.
        silent: Time since the last message.
        late: Largest delay of a message after its image.
        away: Distances of the recent messages from their nearest images, sorted.
        period: Period of the images; None after only one.
        slop: Largest difference of stamps.
        wait: Longest wait of an image.
    """

    stream: str
    came: bool
    silent: int
    late: int
    away: tuple[int, ...]
    period: int | None
    slop: int
    wait: int

    @classmethod
    def of(cls, buffer: StreamBuffer, images: ImageStamps, waited: float, *, slop: int, wait: int) -> MissingStream:
        """From the buffer of the stream; ``waited`` is the wait of the first image, seconds."""
        newest = images.newest or 0
        come = [stamp for stamp in buffer.recent if stamp <= newest] or list(buffer.recent)
        away = tuple(sorted(found for stamp in come if (found := images.distance(stamp)) is not None))
        known = images.oldest if buffer.newest_image is None else buffer.newest_image
        silent = newest - (known or newest) if buffer.came else int(waited * NANOSECONDS)
        return cls(
            stream=buffer.name,
            came=buffer.came,
            silent=max(silent, 0),
            late=buffer.slowest(),
            away=away,
            period=images.period(),
            slop=slop,
            wait=wait,
        )

    def sentence(self, where: str) -> str:
        """For the user; ``where`` describes the publishers, e.g. ``advertised on /mask by 1 publisher``."""
        name, switch = self.stream, f"set use_{self.stream} to false"
        away = round(median(self.away)) if self.away else 0
        if self._is_silent(self.wait):
            since = f"for {self.silent / 1e9:.1f} s" if self.silent >= NANOSECONDS // 10 else "yet"
            return f"{name} is {where} but nothing came {since}; see that it is really published, or {switch}"
        if away > _OTHER_CLOCK:
            far = (
                f"the nearest {name} is stamped {away / 1e9:.1f} s away from its image, by another clock or not at all"
            )
            return f"{far}; {self._stamping}, or {switch}"
        if away > self.slop:
            apart = f"the nearest {name} is {away / 1e6:.0f} ms away, sync_slop is {self.slop / 1e6:.0f} ms"
            return f"{apart}; {self._stamping}{self._slop_wanted()}"
        if self.late > self.wait:
            least = math.ceil(1.2 * self.late / 1e8) / 10
            behind = f"{name} comes up to {self.late / 1e9:.1f} s after its image, max_wait is {self.wait / 1e9:g} s"
            return f"{behind}; set max_wait to at least {least:g}"
        if self._is_silent(min(self.wait, NANOSECONDS)):
            return f"{name} is {where} but nothing came for {self.silent / 1e9:.1f} s; see that it goes on, or {switch}"
        if self.late > NANOSECONDS // 20:
            return f"{name} comes up to {self.late / 1e9:.1f} s after its image, and that of this one is still to come"
        others = f"no {name} came for this image though some came for others"
        return f"{others}; publish it for the images that depth and mask share, or {switch}"

    def _is_silent(self, wait: int) -> bool:
        return not self.came or self.silent > wait + 2 * self.late

    @property
    def _stamping(self) -> str:
        if self.stream == "mask":
            return "stamp the mask with its image's stamp"
        return f"stamp {self.stream} and image by one clock at one moment"

    def _slop_wanted(self) -> str:
        """Advice on a larger sync_slop; empty where that would join messages of other images."""
        widest = max(self.away)
        if self.period is not None and widest > 0.4 * self.period:  # the nearest image is then arbitrary
            return ""
        return f", or set sync_slop to at least {math.floor(widest / 1e6 + 1) / 1e3:g}"


def stamp_doubt(buffer: StreamBuffer) -> str:
    """A doubt about masks within the slop whose offset from the image varies; empty where it does not.

    A mask should carry the exact stamp of its image. A mask stamped when it is finished is joined to a newer image by
    chance.
    """
    offsets = buffer.offsets
    if buffer.name != "mask" or len(offsets) < RECENT or max(offsets) - min(offsets) <= _BARELY:
        return ""
    low, high = min(offsets) / 1e6, max(offsets) / 1e6
    return (
        f"the masks' stamps differ from those of the images they were joined to by {low:.0f} to {high:.0f} ms, so they "
        "may show older images; stamp every mask with its image's stamp"
    )
