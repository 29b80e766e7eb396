"""Farthest point sampling, which thins a cloud to even spacing, and the points far from another cloud."""

from __future__ import annotations

import numba
import numpy as np

_CELLS = 128  # at most, along the longest side of the grid of neighbours


def farthest_points(points: np.ndarray, count: int, *, first: int = 0) -> np.ndarray:
    """Indices [count] of points [P,3], each the farthest from those before it; any prefix is evenly spaced, too.

    With fewer points than ``count``, the indices repeat from the beginning.

    Args:
        points: Any units.
        count: Number of indices.
        first: Index of the first point.
    """
    columns = np.ascontiguousarray(np.asarray(points, dtype=np.float32).T)
    found = _farthest(columns, min(count, len(points)), first)
    return np.resize(found, count)


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
def _farthest(columns: np.ndarray, count: int, first: int) -> np.ndarray:
    """Coordinates [3,P]; the distances, their maximum and its place are three loops, which are vectorised."""
    xs, ys, zs = columns[0], columns[1], columns[2]
    P = len(xs)
    nearest = np.full(P, np.float32(np.inf), dtype=np.float32)
    chosen = np.empty(count, dtype=np.int64)
    index = first
    for k in range(count):
        chosen[k] = index
        x, y, z = xs[index], ys[index], zs[index]
        nearest[index] = -1.0  # never chosen again, not even where points coincide
        for p in range(P):
            dx, dy, dz = xs[p] - x, ys[p] - y, zs[p] - z
            nearest[p] = min(nearest[p], dx * dx + dy * dy + dz * dz)
        farthest = np.float32(-2.0)
        for p in range(P):
            farthest = max(farthest, nearest[p])
        index = 0
        while nearest[index] != farthest:
            index += 1
    return chosen
