"""Triangles of a surface inside a grid cell, from the crossed edges of the cell alone (marching cubes without a sign).

Each face of the cell with two crossed edges contains a line between them; a face with four contains two lines, chosen so
that the pair of opposite corners that is farther from the surface stays connected. Lines join to closed loops, loops
become triangle fans. The lines of a face depend only on values that both cells at the face share, so the triangles of
neighbouring cells meet. No table and no inside is needed.
"""

from __future__ import annotations

import numba
import numpy as np

# Corner b of a cell lies at its bits (x, y, z), as in band.CORNERS. Each edge runs from its lower to its upper corner.
EDGES = np.array(
    [[0, 4], [1, 5], [2, 6], [3, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 1], [2, 3], [4, 5], [6, 7]], dtype=np.int64
)
_FACES = np.array(
    [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]], dtype=np.int64
)  # corners in order around each face, the lowest first


def _edge_between(a: int, b: int) -> int:
    return EDGES.tolist().index([min(a, b), max(a, b)])


FACE_EDGES = np.array([[_edge_between(f[k], f[(k + 1) % 4]) for k in range(4)] for f in _FACES], dtype=np.int64)


def cell_triangles(crossed: np.ndarray, edges: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Triangles [F,3] of edge numbers.

    Args:
        crossed: [C,12] bool in the order of ``EDGES``.
        edges: [C,12] numbers of the cells' edges.
        distance: [C,8] from the corners to the surface; resolves faces with four crossed edges.

    Returns:
        No triangles in cells that have a face with one or three crossed edges: the surface ends there.
    """
    some = crossed.any(axis=1)
    out = np.empty((10 * int(some.sum()), 3), dtype=np.int64)
    return out[: _cut(crossed[some], edges[some], distance[some], _FACES, FACE_EDGES, out)]


@numba.njit(nogil=True, cache=True)
def _cut(
    crossed: np.ndarray,
    edges: np.ndarray,
    distance: np.ndarray,
    faces: np.ndarray,
    face_edges: np.ndarray,
    out: np.ndarray,
) -> int:
    count = 0
    link = np.empty((12, 2), np.int64)
    loop = np.empty(12, np.int64)
    seen = np.empty(12, np.bool_)
    for c in range(len(crossed)):
        link[:] = -1
        closed = True
        for f in range(6):
            number = 0
            for k in range(4):
                number += crossed[c, face_edges[f, k]]
            if number % 2:
                closed = False
                break
            if number == 2:
                a = b = -1
                for k in range(4):
                    if crossed[c, face_edges[f, k]]:
                        a, b = face_edges[f, k], a
                _join(link, a, b)
            elif number == 4:
                d = distance[c]
                # edge k runs from corner k to k + 1: a line between edges k - 1 and k cuts off corner k
                first = 1 if d[faces[f, 0]] * d[faces[f, 2]] > d[faces[f, 1]] * d[faces[f, 3]] else 0
                _join(link, face_edges[f, (first + 3) % 4], face_edges[f, first])
                _join(link, face_edges[f, first + 1], face_edges[f, (first + 2) % 4])
        if not closed:
            continue
        seen[:] = False
        for start in range(12):
            if seen[start] or link[start, 0] < 0:
                continue
            length, here, before = 0, start, -1
            while not seen[here]:
                seen[here] = True
                loop[length] = here
                length += 1
                after = link[here, 0] if link[here, 0] != before else link[here, 1]
                before, here = here, after
            for k in range(1, length - 1):
                out[count, 0], out[count, 1], out[count, 2] = (
                    edges[c, loop[0]],
                    edges[c, loop[k]],
                    edges[c, loop[k + 1]],
                )
                count += 1
    return count


@numba.njit(nogil=True, cache=True)
def _join(link: np.ndarray, a: int, b: int) -> None:
    link[a, 0 if link[a, 0] < 0 else 1] = b
    link[b, 0 if link[b, 0] < 0 else 1] = a
