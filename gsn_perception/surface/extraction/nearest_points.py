"""The nearest of some points to each of many queries, by a grid; compiled.

The queries are taken in the order of the grid's cells. The neighbours of one then bound the distance in which those of the
next are to be found.
"""

from __future__ import annotations

import numba
import numpy as np

from gsn_perception.rendering.cpu.pool import parallel_ranges

_BLOCK = 1024  # queries at a time
_CELLS = 64  # along an axis, at most
_SHARE = 1.5  # of the points of a cell


def nearest_points(points: np.ndarray, queries: np.ndarray, count: int) -> np.ndarray:
    """Indices [Q,count] int32 of the points [P,3] nearest to each query [Q,3], nearest first.

    Args:
        points: Finite.
        queries: Finite, in the same units.
        count: At most P.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    found = np.empty((len(queries), count), dtype=np.int32)
    low, cell, shape = _grid(points, count)
    order, starts = _sorted_into_cells(points, low, cell, shape)
    turns, _ = _sorted_into_cells(queries, low, cell, shape)
    ordered = points[order]

    def work(begin: int, end: int) -> None:
        _find(turns[begin:end], queries, ordered, order, starts, shape, low, cell, found)

    parallel_ranges(work, len(queries), _BLOCK)
    return found


@numba.njit(nogil=True, cache=True)
def _grid(points: np.ndarray, count: int) -> tuple[np.ndarray, float, np.ndarray]:
    """Lowest corner [3], side of a cell and number of cells [3]: a cell on a surface holds about the points asked for."""
    low, high = np.empty(3), np.empty(3)
    for k in range(3):
        low[k], high[k] = points[:, k].min(), points[:, k].max()
    longest = max((high - low).max(), 1e-30)
    cell = longest * max(np.sqrt(_SHARE * (count + 2) / len(points)), 1.0 / _CELLS)
    shape = np.empty(3, np.int64)
    for k in range(3):
        shape[k] = np.int64((high[k] - low[k]) / cell) + 1
    return low, cell, shape


@numba.njit(nogil=True, cache=True)
def _sorted_into_cells(
    points: np.ndarray, low: np.ndarray, cell: float, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Indices [P] of points in the order of their cells, and the first one of each; points outside go to the nearest cell."""
    starts = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int32)
    place = np.empty(len(points), np.int32)
    for p in range(len(points)):
        index = 0
        for k in range(3):
            at = min(max((points[p, k] - low[k]) / cell, 0.0), shape[k] - 1.0)
            index = index * shape[k] + np.int64(at)
        place[p] = index
        starts[index + 1] += 1
    for c in range(len(starts) - 1):
        starts[c + 1] += starts[c]
    filled = starts[:-1].copy()
    order = np.empty(len(points), np.int32)
    for p in range(len(points)):
        order[filled[place[p]]] = p
        filled[place[p]] += 1
    return order, starts


@numba.njit(nogil=True, cache=True)
def _find(
    turns: np.ndarray,  # [T] int32 the queries in question
    queries: np.ndarray,  # [Q,3]
    points: np.ndarray,  # [P,3] in the order of their cells
    order: np.ndarray,  # [P] their indices
    starts: np.ndarray,
    shape: np.ndarray,
    low: np.ndarray,
    cell: float,
    found: np.ndarray,  # [Q,K] the result
) -> None:
    """See :func:`nearest_points`, for some of the queries."""
    count = found.shape[1]
    best, distance = np.arange(count), np.empty(count)
    at = np.empty(3)
    for q in turns:
        for k in range(3):
            at[k] = queries[q, k]
        bound = 0.0
        for i in range(count):
            bound = max(bound, _squared(points, best[i], at))
        if bound > 9.0 * cell * cell:
            _scan(points, starts, shape, low, cell, at, cell, bound, best, distance)
            bound = min(bound, distance[count - 1])
        _scan(points, starts, shape, low, cell, at, np.sqrt(bound) * (1.0 + 1e-9) + 1e-7 * cell, bound, best, distance)
        for i in range(count):
            found[q, i] = order[best[i]]


@numba.njit(nogil=True, cache=True, inline="always")
def _squared(points: np.ndarray, p: int, at: np.ndarray) -> float:
    x, y, z = np.float64(points[p, 0]) - at[0], np.float64(points[p, 1]) - at[1], np.float64(points[p, 2]) - at[2]
    return x * x + y * y + z * z


@numba.njit(nogil=True, cache=True)
def _scan(
    points: np.ndarray,
    starts: np.ndarray,
    shape: np.ndarray,
    low: np.ndarray,
    cell: float,
    at: np.ndarray,
    reach: float,
    bound: float,
    best: np.ndarray,
    distance: np.ndarray,
) -> None:
    """The points in the cells within reach along the axes, nearest first, up to the bound on the squared distance.

    Where there are fewer than asked for, the last distances are infinite.
    """
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    for k in range(3):
        top = np.float64(shape[k] - 1)
        first[k] = np.int64(min(max((at[k] - reach - low[k]) / cell, 0.0), top))
        last[k] = np.int64(min(max((at[k] + reach - low[k]) / cell, 0.0), top))
    most = len(best) - 1
    distance[:] = np.inf
    for x in range(first[0], last[0] + 1):
        for y in range(first[1], last[1] + 1):
            row = (x * shape[1] + y) * shape[2]
            for p in range(starts[row + first[2]], starts[row + last[2] + 1]):
                squared = _squared(points, p, at)
                if squared <= bound and squared < distance[most]:
                    i = most
                    while i > 0 and distance[i - 1] > squared:
                        distance[i] = distance[i - 1]
                        best[i] = best[i - 1]
                        i -= 1
                    distance[i] = squared
                    best[i] = p
