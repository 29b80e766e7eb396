"""Distances of points to the triangles of a bounding tree; compiled."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gsn_perception.grasping.tree.bounding_tree import BoundingTree
from gsn_perception.rendering.cpu.pool import parallel_ranges

_POINTS = 128  # per thread and piece
_DEPTH = 64  # nodes that can wait: one per level


def distances(tree: BoundingTree, points: np.ndarray, *, limit: float = math.inf) -> np.ndarray:
    """Unsigned distances [M] of points [M,3] to the nearest triangle, metres; where it is farther than ``limit``, that."""
    places = np.ascontiguousarray(points, dtype=np.float64)
    nearest = np.full(len(places), limit * limit)
    if tree:

        def work(begin: int, end: int) -> None:
            _distance_range(tree.corners, tree.bounds, places, nearest, begin, end)

        parallel_ranges(work, len(places), _POINTS)
    return np.sqrt(nearest)


@njit(cache=True, nogil=True, error_model="numpy")
def _distance_range(corners, bounds, points, nearest, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    """Squared distances; the nearer child of a node comes first."""
    N, leaves = len(corners), len(bounds) // 2
    waiting, far = np.empty(_DEPTH, np.int64), np.empty(_DEPTH)
    for p in range(begin, end):
        point = points[p]
        waiting[0], far[0], count = 1, to_box(bounds[1], point), 1
        while count:
            count -= 1
            node = waiting[count]
            if far[count] >= nearest[p]:
                continue
            if node >= leaves:
                leaf = node - leaves
                for i in range(N * leaf // leaves, N * (leaf + 1) // leaves):
                    nearest[p] = min(nearest[p], _to_triangle(corners[i], point))
                continue
            one, two = to_box(bounds[2 * node], point), to_box(bounds[2 * node + 1], point)
            nearer = 0 if one <= two else 1
            waiting[count], far[count] = 2 * node + 1 - nearer, max(one, two)
            waiting[count + 1], far[count + 1] = 2 * node + nearer, min(one, two)
            count += 2


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def to_box(box, point):  # noqa: ANN001, ANN201  # pragma: no cover
    """Squared distance to a box."""
    total = 0.0
    for a in range(3):
        gap = max(box[a] - point[a], 0.0, point[a] - box[3 + a])
        total += gap * gap
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _to_triangle(corners, point):  # noqa: ANN001, ANN202  # pragma: no cover
    """Squared distance to a triangle: to its plane where the foot is inside, else to the nearest edge."""
    ax, ay, az = corners[0, 0] - point[0], corners[0, 1] - point[1], corners[0, 2] - point[2]
    bx, by, bz = corners[1, 0] - point[0], corners[1, 1] - point[1], corners[1, 2] - point[2]
    cx, cy, cz = corners[2, 0] - point[0], corners[2, 1] - point[1], corners[2, 2] - point[2]
    ux, uy, uz = bx - ax, by - ay, bz - az
    vx, vy, vz = cx - ax, cy - ay, cz - az
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    square = nx * nx + ny * ny + nz * nz
    if square > 0:  # signed areas of the foot with each edge
        s = nx * (ay * bz - az * by) + ny * (az * bx - ax * bz) + nz * (ax * by - ay * bx)
        t = nx * (by * cz - bz * cy) + ny * (bz * cx - bx * cz) + nz * (bx * cy - by * cx)
        r = nx * (cy * az - cz * ay) + ny * (cz * ax - cx * az) + nz * (cx * ay - cy * ax)
        if s >= 0 and t >= 0 and r >= 0:
            height = nx * ax + ny * ay + nz * az
            return height * height / square
    return min(_to_edge(ax, ay, az, bx, by, bz), _to_edge(bx, by, bz, cx, cy, cz), _to_edge(cx, cy, cz, ax, ay, az))


@njit(cache=True, nogil=True, error_model="numpy")
def _to_edge(ax, ay, az, bx, by, bz):  # noqa: ANN001, ANN202  # pragma: no cover
    """Squared distance of the origin to the segment between two points."""
    ux, uy, uz = bx - ax, by - ay, bz - az
    length = ux * ux + uy * uy + uz * uz
    share = 0.0
    if length > 0:
        share = min(max(-(ax * ux + ay * uy + az * uz) / length, 0.0), 1.0)
    x, y, z = ax + share * ux, ay + share * uy, az + share * uz
    return x * x + y * y + z * z
