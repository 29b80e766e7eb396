"""What of the scene a gripper can reach: points and triangles of other objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
from numba import njit

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.grasping.object_surface import Surface


def scene_nearby(
    scene: np.ndarray, surface: Surface, plane: Plane | None, *, reach: float, own: float, cell: float
) -> np.ndarray:
    """The scene points that the gripper can reach, subsampled.

    Args:
        scene: [M,3] metres; may contain the whole depth image.
        surface: Points closer than ``own`` to it belong to the object and are dropped.
        plane: Points at most ``own`` above it are dropped; the plane has its own test.
        reach: Largest distance of any part of the gripper from the object's centre, metres.
        own: Metres.
        cell: One point per cube of this size is kept, metres.

    Returns:
        [M',3] float64.
    """
    given = np.ascontiguousarray(scene).reshape(-1, 3)
    if given.dtype not in (np.float32, np.float64):
        given = given.astype(np.float64)
    limits = np.zeros(4) if plane is None else np.array([*plane.normal, plane.offset], dtype=np.float64)
    rows = _reachable(given if given.flags.writeable else given.copy(), surface.center, reach, limits, own)
    points = given[rows].astype(np.float64)
    if len(points):
        x, y, z = (np.floor((points - points.min(axis=0)) / cell).astype(np.int64) + 1).T
        first = np.unique((x << 40) | (y << 20) | z, return_index=True)[1]
        points = points[np.sort(first)]
    return points[surface.farther(points, own)]


@njit(cache=True, nogil=True)
def _reachable(points, center, reach, plane, own):  # noqa: ANN001, ANN202  # pragma: no cover
    """Rows of the points near a centre and above a plane (all zero: none), none of which is not finite."""
    rows, count, every = np.empty(len(points), np.int64), 0, plane[0] == 0 and plane[1] == 0 and plane[2] == 0
    for i in range(len(points)):
        p, q, r = np.float64(points[i, 0]), np.float64(points[i, 1]), np.float64(points[i, 2])
        x, y, z = p - center[0], q - center[1], r - center[2]
        height = p * plane[0] + q * plane[1] + r * plane[2] + plane[3]
        if math.sqrt(x * x + y * y + z * z) < reach and (every or height > own):
            rows[count] = i
            count += 1
    return rows[:count]


def triangles_nearby(meshes: Sequence[Mesh], surface: Surface, *, reach: float, own: float) -> np.ndarray:
    """Triangles [N,3,3] float64 of other objects that the gripper can reach.

    Args:
        meshes: The other objects, in the surface's frame, metres.
        surface: Triangles with no corner farther than ``own`` from it are dropped: reconstructions of objects in contact
            overlap.
        reach: Largest distance of any part of the gripper from the object's centre, metres.
        own: Metres.
    """
    triangles = np.concatenate([mesh.triangles for mesh in meshes]).astype(np.float64)
    size = np.linalg.norm(triangles - triangles[:, :1], axis=2).max(axis=1)
    triangles = triangles[np.linalg.norm(triangles[:, 0] - surface.center, axis=1) < reach + size]
    if not len(triangles):
        return triangles
    return triangles[surface.farther(triangles.reshape(-1, 3), own).reshape(-1, 3).any(axis=1)]


def corners(boxes: np.ndarray) -> np.ndarray:
    """Corner points [...,8,3] of boxes [...,2,3]."""
    picks = [[boxes[..., i, 0], boxes[..., j, 1], boxes[..., k, 2]] for i, j, k in product((0, 1), repeat=3)]
    return np.stack([np.stack(pick, axis=-1) for pick in picks], axis=-2)
