"""Self-intersection test of a mesh in linear time: around every vertex, and between other faces by a grid of cells.

Faces without a common corner must not touch. Faces with one common corner may meet only there, faces with a common edge
must not be folded onto each other, and a face must have an area. *Touch* means closer than a gap that covers the rounding
of vertices to single precision when the mesh is transformed and written.
"""

from __future__ import annotations

import numba
import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.rendering.cpu.pool import parallel_ranges
from gsn_perception.surface.watertight.adjacency import corners_at_vertices
from gsn_perception.surface.watertight.face_pairs import apart
from gsn_perception.surface.watertight.face_pairs import corners
from gsn_perception.surface.watertight.vertex_fans import cross_at_vertices

GAP = 3e-6
"""Least distance of faces that are not neighbours, shares of the mesh's longest extent."""
_CELL = 2.0  # mean sizes of a face
_ENTRIES = 24  # cells per face, on average, above which the cells are made larger
_PIECES = 24  # of the grid, for the threads
_ROUNDING = 2e-7  # of the extent: boxes in single precision are wider by more than their rounding


def crossing_faces(mesh: Mesh, gap: float = GAP, among: np.ndarray | None = None) -> np.ndarray:
    """[F] bool: faces that cross, touch or fold onto another, or have no area.

    Args:
        mesh: Any mesh.
        gap: Distance that counts as touching, as a share of the longest extent.
        among: [F] bool, the faces in question: pairs of two others are not tested. None: all.
    """
    return crossing_and_closed(mesh, gap, among)[0]


