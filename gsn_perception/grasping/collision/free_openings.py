"""Widest opening at which a gripper is free of collisions, for many candidates; compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.collision.boxes import free_margins
from gsn_perception.grasping.collision.moving_boxes import MovingBoxes
from gsn_perception.grasping.collision.moving_boxes import open_boxes
from gsn_perception.grasping.tree.bounding_tree import BoundingTree
from gsn_perception.grasping.tree.posed import pose_of
from gsn_perception.rendering.cpu.pool import parallel_ranges

REASONS = ("hitting the support plane", "hitting the object", "hitting the scene", "hitting another object")
_FREE = len(REASONS)
_POSES = 64  # per thread and piece


class Obstacles(NamedTuple):
    """What the gripper must stay clear of.

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
    """Distances to keep, metres.

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

    trees = tuple((tree.corners, tree.bounds) for tree in obstacles[1:])

    def work(begin: int, end: int) -> None:
        _open_range((R, t, tried), tuple(boxes), obstacles.plane, trees, tuple(distances), tuple(found), begin, end)

    parallel_ranges(work, count, _POSES)
    return found


def kept_margins(poses: Poses, boxes: MovingBoxes, tree: BoundingTree, margins: np.ndarray) -> np.ndarray:
    """[P] how many margins (ascending, metres) candidates at their openings keep to everything in a tree."""
    kept = np.zeros(len(poses), np.int64)
    R, t, widths = (np.ascontiguousarray(a, dtype=np.float64) for a in (poses.rotations, poses.centers, poses.widths))

    def work(begin: int, end: int) -> None:
        _margins_range(R, t, widths, boxes.closed, boxes.sides, tree.corners, tree.bounds, margins, kept, begin, end)

    parallel_ranges(work, len(poses), _POSES)
    return kept


@njit(cache=True, nogil=True)
def _open_range(poses, moving, plane, trees, distances, found, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    R, t, widths = poses
    closed, sides = moving
    (surface, surface_bounds), (scene, scene_bounds), (others, others_bounds) = trees
    margins, required, around, height, retreat = distances
    numbers, verdicts, centers, kept = found
    boxes = np.empty_like(closed)
    one = two = three = -1  # hints: leaves of the last contact
    for p in range(begin, end):
        for number in range(widths.shape[1]):
            open_boxes(closed, sides, widths[p, number], boxes)
            pose = pose_of(R, t, p)
            back = 0.0 if len(plane) == 0 else _retreat(pose, boxes, plane, height)
            free = verdicts[p] = 0
            if back <= retreat:
                pose = _moved_back(pose, back)
                free, one = free_margins(pose, boxes, margins, required - 1, surface, surface_bounds, one)
                kept[p], verdicts[p] = free, 1
                free = max(free - required + 1, 0)
            if free:
                free, two = free_margins(pose, boxes, around, 0, scene, scene_bounds, two)
                verdicts[p] = 2
            if free:
                free, three = free_margins(pose, boxes, around, 0, others, others_bounds, three)
                verdicts[p] = 3
            if free:
                verdicts[p] = _FREE
                centers[p, 0], centers[p, 1], centers[p, 2] = pose[9], pose[10], pose[11]
                break
            numbers[p] = number + 1


@njit(cache=True, nogil=True)
def _retreat(pose, boxes, plane, height):  # noqa: ANN001, ANN202  # pragma: no cover
    """How far a pose has to move back along its approach until its boxes have a height over the plane, metres."""
    x = pose[0] * plane[0] + pose[3] * plane[1] + pose[6] * plane[2]
    y = pose[1] * plane[0] + pose[4] * plane[1] + pose[7] * plane[2]
    z = pose[2] * plane[0] + pose[5] * plane[1] + pose[8] * plane[2]
    lowest = np.inf
    for b in range(len(boxes)):
        along_x = min(boxes[b, 0, 0] * x, boxes[b, 1, 0] * x)
        along_y = min(boxes[b, 0, 1] * y, boxes[b, 1, 1] * y)
        lowest = min(lowest, along_x + along_y + min(boxes[b, 0, 2] * z, boxes[b, 1, 2] * z))
    missing = height - (lowest + (pose[9] * plane[0] + pose[10] * plane[1] + pose[11] * plane[2] + plane[3]))
    return missing / max(-z, 1e-3) if missing > 0 else 0.0


@njit(cache=True, nogil=True)
def _moved_back(pose, back):  # noqa: ANN001, ANN202  # pragma: no cover
    return (*pose[:9], pose[9] - back * pose[2], pose[10] - back * pose[5], pose[11] - back * pose[8])


@njit(cache=True, nogil=True)
def _margins_range(R, t, widths, closed, sides, corners, bounds, margins, kept, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    boxes, hint = np.empty_like(closed), -1
    for p in range(begin, end):
        open_boxes(closed, sides, widths[p], boxes)
        kept[p], hint = free_margins(pose_of(R, t, p), boxes, margins, 0, corners, bounds, hint)
