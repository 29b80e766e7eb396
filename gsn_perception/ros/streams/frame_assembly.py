"""From image, camera_info, depth and mask messages to one Observation."""

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
    """Messages of one moment, not decoded yet.

    Attributes:
        stamp: The image's, nanoseconds.
        frame_id: The image's, or what stands in for it where that is empty.
        messages: ``image`` and, where they came, ``depth`` and ``mask``.
        info: The newest CameraInfo of that frame.
        remarks: What is doubtful about the messages' stamps and frames.
    """

    stamp: int
    frame_id: str
    messages: dict[str, Any]
    info: CameraInfo
    remarks: tuple[Remark, ...] = ()


MAX_WAIT = 2 * NANOSECONDS
"""How long an image waits for its depth and mask by default."""
NO_FRAME = "camera_optical_frame"
"""Stands in where neither image nor camera_info name a frame: nothing can be done with results in an unnamed one."""
_CAMERAS = 16  # of which the CameraInfo is kept: a stream of ever new frame names must not fill the memory


class FrameAssembler:
    """Joins image, depth and mask by stamp; CameraInfo is cached by frame, the newest counts.

    A complete frame whose CameraInfo is not known yet is kept (the newest only) until that comes.

    Args:
        streams: Of ``depth`` and ``mask`` those that are used.
        slop: Nanoseconds.
        is_alive: Whether somebody publishes a stream: then no frame is made without it.
        on_drop: Called with a reason's name for every image that is given up; :meth:`missing_input` says more of
            ``unsynchronised``.
        wait: How long an image waits for its depth and mask, nanoseconds of stamps.
        held: Bytes of messages that wait for each other at most.
        where: Who publishes a stream, for the sentences.
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
        """Take one image, depth, mask or camera_info message in; the frame it completes, if any."""
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
        """Give up images that nothing comes for any more; call it now and then."""
        self._joiner.drop_stale()

    def finish(self) -> None:
        """Give up every image that still waits: nothing comes any more."""
        self._joiner.finish()

    @property
    def missing(self) -> str:
        """What no frame can be made without and does not come, as a sentence; empty when nothing is missing."""
        return self.missing_input(after=1.0)

    def missing_input(self, after: float) -> str:
        """As :attr:`missing`, of an image that has waited ``after`` seconds for its depth or mask."""
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
        """Why images get no depth or mask though somebody publishes it; empty where they do."""
        missing = self._joiner.missing_stream(after)
        return "" if missing is None else missing.sentence(self._where(missing.stream))

    def _complete(self) -> Frame | None:
        if self._pending is None:
            return None
        joined = self._pending
        frame_id, remarks = _frame_of(joined.messages["image"]), self._joiner.remarks(joined)
        info = self._infos.get(frame_id)
        if info is None and "" in (frame_id, *self._infos) and len(self._infos) == 1:  # one of the two names no frame
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
    """The frame a message names; ROS 1 drivers began it with a slash."""
    return str(message.header.frame_id).removeprefix("/")
