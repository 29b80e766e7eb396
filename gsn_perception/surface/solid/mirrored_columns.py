"""Columns of material below the measured points of an object, whose lower side mirrors their upper side."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import minimal_rotation_to

_MAP = 96  # cells along the longest side of the map of columns
_RIM = 3  # empty cells around the map
_REACH = 24  # cells: the tops within this distance bound the bottom of a column


class MirroredColumns:
    """Material straight below the measured points, as a signed field.

    The top of a column is the highest measured point. Its bottom is as far above the plane as its top is below the highest
    top around it. This is exact for boxes, upright and lying cylinders and balls on the plane, and adds no material under
    overhanging rims.

    Args:
        points: [P,3] measured points of the object, in the frame of the plane.
        plane: The support plane.
    """

    def __init__(self, points: np.ndarray, plane: Plane) -> None:
        self._plane = plane
        self._axes = minimal_rotation_to(plane.normal)[:, :2].astype(np.float32)
        flat, height = points.astype(np.float32) @ self._axes, plane.height(points).astype(np.float32)
        keep = height > 0
        flat, height = flat[keep], height[keep]
        self._cell = max(float(np.ptp(flat, axis=0).max()) / _MAP, 1e-4) if len(flat) else 1.0
        self._low = flat.min(axis=0) - _RIM * self._cell if len(flat) else np.zeros(2, np.float32)
        size = (np.ptp(flat, axis=0) / self._cell + 2 * _RIM + 1).astype(int) if len(flat) else np.array([3, 3])
        top = np.zeros(size, np.float32)
        index = np.floor((flat - self._low) / self._cell).astype(int)
        np.maximum.at(top, (index[:, 0], index[:, 1]), height)
        self._top = cv2.morphologyEx(top, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        reach = int(np.clip(height.max(initial=0.0) / self._cell, 1, _REACH))
        around = cv2.dilate(self._top, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2))
        self._bottom = cv2.blur(np.where(self._top > 0, around - self._top, 0).astype(np.float32), (3, 3))
        filled = (self._top > 0).astype(np.uint8)
        inside = cv2.distanceTransform(filled, cv2.DIST_L2, 3) - 0.5
        outside = cv2.distanceTransform(1 - filled, cv2.DIST_L2, 3) - 0.5
        self._edge = (np.where(filled > 0, inside, -outside) * self._cell).astype(np.float32)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Signed distances [P] at points [P,3]: positive inside the columns."""
        at = (points.astype(np.float32) @ self._axes - self._low) / np.float32(self._cell) - 0.5
        x, y = np.ascontiguousarray(at[:, 1]), np.ascontiguousarray(at[:, 0])
        top, bottom, edge = (_sampled(image, x, y) for image in (self._top, self._bottom, self._edge))
        height = self._plane.height(points.astype(np.float32))
        return np.minimum(np.minimum(top - height, height - bottom), edge)


def _sampled(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear values [P] of an image at columns ``x`` and rows ``y``; border values outside it."""
    rows = [
        cv2.remap(
            image, x[i : i + 30000, None], y[i : i + 30000, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for i in range(0, len(x), 30000)
    ]
    return np.concatenate(rows)[:, 0] if rows else np.zeros(0, np.float32)
