"""Assembles frames: image, depth and mask joined by stamp, with the CameraInfo of their frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sensor_msgs.msg import CameraInfo

from gsn_perception.geometry import Remark
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.streams.frame_joining import HELD
from gsn_perception.ros.streams.frame_joining import FrameJoiner
from gsn_perception.ros.streams.synchronizer import Joined


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The messages of one frame, not decoded yet.

    Attributes:
        stamp: The image's, nanoseconds.
        frame_id: The image's, or its substitute where that is empty.
        messages: ``image`` and, where they came, ``depth`` and ``mask``.
        info: The newest CameraInfo of that frame.
        remarks: Doubts about the messages' stamps and frames.
    """

    stamp: int
    frame_id: str
    messages: dict[str, Any]
    info: CameraInfo
    remarks: tuple[Remark, ...] = ()


MAX_WAIT = 2 * NANOSECONDS
"""Default of the longest wait of an image for depth and mask, nanoseconds."""
NO_FRAME = "camera_optical_frame"
"""Frame of the results where neither image nor camera_info names one; no consumer can use an empty frame name."""
_CAMERAS = 16  # limit of cached CameraInfo, against a stream of ever new frame names


class FrameAssembler:
    """Joins image, depth and mask by stamp and adds the newest CameraInfo of the image's frame.

    The newest complete frame is kept until its CameraInfo is known.

    Args:
        streams: The used ones of ``depth`` and ``mask``.
        slop: Largest difference of stamps, nanoseconds.
        is_alive: Whether a stream has a publisher; then no frame is made without it.
        on_drop: Called with a short reason for each dropped image; :meth:`missing_input` explains
            ``unsynchronised``.
        wait: Longest wait of an image for depth and mask, nanoseconds of stamps.
        held: Limit of the waiting messages, bytes.
        where: Describes the publishers of a stream, for the sentences.
    """

    def __init__(
        self,
        streams: tuple[str, ...],
        slop: int,
        is_alive: Callable[[str], bool],
        on_drop: Callable[[str], None],
        *,
        wait: int = MAX_WAIT,
        held: int = HELD,
        where: Callable[[str], str] = lambda stream: "expected",
    ) -> None:
        self._on_drop, self._where = on_drop, where
        self._joiner = FrameJoiner(streams, slop=slop, wait=wait, is_alive=is_alive, on_drop=on_drop, held=held)
        self._infos: dict[str, CameraInfo] = {}
        self._pending: Joined | None = None

    def add(self, stream: str, message: Any) -> Frame | None:
        """Add one image, depth, mask or camera_info message; returns the frame it completes, if any."""
        if stream == "camera_info":
            name = _frame_of(message)
            self._infos.pop(name, None)
            self._infos[name] = message
            if len(self._infos) > _CAMERAS:
                del self._infos[next(iter(self._infos))]
            return self._complete()
        joined = self._joiner.add(stream, stamp_to_ns(message.header.stamp), message)
        if joined is None:
            return None
        if self._pending is not None:
            self._on_drop("no_camera_info")
        self._pending = joined
        return self._complete()

    def drop_stale(self) -> None:
        """See :meth:`FrameJoiner.drop_stale`; to be called periodically."""
        self._joiner.drop_stale()

    def finish(self) -> None:
        """Drop every waiting image, at the end of the input."""
        self._joiner.finish()

    @property
    def missing(self) -> str:
        """The missing input that prevents frames, as a sentence; empty when nothing is missing."""
        return self.missing_input(after=1.0)

    def missing_input(self, after: float) -> str:
        """As :attr:`missing`, for an image that has waited ``after`` seconds for depth or mask."""
        if not self._joiner.has_images:
            return "waiting for image: no message yet"
        if not self._infos:
            return "waiting for camera_info: no message yet"
        if self._pending is not None:
            wanted = self._pending.messages["image"].header.frame_id
            known = ", ".join(repr(name[:40]) for name in self._infos)
            return f"waiting for camera_info of frame {wanted[:40]!r}; got that of {known}"
        return self.why_unsynchronised(after)

    def why_unsynchronised(self, after: float = 0.0) -> str:
        """Why images get no depth or mask although it has a publisher; empty where they get it."""
        missing = self._joiner.missing_stream(after)
        return "" if missing is None else missing.sentence(self._where(missing.stream))

    def _complete(self) -> Frame | None:
        if self._pending is None:
            return None
        joined = self._pending
        frame_id, remarks = _frame_of(joined.messages["image"]), self._joiner.remarks(joined)
        info = self._infos.get(frame_id)
        if (
            info is None and "" in (frame_id, *self._infos) and len(self._infos) == 1
        ):  # image or camera_info names no frame
            ((named, info),) = self._infos.items()
            frame_id = frame_id or named
            text = f"only one of image and camera_info names a frame ({frame_id[:40]!r}), which was taken for both"
            remarks += (Remark("frame_id", f"{text}; set the camera driver's frame_id"),)
        elif not frame_id:
            text = f"neither image nor camera_info names a frame; the results are in {NO_FRAME!r}"
            remarks += (Remark("frame_id", f"{text}; set the camera driver's frame_id"),)
        if info is None:
            return None
        self._pending = None
        return Frame(joined.stamp, frame_id or NO_FRAME, joined.messages, info, remarks)


def _frame_of(message: Any) -> str:
    """The frame_id of a message, without the leading slash of ROS 1 drivers."""
    return str(message.header.frame_id).removeprefix("/")
