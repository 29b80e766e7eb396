"""Farthest point sampling: thins a cloud to even spacing."""

from __future__ import annotations

import numba
import numpy as np


def farthest_points(points: np.ndarray, count: int, *, first: int = 0) -> np.ndarray:
    """Indices [count] of points [P,3], each the farthest from those before it; any prefix is evenly spaced, too.

    With fewer points than ``count``, the indices repeat from the beginning.

    Args:
        points: Any units.
        count: Number of indices.
        first: Index of the first point.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    found = _farthest(points, min(count, len(points)), first)
    return np.resize(found, count)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _farthest(points: np.ndarray, count: int, first: int) -> np.ndarray:
    nearest = np.full(len(points), np.float32(np.inf), dtype=np.float32)
    chosen = np.empty(count, dtype=np.int64)
    index = first
    for k in range(count):
        chosen[k] = index
        x, y, z = points[index, 0], points[index, 1], points[index, 2]
        nearest[index] = -1.0  # never chosen again, not even where points coincide
        best, farthest = 0, np.float32(-2.0)
        for p in range(len(points)):
            dx, dy, dz = points[p, 0] - x, points[p, 1] - y, points[p, 2] - z
            distance = min(nearest[p], dx * dx + dy * dy + dz * dz)
            nearest[p] = distance
            if distance > farthest:
                farthest, best = distance, p
        index = best
    return chosen
