"""Decodes the messages of one frame into an Observation, undistorted where that is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Remark
from gsn_perception.geometry.masks.mask_size import resize_mask
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.camera.camera_info import Undistortion
from gsn_perception.ros.messages.camera.camera_info import to_camera
from gsn_perception.ros.messages.camera.detections import is_detections
from gsn_perception.ros.messages.camera.detections import labels_of_detections
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.streams.frame_assembly import Frame


class FrameDecoder:
    """Decodes frames; caches the undistortion maps while CameraInfo does not change."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._maps: Undistortion | None = None

    def __call__(self, frame: Frame, settings: ReconstructionSettings) -> Observation:
        """The observation of a frame.

        Raises:
            InputError: a message is damaged, sizes disagree, or the camera is not calibrated.
        """
        remarks: list[Remark] = []
        image = images.to_rgb(frame.messages["image"], remarks)
        extent = (image.shape[1], image.shape[0])
        camera = to_camera(frame.info, rectify=settings.rectify, size=extent, remarks=remarks)
        depth, mask = frame.messages.get("depth"), frame.messages.get("mask")
        # no far limit: the pipeline checks the unit before it removes far depth
        depth = None if depth is None else images.to_depth(depth, None, remarks, near=settings.min_depth)
        mask = None if mask is None else _labels(mask, settings, (camera.height, camera.width))
        mask, resampled = (None, None) if mask is None else resize_mask(mask, (camera.height, camera.width))
        remarks += [] if resampled is None else [resampled]
        for name, array in (("image", image), ("depth", depth), ("mask", mask)):
            if array is not None and array.shape[:2] != (camera.height, camera.width):
                size = f"{array.shape[1]}x{array.shape[0]}"
                raise InputError(f"the {name} is {size}, not {camera.width}x{camera.height} as camera_info says")
        maps = self._undistortion(frame.info, extent) if settings.rectify else None
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
            remarks=(*frame.remarks, *remarks),
        )

    def _undistortion(self, info: CameraInfo, size: tuple[int, int]) -> Undistortion | None:
        roi = info.roi
        window = (roi.x_offset, roi.y_offset, roi.width, roi.height, info.binning_x, info.binning_y)
        key = (info.width, info.height, info.distortion_model, tuple(info.d), tuple(info.k), *window, *size)
        if key != self._key:
            self._maps, self._key = Undistortion.of(info, size), key
        return self._maps


def _labels(message: Any, settings: ReconstructionSettings, shape: tuple[int, int]) -> np.ndarray:
    """Labels [h,w] of a mask, given as an image of its own size or as polygons."""
    mode: images.MaskMode = "binary" if settings.mask_mode == "binary" else "labels"
    if is_detections(message):
        labels = labels_of_detections(message, shape)
        return (labels > 0).astype(np.uint8) if mode == "binary" else labels
    return images.to_mask(message, mode, settings.mask_background)
