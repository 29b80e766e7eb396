"""Euclidean clustering of objects on a plane, in a view from above."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane
from gsn_perception.segmentation.planes.grid import depth_noise
from gsn_perception.segmentation.planes.support_evidence import TALLEST
from gsn_perception.segmentation.planes.support_plane import Support
from gsn_perception.segmentation.planes.top_view import TopView

_JUMP = 0.02  # metres of depth between neighbouring pixels; no surface has two such steps in a row
_LEAST_PIXELS = 150


def objects_above(
    depth: np.ndarray, camera: Camera, plane: Plane, *, max_objects: int, support: Support | None = None
) -> np.ndarray:
    """Label the objects that stand on a plane.

    Points above the plane are projected onto a grid in the plane; connected cells are one object. In this view the near
    outside and the far inside of a cup are connected, and objects that overlap in the image are separate.

    Args:
        depth: [H,W] metres along z, NaN = unknown.
        camera: Its camera.
        plane: The support plane, camera frame.
        max_objects: The largest (in pixels) are kept.
        support: The visible region of the plane, and walls and other furniture, which are not objects. None: all points
            on the plane are its visible region, and there is no furniture.

    Returns:
        [H,W] uint16 labels, 1 = largest, 0 = background.

    Raises:
        InputError: nothing stands on the plane.
    """
    points = camera.back_project(depth).astype(np.float64)  # [H, W, 3]
    height = plane.height(points)
    sigma = depth_noise(np.nan_to_num(depth))
    with np.errstate(invalid="ignore"):
        above = (height > 0.003 + 2 * sigma) & (height < TALLEST)
        on = np.abs(height) < 3 * sigma
    above &= ~_flying(depth)
    if support is not None and support.region.any():
        above, on = above & ~support.structure, on & support.region
    labels = np.zeros(depth.shape, dtype=np.int64)
    labels[above] = TopView(points[on], plane).components(points[above])[0]
    return _kept(labels, np.isfinite(height), max_objects)


def _flying(depth: np.ndarray) -> np.ndarray:
    """[H,W] bool: flying pixels between a near and a far surface, which would connect objects."""
    flying = np.zeros(depth.shape, dtype=bool)
    for axis in (0, 1):
        step = np.diff(depth, axis=axis)
        first, second = (step[:-1], step[1:]) if axis == 0 else (step[:, :-1], step[:, 1:])
        inner = (slice(1, -1), slice(None)) if axis == 0 else (slice(None), slice(1, -1))
        with np.errstate(invalid="ignore"):
            flying[inner] |= (first * second > 0) & (np.minimum(np.abs(first), np.abs(second)) > _JUMP)
    return flying


def _kept(labels: np.ndarray, known: np.ndarray, max_objects: int) -> np.ndarray:
    """The largest labels, cleaned and renumbered from 1."""
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
    """The region without specks and cracks, with holes filled where no depth is known."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    closed = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, holes = cv2.connectedComponents(1 - opened, connectivity=4)
    keeps = np.zeros(count, dtype=bool)
    keeps[np.unique(holes[known & (opened == 0)])] = True  # depth seen through the hole
    keeps[np.unique(np.concatenate([holes[[0, -1]].ravel(), holes[:, [0, -1]].ravel()]))] = True
    keeps[0] = False  # the region itself
    return ~keeps[holes]
