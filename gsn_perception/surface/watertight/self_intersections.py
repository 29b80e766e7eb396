"""Self-intersection test of a mesh in linear time, by a grid of cells.

Faces without a common corner must not touch. Faces with one common corner may meet only there, faces with a common edge
must not be folded onto each other, and a face must have an area. *Touch* means closer than a gap that covers the rounding
of vertices to single precision when the mesh is transformed and written.
"""

from __future__ import annotations

import numba
import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.watertight.triangle_contact import Triangle
from gsn_perception.surface.watertight.triangle_contact import Vector
from gsn_perception.surface.watertight.triangle_contact import cross
from gsn_perception.surface.watertight.triangle_contact import dot
from gsn_perception.surface.watertight.triangle_contact import minus
from gsn_perception.surface.watertight.triangle_contact import plus
from gsn_perception.surface.watertight.triangle_contact import segment_meets_triangle
from gsn_perception.surface.watertight.triangle_contact import triangle
from gsn_perception.surface.watertight.triangle_contact import triangles_meet

GAP = 3e-6
"""Least distance of faces that are not neighbours, shares of the mesh's longest extent."""
_CELL = 1.5  # mean sizes of a face
_ENTRIES = 24  # cells per face, on average, above which the cells are made larger


def crossing_faces(mesh: Mesh, gap: float = GAP) -> np.ndarray:
    """[F] bool: faces that cross, touch or fold onto another, or have no area.

    Args:
        mesh: Any mesh.
        gap: Distance that counts as touching, as a share of the longest extent.
    """
    if not len(mesh.faces):
        return np.zeros(0, dtype=bool)
    corners = mesh.triangles.astype(np.float64)
    if not np.isfinite(corners).all():
        return np.asarray(~np.isfinite(corners).all(axis=(1, 2)))
    corners -= corners.reshape(-1, 3).min(axis=0)
    extent = float(corners.max())
    low, high = corners.min(axis=1) - 0.5 * gap * extent, corners.max(axis=1) + 0.5 * gap * extent
    cell, shape = _cells(low, high)
    return _crossing(corners, mesh.faces, low, high, cell, shape, gap * extent)


def _cells(low: np.ndarray, high: np.ndarray) -> tuple[float, np.ndarray]:
    """Side of the grid's cells and their number along each axis, so that faces lie in few and few are empty."""
    size = float((high - low).max(axis=1).mean())
    cell = max(_CELL * size, 1e-30)
    span = high.max(axis=0)
    while True:
        shape = np.floor(span / cell).astype(np.int64) + 1
        entries = np.prod(np.floor(high / cell) - np.floor(low / cell) + 1, axis=1).sum()
        if entries <= _ENTRIES * len(low) and np.prod(shape.astype(np.float64)) <= 64 * len(low) + 4096:
            return cell, shape
        cell *= 1.5


@numba.njit(nogil=True, cache=True)
def _crossing(
    corners: np.ndarray,
    faces: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    cell: float,
    shape: np.ndarray,
    gap: float,
) -> np.ndarray:
    """See :func:`crossing_faces`; each pair is tested once, in the first cell that both share."""
    count = len(faces)
    first = np.empty((count, 3), dtype=np.int64)
    last = np.empty((count, 3), dtype=np.int64)
    starts = np.zeros(shape[0] * shape[1] * shape[2] + 1, dtype=np.int64)
    for f in range(count):
        for k in range(3):
            first[f, k] = min(max(int(np.floor(low[f, k] / cell)), 0), shape[k] - 1)
            last[f, k] = min(max(int(np.floor(high[f, k] / cell)), 0), shape[k] - 1)
        for x in range(first[f, 0], last[f, 0] + 1):
            for y in range(first[f, 1], last[f, 1] + 1):
                for z in range(first[f, 2], last[f, 2] + 1):
                    starts[(x * shape[1] + y) * shape[2] + z + 1] += 1
    starts = np.cumsum(starts)
    inside = np.empty(starts[-1], dtype=np.int64)
    filled = starts[:-1].copy()
    bad = np.zeros(count, dtype=np.bool_)
    for f in range(count):
        bad[f] = _flat(triangle(corners, f), gap)
        for x in range(first[f, 0], last[f, 0] + 1):
            for y in range(first[f, 1], last[f, 1] + 1):
                for z in range(first[f, 2], last[f, 2] + 1):
                    index = (x * shape[1] + y) * shape[2] + z
                    for other in range(starts[index], filled[index]):
                        g = inside[other]
                        if (
                            max(first[f, 0], first[g, 0]) == x
                            and max(first[f, 1], first[g, 1]) == y
                            and max(first[f, 2], first[g, 2]) == z
                            and low[f, 0] <= high[g, 0]
                            and low[g, 0] <= high[f, 0]
                            and low[f, 1] <= high[g, 1]
                            and low[g, 1] <= high[f, 1]
                            and low[f, 2] <= high[g, 2]
                            and low[g, 2] <= high[f, 2]
                            and not (bad[f] and bad[g])
                            and _conflict(triangle(corners, f), triangle(corners, g), faces, f, g, gap)
                        ):
                            bad[f] = True
                            bad[g] = True
                    inside[filled[index]] = f
                    filled[index] += 1
    return bad


@numba.njit(nogil=True, cache=True)
def _flat(t: Triangle, gap: float) -> bool:
    """Whether a triangle's height over its longest side is below the gap."""
    n = cross(minus(t[1], t[0]), minus(t[2], t[0]))
    longest = 0.0
    for i in range(3):
        side = minus(t[(i + 1) % 3], t[i])
        longest = max(longest, dot(side, side))
    return dot(n, n) <= gap * gap * longest


@numba.njit(nogil=True, cache=True)
def _conflict(p: Triangle, q: Triangle, faces: np.ndarray, f: int, g: int, gap: float) -> bool:
    """Whether two faces, f with corners p and g with corners q, meet anywhere except at shared corners and edges."""
    shared, mine, yours = 0, 0, 0
    lone, other = 3, 3  # 0 + 1 + 2 minus the shared corners = the corner that is not shared
    for i in range(3):
        for j in range(3):
            if faces[f, i] == faces[g, j]:
                shared += 1
                mine, yours = i, j
                lone -= i
                other -= j
    if shared == 0:
        return triangles_meet(p, q, gap)
    if shared == 1:
        return segment_meets_triangle(p[(mine + 1) % 3], p[(mine + 2) % 3], q, gap) or segment_meets_triangle(
            q[(yours + 1) % 3], q[(yours + 2) % 3], p, gap
        )
    if shared == 2:
        return _folded(p[(lone + 1) % 3], p[(lone + 2) % 3], p[lone], q[other], gap)
    return True


@numba.njit(nogil=True, cache=True)
def _folded(u: Vector, v: Vector, a: Vector, b: Vector, gap: float) -> bool:
    """Whether the faces u v a and u v b overlap: on the same side of their edge and within the gap of each other."""
    along = minus(v, u)
    length = dot(along, along)
    if length == 0.0:
        return True
    x, y = minus(a, u), minus(b, u)
    x = plus(x, -dot(x, along) / length, along)
    y = plus(y, -dot(y, along) / length, along)
    if dot(x, y) <= 0.0:
        return False
    n = cross(x, y)
    return dot(n, n) <= gap * gap * max(dot(x, x), dot(y, y))
