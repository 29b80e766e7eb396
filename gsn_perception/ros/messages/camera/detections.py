"""Converts polygons of yolo_msgs/DetectionArray (yolo_ros, segmentation models) to an instance mask."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.ros import optional
from gsn_perception.ros.interface import MASK
from gsn_perception.ros.interface import Topic

_SAME_ASPECT = 0.02
_SHIFT = 4  # fractional bits of the polygon corners in OpenCV
_MOST = np.iinfo(np.uint16).max


def detections_topic() -> Topic:
    """The topic ``mask`` of type DetectionArray.

    Raises:
        InputError: yolo_msgs is not installed.
    """
    return Topic(MASK.name, optional.require("yolo_msgs.msg").DetectionArray, MASK.qos)


def is_detections(message: Any) -> bool:
    """Whether a mask message holds polygons."""
    return hasattr(message, "detections")


def labels_of_detections(message: Any, shape: tuple[int, int]) -> np.ndarray:
    """Instance labels [H,W] uint16 of polygons, 0 = background.

    The label is the detection's ``id`` where a tracker numbered all detections, so that it is stable over frames; else
    its position in the message, from 1. Where two polygons overlap, the higher score wins.

    Args:
        message: yolo_msgs/DetectionArray, or anything with its fields.
        shape: (H, W) of the image. Polygons of an image of another size and the same aspect are scaled.

    Raises:
        InputError: no detection has a polygon, or a polygon is not finite or of an image with another aspect.
    """
    outlined = [item for item in message.detections if len(item.mask.data) > 2]
    if message.detections and not outlined:
        raise InputError(
            f"none of the {len(message.detections)} detections has a polygon, only boxes; run a segmentation model "
            "(yolo_ros: e.g. yolo11m-seg.pt), or set mask_transport to raw"
        )
    labels = np.zeros(shape, np.uint16)
    drawn = zip(_labels(outlined), outlined, strict=True)
    for label, item in sorted(drawn, key=lambda pair: pair[1].score):
        cv2.fillPoly(labels, [_corners(item.mask, shape)], label, shift=_SHIFT)
    return labels


def _labels(outlined: list[Any]) -> list[int]:
    """One label per detection; the tracker's ids where all are valid and unique."""
    tracked = [int(item.id) if item.id.isascii() and item.id.isdecimal() else 0 for item in outlined]
    if all(0 < number <= _MOST for number in tracked) and len(set(tracked)) == len(tracked):
        return tracked
    return [min(place, _MOST) for place in range(1, len(outlined) + 1)]


def _corners(mask: Any, shape: tuple[int, int]) -> np.ndarray:
    """Corners [N,1,2] int32 in 1/16 pixels of the image; pixel centres are integers, as in OpenCV."""
    points = np.array([(point.x, point.y) for point in mask.data], np.float64)
    if not np.isfinite(points).all():
        raise InputError(
            "a polygon of the detections has a corner that is not finite; see what the segmenter publishes"
        )
    height, width = shape
    if mask.width > 0 and mask.height > 0 and (mask.height, mask.width) != (height, width):
        across, down = width / mask.width, height / mask.height
        if abs(across / down - 1) > _SAME_ASPECT:
            raise InputError(
                f"the polygons are of a {mask.width}x{mask.height} image, the image is {width}x{height}; sizes must "
                "agree, or at least the aspect: segment the image the node gets"
            )
        points = (points + 0.5) * (across, down) - 0.5
    points = np.clip(points, -1.0, np.array([width, height], np.float64))
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)[:, None]
