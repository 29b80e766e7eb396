"""Widest opening at which a gripper is free of collisions, for many candidates; compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.collision.boxes import MovingBoxes
from gsn_perception.grasping.collision.boxes import free_margins
from gsn_perception.grasping.collision.boxes import opened
from gsn_perception.grasping.tree.bounding_tree import BoundingTree
from gsn_perception.rendering.cpu.pool import parallel_ranges

REASONS = ("hitting the support plane", "hitting the object", "hitting the scene", "hitting another object")
_FREE = len(REASONS)
_POSES = 64  # per thread and piece


class Obstacles(NamedTuple):
    """What the gripper must stay clear of; a tuple, because kernels take it as it is.

    Attributes:
        plane: [4] unit normal and offset of the support plane; [0] where there is none.
        surface: The object's triangles.
        scene: Points.
        others: Triangles of other objects.
    """

    plane: np.ndarray
    surface: BoundingTree
    scene: BoundingTree
    others: BoundingTree


class Distances(NamedTuple):
    """Distances to keep, metres; a tuple, because kernels take it as it is.

    Attributes:
        margins: [M] ascending, to the object.
        required: How many of them a free candidate keeps.
        around: [1], to the scene and other objects.
        height: Over the support plane.
        retreat: Longest retreat from the plane along the approach.
    """

    margins: np.ndarray
    required: int
    around: np.ndarray
    height: float
    retreat: float


class Openings(NamedTuple):
    """Result of :func:`free_openings`.

    Attributes:
        number: [P] index of the widest free opening; after the last where none is free.
        verdict: [P] index into :data:`REASONS` of the reason at the last opening tried, their number where it is free.
        centers: [P,3] TCP, retreated from the plane, metres.
        margins: [P] how many margins to the object it keeps; of free candidates.
    """

    number: np.ndarray
    verdict: np.ndarray
    centers: np.ndarray
    margins: np.ndarray


def free_openings(
    poses: Poses, widths: np.ndarray, boxes: MovingBoxes, obstacles: Obstacles, distances: Distances
) -> Openings:
    """The widest opening at which every candidate and its straight approach are free.

    The tests are, in this order: the plane, from which a candidate retreats along its approach; the object; the scene;
    other objects.

    Args:
        poses: P candidates; their own widths are not used.
        widths: [P,O] openings to try, metres, in this order.
        boxes: Of the gripper, swept along the approach.
        obstacles: See there.
        distances: To keep.
    """
    count = len(poses)
    found = Openings(
        np.zeros(count, np.int64), np.zeros(count, np.int64), np.empty((count, 3)), np.zeros(count, np.int64)
    )
    R, t, tried = (np.ascontiguousarray(a, dtype=np.float64) for a in (poses.rotations, poses.centers, widths))

    def work(begin: int, end: int) -> None:
        _open_range(R, t, tried, boxes, obstacles, distances, found, begin, end)

    parallel_ranges(work, count, _POSES)
    return found


def kept_margins(poses: Poses, boxes: MovingBoxes, tree: BoundingTree, margins: np.ndarray) -> np.ndarray:
    """[P] how many margins (ascending, metres) candidates at their openings keep to everything in a tree."""
    kept = np.zeros(len(poses), np.int64)
    R, t, widths = (np.ascontiguousarray(a, dtype=np.float64) for a in (poses.rotations, poses.centers, poses.widths))

    def work(begin: int, end: int) -> None:
        _margins_range(R, t, widths, boxes, tree, margins, kept, begin, end)

    parallel_ranges(work, len(poses), _POSES)
    return kept


@njit(cache=True, nogil=True)
def _open_range(R, t, widths, moving, obstacles, distances, found, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    boxes = np.empty_like(moving.closed)
    hints = np.full(3, -1)
    for p in range(begin, end):
        for number in range(widths.shape[1]):
            opened(moving, widths[p, number], boxes)
            verdict, margins = _verdict(R[p], t[p], boxes, obstacles, distances, hints, found.centers[p])
            found.verdict[p], found.margins[p] = verdict, margins
            if verdict == _FREE:
                break
            found.number[p] = number + 1


@njit(cache=True, nogil=True)
def _verdict(R, t, boxes, obstacles, distances, hints, center):  # noqa: ANN001, ANN202  # pragma: no cover
    """Index of the reason, and margins kept to the object; ``center`` becomes the place after the retreat."""
    center[:] = t
    if len(obstacles.plane) and not _retreats(R, boxes, obstacles.plane, distances, center):
        return 0, 0
    margins, hints[0] = free_margins(
        R, center, boxes, distances.margins, distances.required - 1, obstacles.surface, hints[0]
    )
    if margins < distances.required:
        return 1, margins
    free, hints[1] = free_margins(R, center, boxes, distances.around, 0, obstacles.scene, hints[1])
    if not free:
        return 2, margins
    free, hints[2] = free_margins(R, center, boxes, distances.around, 0, obstacles.others, hints[2])
    return (_FREE if free else 3), margins


@njit(cache=True, nogil=True)
def _retreats(R, boxes, plane, distances, center):  # noqa: ANN001, ANN202  # pragma: no cover
    """Move a pose back along its approach until it clears the plane; False where that is too far."""
    x = R[0, 0] * plane[0] + R[1, 0] * plane[1] + R[2, 0] * plane[2]
    y = R[0, 1] * plane[0] + R[1, 1] * plane[1] + R[2, 1] * plane[2]
    z = R[0, 2] * plane[0] + R[1, 2] * plane[1] + R[2, 2] * plane[2]
    lowest = np.inf
    for b in range(len(boxes)):
        low, high = boxes[b, 0], boxes[b, 1]
        lowest = min(
            lowest, min(low[0] * x, high[0] * x) + min(low[1] * y, high[1] * y) + min(low[2] * z, high[2] * z)
        )
    height = center[0] * plane[0] + center[1] * plane[1] + center[2] * plane[2] + plane[3]
    missing = distances.height - (lowest + height)
    if missing > 0:
        back = missing / max(-z, 1e-3)
        if back > distances.retreat:
            return False
        for a in range(3):
            center[a] -= back * R[a, 2]
    return True


@njit(cache=True, nogil=True)
def _margins_range(R, t, widths, moving, tree, margins, kept, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    boxes, hint = np.empty_like(moving.closed), -1
    for p in range(begin, end):
        opened(moving, widths[p], boxes)
        kept[p], hint = free_margins(R[p], t[p], boxes, margins, 0, tree, hint)
