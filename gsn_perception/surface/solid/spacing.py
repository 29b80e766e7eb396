"""Farthest point sampling, which thins a cloud to even spacing, and the points far from another cloud."""

from __future__ import annotations

import numba
import numpy as np

_GROUP = 32  # points
_DEPTH_CELLS = 64  # along an axis, of the octree that orders points
_SURELY = np.float32(1.0 - 1e-5)  # of a distance to a box, below its rounding
_CELLS = 128  # at most, along the longest side of the grid of neighbours


def farthest_points(points: np.ndarray, count: int, *, first: int = 0) -> np.ndarray:
    """Indices [count] of points [P,3], each the farthest from those before it; any prefix is evenly spaced, too.

    With fewer points than ``count``, the indices repeat from the beginning.

    Args:
        points: Any units.
        count: Number of indices.
        first: Index of the first point.
    """
    xyz = np.ascontiguousarray(points, dtype=np.float32).reshape(-1, 3)
    order = _along_cells(xyz)
    columns = np.ascontiguousarray(xyz[order].T)
    found = _farthest(columns, order, min(count, len(xyz)), first)
    return np.resize(found, count)


def _along_cells(points: np.ndarray) -> np.ndarray:
    """An order [P] int32 of points [P,3] in which neighbours are mostly near each other: by the cells of an octree."""
    if not len(points):
        return np.zeros(0, np.int32)
    low, side = points.min(axis=0), max(float((points.max(axis=0) - points.min(axis=0)).max()), 1e-30)
    cell = np.minimum((points - low) * np.float32(_DEPTH_CELLS / side), _DEPTH_CELLS - 1).astype(np.int32)
    code = np.zeros(len(points), np.int32)
    for bit in range(_DEPTH_CELLS.bit_length() - 1):
        for axis in range(3):
            code |= (cell[:, axis] >> bit & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable").astype(np.int32)


def beyond(points: np.ndarray, others: np.ndarray, distance: float) -> np.ndarray:
    """[P] bool: points [P,3] farther than ``distance`` from every one of the points [O,3]."""
    if not len(points) or not len(others):
        return np.ones(len(points), dtype=bool)
    others = np.ascontiguousarray(others, dtype=np.float32)
    low = others.min(axis=0)
    cell = np.float32(max(distance, float(np.ptp(others, axis=0).max()) / _CELLS, 1e-30))
    shape = ((others.max(axis=0) - low) / cell).astype(np.int64) + 1
    return _beyond(np.ascontiguousarray(points, dtype=np.float32), others, np.float32(distance), low, cell, shape)


@numba.njit(nogil=True, cache=True)
def _beyond(
    points: np.ndarray, others: np.ndarray, distance: np.float32, low: np.ndarray, cell: np.float32, shape: np.ndarray
) -> np.ndarray:
    """See :func:`beyond`; a point is compared with those in its own and the neighbouring cells of a grid."""
    first = np.full((shape[0], shape[1], shape[2]), -1, dtype=np.int32)
    following = np.empty(len(others), dtype=np.int32)
    for o in range(len(others)):
        i = min(int((others[o, 0] - low[0]) / cell), shape[0] - 1)
        j = min(int((others[o, 1] - low[1]) / cell), shape[1] - 1)
        k = min(int((others[o, 2] - low[2]) / cell), shape[2] - 1)
        following[o] = first[i, j, k]
        first[i, j, k] = o
    far = np.ones(len(points), dtype=np.bool_)
    for p in range(len(points)):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        a, b, c = (
            int(np.floor((x - low[0]) / cell)),
            int(np.floor((y - low[1]) / cell)),
            int(np.floor((z - low[2]) / cell)),
        )
        for i in range(max(a - 1, 0), min(a + 2, shape[0])):
            for j in range(max(b - 1, 0), min(b + 2, shape[1])):
                for k in range(max(c - 1, 0), min(c + 2, shape[2])):
                    o = first[i, j, k]
                    while o >= 0 and far[p]:
                        dx, dy, dz = others[o, 0] - x, others[o, 1] - y, others[o, 2] - z
                        far[p] = dx * dx + dy * dy + dz * dz > distance * distance
                        o = following[o]
    return far


@numba.njit(nogil=True, cache=True, fastmath=True)
def _farthest(columns: np.ndarray, order: np.ndarray, count: int, first: int) -> np.ndarray:
    """Indices [count] of points with coordinates [3,P], of which ``order`` [P] has the indices.

    Points are taken in groups. A group farther from the new point than its points are from the points before keeps its
    distances. Of points at the same distance the one with the lowest index is next.
    """
    xs, ys, zs = columns[0], columns[1], columns[2]
    P = len(xs)
    groups = (P + _GROUP - 1) // _GROUP
    boxes, most = np.empty((6, groups), np.float32), np.full(groups, np.float32(np.inf), np.float32)
    for g in range(groups):
        for k in range(3):
            part = columns[k, g * _GROUP : (g + 1) * _GROUP]
            boxes[k, g], boxes[3 + k, g] = part.min(), part.max()
    nearest = np.full(P, np.float32(1e30), dtype=np.float32)
    gaps = np.empty(groups, np.float32)
    chosen = np.empty(count, dtype=np.int64)
    at = 0
    while order[at] != first:
        at += 1
    for n in range(count):
        chosen[n] = order[at]
        x, y, z = xs[at], ys[at], zs[at]
        for g in range(groups):
            dx = max(boxes[0, g] - x, x - boxes[3, g], np.float32(0.0))
            dy = max(boxes[1, g] - y, y - boxes[4, g], np.float32(0.0))
            dz = max(boxes[2, g] - z, z - boxes[5, g], np.float32(0.0))
            gaps[g] = (dx * dx + dy * dy + dz * dz) * _SURELY
        nearest[at] = -1.0  # never chosen again, not even where points coincide
        gaps[at // _GROUP] = -2.0
        for g in range(groups):
            if gaps[g] < most[g]:
                begin, end = g * _GROUP, min((g + 1) * _GROUP, P)
                for p in range(begin, end):
                    dx, dy, dz = xs[p] - x, ys[p] - y, zs[p] - z
                    nearest[p] = min(nearest[p], dx * dx + dy * dy + dz * dz)
                farthest = np.float32(-1.0)
                for p in range(begin, end):
                    farthest = max(farthest, nearest[p])
                most[g] = farthest
        farthest = np.float32(-2.0)
        for g in range(groups):
            farthest = max(farthest, most[g])
        at, lowest = 0, P
        for g in range(groups):
            if most[g] == farthest:
                for p in range(g * _GROUP, min((g + 1) * _GROUP, P)):
                    if nearest[p] == farthest and order[p] < lowest:
                        at, lowest = p, order[p]
    return chosen
