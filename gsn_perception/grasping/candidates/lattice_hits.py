"""Where the parallel lines of a lattice enter and leave a mesh; compiled.

All lines of a direction are a square grid in the plane across it. The triangles are projected onto that plane; one that
crosses no row or no column of the grid, by far the most, costs a few comparisons.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gsn_perception.rendering.cpu.pool import parallel_ranges

_DIRECTIONS = 4  # per thread and piece


class Lattice(NamedTuple):
    """Parallel lines in several directions.

    Attributes:
        frames: [D,3,3] rows: a direction, and the two axes of its grid, orthonormal.
        low: [D,2] int64 first row and column of each grid.
        high: [D,2] int64 last ones, included; below ``low`` where there is none.
        spacing: Of rows and columns, metres; row and column 0 pass through the origin.
    """

    frames: np.ndarray
    low: np.ndarray
    high: np.ndarray
    spacing: float


class Chords(NamedTuple):
    """Pieces of lines from an entry to the next hit, which leaves; by direction, row, column and depth.

    Attributes:
        lines: [C,3] direction, row, column.
        depths: [C,2] of entry and exit along the direction, from the plane through the origin, metres.
        faces: [C,2] their triangles.
        slopes: [C] cosine between the line and the normal at the worse end, positive.
    """

    lines: np.ndarray
    depths: np.ndarray
    faces: np.ndarray
    slopes: np.ndarray


def lattice_chords(places: np.ndarray, faces: np.ndarray, normals: np.ndarray, lattice: Lattice) -> Chords:
    """The chords of all lines.

    Args:
        places: [3,V] vertices, metres; the origin is that of the lattice.
        faces: [F,3] int32.
        normals: [F,3] unit, outwards; their sign tells entry and exit.
        lattice: The lines.
    """
    found: dict[int, Chords] = {}

    def work(begin: int, end: int) -> None:
        count, line, depth, face = _hits(places, faces, tuple(lattice), begin, end)
        grids = lattice.frames, lattice.low, lattice.high
        found[begin] = Chords(*_chords(count, line, depth, face, normals, grids, begin, end))

    parallel_ranges(work, len(lattice.frames), _DIRECTIONS)
    return Chords(*(np.concatenate(part) for part in zip(*(found[b] for b in sorted(found)), strict=True)))


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc", "contract"})
def extents(places: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """[D,2,2] least and largest coordinates of points [3,V] along the two axes of each grid."""
    out = np.empty((len(frames), 2, 2))
    x, y, z = places
    for d in range(len(frames)):
        for a in range(2):
            p, q, r = frames[d, 1 + a]
            low = high = p * x[0] + q * y[0] + r * z[0]
            for v in range(len(x)):
                value = p * x[v] + q * y[v] + r * z[v]
                low, high = min(low, value), max(high, value)
            out[d, 0, a], out[d, 1, a] = low, high
    return out


@njit(cache=True, nogil=True)
def _hits(places, faces, lattice, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    """Number, line (counted from the first one of ``begin``), depth and triangle of all hits."""
    frames, lows, highs, spacing = lattice
    V = places.shape[1]
    u, v, w = np.empty(V), np.empty(V), np.empty(V)
    cells = np.empty(V, np.int32)
    line, depth, face = np.empty(4096, np.int64), np.empty(4096), np.empty(4096, np.int64)
    count, offset = 0, 0
    for d in range(begin, end):
        high = highs[d] - lows[d] + 1
        if min(high) <= 0:
            continue
        _project(places, frames[d], spacing, lows[d], u, v, w, cells)
        for f in range(len(faces)):
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            apart = (cells[i] ^ cells[j]) | (cells[i] ^ cells[k])
            if (apart >> 16 == 0) | (apart & 0xFFFF == 0):  # all in one row, or all in one column
                continue
            first, last = _between(u[i], u[j], u[k], high[0])
            left, right = _between(v[i], v[j], v[k], high[1])
            for row in range(first, last):
                for column in range(left, right):
                    ax, ay, bx, by, cx, cy = (
                        u[i] - row,
                        v[i] - column,
                        u[j] - row,
                        v[j] - column,
                        u[k] - row,
                        v[k] - column,
                    )
                    p, q, r = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
                    total = p + q + r
                    if (min(p, q, r) < 0 and max(p, q, r) > 0) or total == 0:
                        continue
                    if count == len(line):
                        line, depth, face = _doubled(line), _doubled(depth), _doubled(face)
                    line[count], face[count] = offset + row * high[1] + column, f
                    depth[count] = (p * w[i] + q * w[j] + r * w[k]) / total
                    count += 1
        offset += high[0] * high[1]
    return count, line, depth, face


@njit(cache=True, nogil=True)
def _between(a, b, c, count):  # noqa: ANN001, ANN202  # pragma: no cover
    """The whole numbers from 0 to ``count`` - 1 between the least and the largest of three numbers, as a range."""
    low, high = min(a, b, c), max(a, b, c)
    return max(int(np.ceil(low)), 0), min(int(np.floor(high)) + 1, count)


@njit(cache=True, nogil=True)
def _project(places, frame, spacing, low, u, v, w, cells):  # noqa: ANN001, ANN202  # pragma: no cover
    """Grid coordinates of the points relative to the first row and column, depths in metres, and row and column as bits.

    A grid has at most :data:`MOST_LINES` rows and columns, and no point is more than one outside it.
    """
    x, y, z = places
    a, b, c = frame[1] / spacing
    p, q, r = frame[2] / spacing
    s, t, o = frame[0]
    for i in range(len(u)):
        u[i] = a * x[i] + b * y[i] + c * z[i] - low[0]
        v[i] = p * x[i] + q * y[i] + r * z[i] - low[1]
        w[i] = s * x[i] + t * y[i] + o * z[i]
    for i in range(len(u)):
        cells[i] = (np.int32(np.floor(u[i])) + 1) << 16 | (np.int32(np.floor(v[i])) + 1)


@njit(cache=True, nogil=True)
def _doubled(values):  # noqa: ANN001, ANN202  # pragma: no cover
    out = np.empty(2 * len(values), values.dtype)
    out[: len(values)] = values
    return out


@njit(cache=True, nogil=True)
def _chords(count, line, depth, face, normals, grids, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    """The fields of :class:`Chords` from the hits of some directions."""
    frames, low, high = grids
    total = 0
    for d in range(begin, end):
        total += max(high[d, 0] - low[d, 0] + 1, 0) * max(high[d, 1] - low[d, 1] + 1, 0)
    starts, order = _sorted(count, line, depth, total)
    most = max(count // 2, 1)
    lines, depths = np.empty((most, 3), np.int64), np.empty((most, 2))
    ends, slopes = np.empty((most, 2), np.int64), np.empty(most)
    found, number = 0, 0
    for d in range(begin, end):
        way = frames[d, 0]
        for row in range(low[d, 0], high[d, 0] + 1):
            for column in range(low[d, 1], high[d, 1] + 1):
                before = 0.0
                for i in range(starts[number], starts[number + 1]):
                    n = normals[face[order[i]]]
                    slope = n[0] * way[0] + n[1] * way[1] + n[2] * way[2]
                    if before < 0 and slope > 0:
                        a, b = order[i - 1], order[i]
                        lines[found, 0], lines[found, 1], lines[found, 2] = d, row, column
                        depths[found, 0], depths[found, 1] = depth[a], depth[b]
                        ends[found, 0], ends[found, 1] = face[a], face[b]
                        slopes[found] = min(-before, slope)
                        found += 1
                    before = slope
                number += 1
    return lines[:found], depths[:found], ends[:found], slopes[:found]


@njit(cache=True, nogil=True)
def _sorted(count, line, depth, total):  # noqa: ANN001, ANN202  # pragma: no cover
    """Start [L + 1] of every line in the order [count] of hits by line and depth."""
    starts = np.zeros(total + 2, np.int64)
    for i in range(count):
        starts[line[i] + 2] += 1
    for n in range(1, total + 2):
        starts[n] += starts[n - 1]
    order, filled = np.empty(count, np.int64), starts[1:].copy()
    for i in range(count):
        place, first = filled[line[i]], starts[line[i] + 1]
        filled[line[i]] += 1
        while place > first and depth[order[place - 1]] > depth[i]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = i
    return starts[1:], order
