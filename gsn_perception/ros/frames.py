"""From image, camera_info, depth and mask messages to one Observation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sensor_msgs.msg import CameraInfo

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry.mask_size import fit_mask
from gsn_perception.ros import images
from gsn_perception.ros.camera_info import Undistortion
from gsn_perception.ros.camera_info import to_camera
from gsn_perception.ros.headers import NANOSECONDS
from gsn_perception.ros.headers import stamp_to_ns
from gsn_perception.ros.node_settings import ReconstructionSettings
from gsn_perception.ros.synchronizer import Joined
from gsn_perception.ros.synchronizer import StampSynchronizer


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Messages of one moment, not decoded yet.

    Attributes:
        stamp: The image's, nanoseconds.
        frame_id: The image's.
        messages: ``image`` and, where they came, ``depth`` and ``mask``.
        info: The newest CameraInfo of that frame.
    """

    stamp: int
    frame_id: str
    messages: dict[str, Any]
    info: CameraInfo


_CAMERAS = 16  # of which the CameraInfo is kept: a stream of ever new frame names must not fill the memory


class FrameAssembler:
    """Joins image, depth and mask by stamp; CameraInfo is cached by frame, the newest counts.

    A complete frame whose CameraInfo is not known yet is kept (the newest only) until that comes.

    Args:
        streams: Of ``depth`` and ``mask`` those that are used.
        slop: Nanoseconds.
        is_alive: Whether somebody publishes a stream, so that it is worth waiting for.
        on_drop: Called with a reason's name for every image that is given up.
    """

    def __init__(
        self, streams: tuple[str, ...], slop: int, is_alive: Callable[[str], bool], on_drop: Callable[[str], None]
    ) -> None:
        self._on_drop = on_drop
        self._sync = StampSynchronizer(
            ("image",), streams, slop=slop, is_alive=is_alive, on_drop=lambda stamp: on_drop("unsynchronised")
        )
        self._infos: dict[str, CameraInfo] = {}
        self._pending: Joined | None = None

    def add(self, stream: str, message: Any) -> Frame | None:
        """Take one image, depth, mask or camera_info message in; the frame it completes, if any."""
        if stream == "camera_info":
            self._infos.pop(message.header.frame_id, None)
            self._infos[message.header.frame_id] = message
            if len(self._infos) > _CAMERAS:
                del self._infos[next(iter(self._infos))]
            return self._complete()
        joined = self._sync.add(stream, stamp_to_ns(message.header.stamp), message)
        if joined is None:
            return None
        if self._pending is not None:
            self._on_drop("no_camera_info")
        self._pending = joined
        return self._complete()

    @property
    def missing(self) -> str:
        """What no frame can be made without and never came, as a sentence; empty when nothing is missing."""
        if self._sync.waiting_for():
            return "waiting for image: no message yet"
        if not self._infos:
            return "waiting for camera_info: no message yet"
        if self._pending is not None:
            wanted = self._pending.messages["image"].header.frame_id
            known = ", ".join(repr(name[:40]) for name in self._infos)
            return f"waiting for camera_info of frame {wanted[:40]!r}; got that of {known}"
        return ""

    def _complete(self) -> Frame | None:
        if self._pending is None:
            return None
        joined = self._pending
        frame_id = joined.messages["image"].header.frame_id
        if frame_id not in self._infos:
            return None
        self._pending = None
        return Frame(joined.stamp, frame_id, joined.messages, self._infos[frame_id])


class FrameDecoder:
    """Decodes frames; the look-up maps of an undistortion are kept while the CameraInfo stays."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._maps: Undistortion | None = None

    def __call__(self, frame: Frame, settings: ReconstructionSettings) -> Observation:
        """The observation of a frame.

        Raises:
            InputError: a message is damaged, sizes disagree, or the camera is not calibrated.
        """
        camera = to_camera(frame.info, rectify=settings.rectify)
        image = images.to_rgb(frame.messages["image"])
        depth, mask = frame.messages.get("depth"), frame.messages.get("mask")
        depth = None if depth is None else images.to_depth(depth)  # min_depth and max_depth: after its unit is checked
        mask = None if mask is None else images.to_mask(mask, "binary" if settings.mask_mode == "binary" else "labels")
        mask, resampled = (None, None) if mask is None else fit_mask(mask, (camera.height, camera.width))
        for name, array in (("image", image), ("depth", depth), ("mask", mask)):
            if array is not None and array.shape[:2] != (camera.height, camera.width):
                size = f"{array.shape[1]}x{array.shape[0]}"
                raise InputError(f"the {name} is {size}, not {camera.width}x{camera.height} as camera_info says")
        maps = self._undistortion(frame.info) if settings.rectify else None
        if maps is not None:
            image = maps.colors(image)
            depth = None if depth is None else maps.values(depth)
            mask = None if mask is None else maps.values(mask)
        return Observation(
            image=image,
            camera=camera,
            mask=mask,
            depth=depth,
            support_plane=settings.plane,
            size_hint=settings.size_hint or None,
            roi=settings.roi if any(settings.roi) else None,  # type: ignore[arg-type]
            stamp=frame.stamp,
            frame_id=frame.frame_id,
            remarks=() if resampled is None else (resampled,),
        )

    def _undistortion(self, info: CameraInfo) -> Undistortion | None:
        roi = info.roi
        window = (roi.x_offset, roi.y_offset, roi.width, roi.height, info.binning_x, info.binning_y)
        key = (info.width, info.height, info.distortion_model, tuple(info.d), tuple(info.k), *window)
        if key != self._key:
            self._maps, self._key = Undistortion.of(info), key
        return self._maps


class RateGate:
    """Lets frames through at most ``rate`` times a second of their own stamps."""

    def __init__(self) -> None:
        self._last: int | None = None

    def passes(self, stamp: int, rate: float) -> bool:
        """Whether the frame may pass; a stamp that steps back always may."""
        if self._last is not None and rate > 0 and 0 <= stamp - self._last < NANOSECONDS / rate * 0.999:
            return False
        self._last = stamp
        return True
