"""Objects standing on a plane, told apart as seen from above."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import minimal_rotation_to
from gsn_perception.segmentation.plane import noise

_CELL = 0.008  # metres of the top view's grid; objects two cells apart are two
_TALLEST = 0.5  # metres above the plane
_LONGEST = 0.6  # metres along the plane
_WIDEST = 1000.0  # metres of plane; more comes from a damaged calibration
_EDGE = 3  # cells by which an object may stand over the visible plane
_JUMP = 0.02  # metres of depth between neighbouring pixels that no surface takes twice in a row
_LEAST_PIXELS = 150


def objects_above(depth: np.ndarray, camera: Camera, plane: Plane, *, max_objects: int) -> np.ndarray:
    """Label what stands on a plane.

    Points above the plane are dropped onto a grid in it; connected cells are one object. Seen from above, the near
    outside and the far inside of a cup meet, and objects that overlap in the image come apart.

    Args:
        depth: [H,W] metres along z, NaN = unknown.
        camera: Its camera.
        plane: The support plane, camera frame.
        max_objects: The largest (in pixels) are kept.

    Returns:
        [H,W] uint16 labels, 1 = largest, 0 = background.

    Raises:
        InputError: nothing stands on the plane.
    """
    points = camera.back_project(depth).astype(np.float64)  # [H, W, 3]
    height = plane.height(points)
    sigma = noise(np.nan_to_num(depth))
    with np.errstate(invalid="ignore"):
        above = (height > 0.003 + 2 * sigma) & (height < _TALLEST)
        on = np.abs(height) < 3 * sigma
    above &= ~_flying(depth)
    cells = _Cells(points, on, plane)
    labels = np.zeros(depth.shape, dtype=np.int64)
    labels[above] = cells.components(points[above])
    return _kept(labels, np.isfinite(height), max_objects)


class _Cells:
    """The plane's visible part as a grid."""

    def __init__(self, points: np.ndarray, on: np.ndarray, plane: Plane) -> None:
        self.axes = minimal_rotation_to(plane.normal)[:, :2]
        flat = points[on] @ self.axes
        if not len(flat):
            raise InputError("the support plane is not visible in the depth image; check the plane or give a mask")
        self.low = np.percentile(flat, 0.5, axis=0) - 10 * _CELL
        size = np.percentile(flat, 99.5, axis=0) + 10 * _CELL - self.low
        if not (size < _WIDEST).all():
            raise InputError(f"the support plane is seen over more than {_WIDEST:g} m; check K in camera_info")
        self.shape = tuple(np.minimum(np.ceil(size / _CELL), 4000).astype(int))
        seen = np.zeros(self.shape, dtype=np.uint8)
        index, inside = self._index(flat)
        seen[tuple(index[inside].T)] = 1
        hull = cv2.convexHull(np.argwhere(seen)[:, ::-1].astype(np.int32))
        self.support = cv2.fillConvexPoly(np.zeros_like(seen), hull, 1)
        self.support = cv2.dilate(self.support, np.ones((2 * _EDGE + 1,) * 2, np.uint8))

    def components(self, points: np.ndarray) -> np.ndarray:
        """Component numbers [M] of points [M,3], 0 where they do not stand over the plane's visible part."""
        index, inside = self._index(points @ self.axes)
        where = tuple(index[inside].T)
        counts = np.zeros(self.shape, dtype=np.int32)
        np.add.at(counts, where, 1)
        occupied = ((counts > 0) & (self.support > 0)).astype(np.uint8)
        _, grid, stats, _ = cv2.connectedComponentsWithStats(occupied, connectivity=8)
        too_long = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) * _CELL > _LONGEST
        too_long[0] = True
        result = np.zeros(len(points), dtype=np.int64)
        result[inside] = np.where(too_long, 0, np.arange(len(stats)))[grid[where]]
        return result

    def _index(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        index = np.floor((flat - self.low) / _CELL).astype(np.int64)
        inside = ((index >= 0) & (index < np.array(self.shape))).all(axis=1)
        return index, inside


def _flying(depth: np.ndarray) -> np.ndarray:
    """[H,W] pixels that hang between a near and a far surface, which would bridge objects."""
    flying = np.zeros(depth.shape, dtype=bool)
    for axis in (0, 1):
        step = np.diff(depth, axis=axis)
        first, second = (step[:-1], step[1:]) if axis == 0 else (step[:, :-1], step[:, 1:])
        inner = (slice(1, -1), slice(None)) if axis == 0 else (slice(None), slice(1, -1))
        with np.errstate(invalid="ignore"):
            flying[inner] |= (first * second > 0) & (np.minimum(np.abs(first), np.abs(second)) > _JUMP)
    return flying


def _kept(labels: np.ndarray, known: np.ndarray, max_objects: int) -> np.ndarray:
    """The largest labels, tidied and renumbered from 1."""
    numbers, counts = np.unique(labels[labels > 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    mask = np.zeros(labels.shape, dtype=np.uint16)
    kept = 0
    for number in numbers[order]:
        tidy = _tidy(labels == number, known)
        if tidy.sum() < _LEAST_PIXELS or kept == max_objects:
            break
        kept += 1
        mask[tidy & (mask == 0)] = kept
    if not kept:
        raise InputError("nothing stands on the support plane in the depth image; aim the camera at the objects")
    return mask


def _tidy(region: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Without specks and cracks, and with the holes in which no depth is known."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    closed = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, holes = cv2.connectedComponents(1 - opened, connectivity=4)
    keeps = np.zeros(count, dtype=bool)
    keeps[np.unique(holes[known & (opened == 0)])] = True  # depth seen through the hole
    keeps[np.unique(np.concatenate([holes[[0, -1]].ravel(), holes[:, [0, -1]].ravel()]))] = True
    keeps[0] = False  # the region itself
    return ~keeps[holes]