def crossing_and_closed(mesh: Mesh, gap: float = GAP, among: np.ndarray | None = None) -> tuple[np.ndarray, bool]:
    """The :func:`crossing_faces`, and whether the mesh is a closed surface: one closed ring of faces around every vertex."""
    if not len(mesh.faces):
        return np.zeros(0, dtype=bool), False
    finite = np.isfinite(mesh.vertices).all(axis=1)
    if not finite.all() and not (known := finite[mesh.faces].all(axis=1)).all():
        return np.asarray(~known), False
    among = np.ones(len(mesh.faces), dtype=bool) if among is None else np.ascontiguousarray(among, dtype=bool)
    points, boxes, size, extent = _boxes(mesh.vertices, mesh.faces, gap)
    gap *= extent
    bad, closed = np.zeros(len(mesh.faces), dtype=bool), []
    first, around = corners_at_vertices(mesh.faces, len(points))

    def fans(begin: int, end: int) -> None:
        closed.append(cross_at_vertices(begin, end, points, mesh.faces, first, around, among, gap, bad))

    parallel_ranges(fans, len(points), -(-len(points) // _PIECES))
    starts, inside, most, inverse, shape = _sorted_into_cells(boxes, _CELL * size)

    def cells(begin: int, end: int) -> None:
        _cross_in_cells(begin, end, points, mesh.faces, boxes, starts, inside, most, inverse, shape, gap, among, bad)

    parallel_ranges(cells, len(starts) - 1, -(-len(starts) // _PIECES))
    return bad, all(closed)


@numba.njit(nogil=True, cache=True)
def _boxes(vertices: np.ndarray, faces: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Points [V,3] from the lowest corner on, boxes [F,6] of the faces, the mean of their longest sides, the mesh's extent.

    The points are in double precision. A box is the lowest and the highest corner, wider by half the gap.
    """
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for f in range(len(faces)):
        for i in range(3):
            for k in range(3):
                x = np.float64(vertices[faces[f, i], k])
                low[k], high[k] = min(low[k], x), max(high[k], x)
    extent = max(high[0] - low[0], high[1] - low[1], high[2] - low[2])
    points = np.empty(vertices.shape, np.float64)
    for v in range(len(vertices)):
        for k in range(3):
            points[v, k] = np.float64(vertices[v, k]) - low[k]
    wider = 0.5 * share * extent + _ROUNDING * extent
    boxes = np.empty((len(faces), 6), np.float32)
    total = 0.0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        longest = 0.0
        for k in range(3):
            x, y, z = points[a, k], points[b, k], points[c, k]
            begin, end = min(x, y, z), max(x, y, z)
            boxes[f, k], boxes[f, 3 + k] = max(begin - wider, 0.0), end + wider
            longest = max(longest, end - begin)
        total += longest
    return points, boxes, total / len(faces) + 2.0 * wider, extent


@numba.njit(nogil=True, cache=True)
def _sorted_into_cells(boxes: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray, int, np.float32, np.ndarray]:
    """The boxes in each cell of a grid: ``inside[starts[c]:starts[c + 1]]``.

    Then follow the most boxes in a cell, one over the cells' side, and their number [3].
    The cells are made larger than asked for until boxes lie in few and few are empty.
    """
    count = len(boxes)
    shape = np.ones(3, np.int64)
    cell = max(cell, 1e-30)
    while True:
        inverse = np.float32(1.0 / cell)
        entries = 0
        shape[:] = 1
        for f in range(count):
            cover = 1
            for k in range(3):
                last = np.int64(boxes[f, 3 + k] * inverse)
                cover *= int(last - np.int64(boxes[f, k] * inverse)) + 1
                shape[k] = max(shape[k], last + 1)
            entries += cover
        cells = shape[0] * shape[1] * shape[2]
        if entries <= _ENTRIES * count and cells <= 64 * count + 4096:
            break
        cell *= 1.5
    starts = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int32)
    inside = np.empty(entries, np.int32)
    most = 0
    for fill in (False, True):  # count, then write from the back of each cell's range
        for step in range(count):
            f = count - 1 - step
            a, b, c = np.int64(boxes[f, 0] * inverse), np.int64(boxes[f, 1] * inverse), np.int64(boxes[f, 2] * inverse)
            for x in range(a, np.int64(boxes[f, 3] * inverse) + 1):
                for y in range(b, np.int64(boxes[f, 4] * inverse) + 1):
                    for z in range(c, np.int64(boxes[f, 5] * inverse) + 1):
                        index = (x * shape[1] + y) * shape[2] + z
                        if fill:
                            starts[index] -= 1
                            inside[starts[index]] = f
                        else:
                            starts[index] += 1
        if not fill:
            for index in range(1, len(starts)):
                most = max(most, int(starts[index]))
                starts[index] += starts[index - 1]
            most = max(most, int(starts[0]))
    return starts, inside, most, inverse, shape


@numba.njit(nogil=True, cache=True)
def _cross_in_cells(
    begin: int,
    end: int,
    points: np.ndarray,  # [V,3]
    faces: np.ndarray,  # [F,3]
    boxes: np.ndarray,  # [F,6]
    starts: np.ndarray,  # [C+1]
    inside: np.ndarray,
    most: int,
    inverse: np.float32,
    shape: np.ndarray,  # [3]
    gap: float,
    among: np.ndarray,  # [F]
    bad: np.ndarray,  # [F] the result
) -> None:
    """Mark the faces without a common corner that meet or come within the gap, in the cells begin..end-1."""
    local, names = np.empty((6, most), np.float32), np.empty((3, most), np.int32)
    near = np.empty(most, np.uint8)
    for cell in range(begin, end):
        here = inside[starts[cell] : starts[cell + 1]]
        if len(here) < 2:
            continue
        for i in range(len(here)):
            for k in range(6):
                local[k, i] = boxes[here[i], k] * inverse
            for k in range(3):
                names[k, i] = faces[here[i], k]
        lowest = (
            np.float32(cell // (shape[1] * shape[2])),
            np.float32(cell // shape[2] % shape[1]),
            np.float32(cell % shape[2]),
        )
        for i in range(1, len(here)):
            f = here[i]
            if not _near(local, names, i, lowest, near):
                continue
            for j in range(i):
                if near[j]:
                    g = here[j]
                    if (
                        (among[f] or among[g])
                        and not (bad[f] and bad[g])
                        and not apart(corners(points, faces, f), corners(points, faces, g), gap)
                    ):
                        bad[f] = True
                        bad[g] = True


@numba.njit(nogil=True, cache=True)
def _near(
    local: np.ndarray,
    names: np.ndarray,
    i: int,
    lowest: tuple[np.float32, np.float32, np.float32],
    near: np.ndarray,
) -> bool:
    """Mark the faces 0..i-1 of a cell whose boxes overlap that of face i, that share no corner with it, and no cell before.

    Boxes: local [6,N], in cells; corners: names [3,N]; the cell: lowest. Returns whether there are any. Compiles to vector
    instructions.
    """
    a0, a1, a2, b0, b1, b2 = local[0], local[1], local[2], local[3], local[4], local[5]
    u, v, w = names[0], names[1], names[2]
    p0, p1, p2, q0, q1, q2 = a0[i], a1[i], a2[i], b0[i], b1[i], b2[i]
    x, y, z = u[i], v[i], w[i]
    first0, first1, first2 = p0 >= lowest[0], p1 >= lowest[1], p2 >= lowest[2]
    some = np.uint8(0)
    for j in range(i):
        overlap = (a0[j] <= q0) & (a1[j] <= q1) & (a2[j] <= q2) & (b0[j] >= p0) & (b1[j] >= p1) & (b2[j] >= p2)
        here = (first0 | (a0[j] >= lowest[0])) & (first1 | (a1[j] >= lowest[1])) & (first2 | (a2[j] >= lowest[2]))
        foreign = (
            (u[j] != x) & (u[j] != y) & (u[j] != z) & (v[j] != x) & (v[j] != y) & (v[j] != z)
            & (w[j] != x) & (w[j] != y) & (w[j] != z)
        )  # fmt: skip
        near[j] = np.uint8(overlap & here & foreign)
        some |= near[j]
    return bool(some > 0)
