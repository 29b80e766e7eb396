"""Parts of meshes: connected pieces, selected faces, faces on the same vertices; compiled."""

from __future__ import annotations

import numba
import numpy as np

from gsn_perception.geometry import Mesh


def select_faces(mesh: Mesh, keep: np.ndarray) -> Mesh:
    """The faces selected by a mask [F], with their vertices, without attributes."""
    used, faces = _selected(mesh.faces, np.ascontiguousarray(keep, dtype=bool), len(mesh.vertices))
    return Mesh(mesh.vertices[used], faces)


def pieces(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """The connected piece [F] int32 of each face, and the volume [P] of each piece, in cubic units of the mesh.

    Pieces are numbered in the order of their first face. Faces are connected by common vertices.
    """
    return _pieces(mesh.vertices, mesh.faces)


def single_faces(faces: np.ndarray) -> np.ndarray:
    """[F] bool: the faces [F,3] int32 whose three vertices are those of no other face."""
    return _single(faces, int(faces.max(initial=-1)) + 1)


@numba.njit(nogil=True, cache=True)
def _selected(faces: np.ndarray, keep: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The vertices that kept faces name, ascending, and these faces with their new numbers."""
    number = np.full(count, -1, np.int32)
    left = 0
    for f in range(len(faces)):
        if keep[f]:
            left += 1
            for k in range(3):
                number[faces[f, k]] = 0
    used = np.empty(count, np.int32)
    total = 0
    for v in range(count):
        if number[v] == 0:
            number[v] = total
            used[total] = v
            total += 1
    out = np.empty((left, 3), np.int32)
    left = 0
    for f in range(len(faces)):
        if keep[f]:
            for k in range(3):
                out[left, k] = number[faces[f, k]]
            left += 1
    return used[:total], out


@numba.njit(nogil=True, cache=True)
def _pieces(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """See :func:`pieces`: union-find over the vertices."""
    above = np.arange(len(vertices), dtype=np.int32)  # a vertex of the same piece; the piece's first one: itself
    for f in range(len(faces)):
        a = _first(above, faces[f, 0])
        for k in range(1, 3):
            b = _first(above, faces[f, k])
            a, b = min(a, b), max(a, b)
            above[b] = a
    number = np.full(len(vertices), -1, np.int32)
    piece = np.empty(len(faces), np.int32)
    count = 0
    for f in range(len(faces)):
        a = _first(above, faces[f, 0])
        if number[a] < 0:
            number[a] = count
            count += 1
        piece[f] = number[a]
    volume = np.zeros(count)
    p, q, r = np.empty(3), np.empty(3), np.empty(3)
    for f in range(len(faces)):
        for k in range(3):
            p[k], q[k], r[k] = vertices[faces[f, 0], k], vertices[faces[f, 1], k], vertices[faces[f, 2], k]
        x, y, z = q[1] * r[2] - q[2] * r[1], q[2] * r[0] - q[0] * r[2], q[0] * r[1] - q[1] * r[0]
        volume[piece[f]] += (p[0] * x + p[1] * y + p[2] * z) / 6.0
    return piece, volume


@numba.njit(nogil=True, cache=True)
def _first(above: np.ndarray, v: int) -> int:
    """The first vertex of a vertex's piece; halves the way there for the next search."""
    while above[v] != v:
        above[v] = above[above[v]]
        v = above[v]
    return v


@numba.njit(nogil=True, cache=True)
def _single(faces: np.ndarray, count: int) -> np.ndarray:
    """See :func:`single_faces`: faces are compared with those of the same lowest vertex."""
    starts = np.zeros(count + 1, np.int32)
    for f in range(len(faces)):
        starts[min(faces[f, 0], faces[f, 1], faces[f, 2]) + 1] += 1
    for v in range(count):
        starts[v + 1] += starts[v]
    filled = starts[:-1].copy()
    others = np.empty((len(faces), 3), np.int32)  # middle and highest vertex, face
    out = np.ones(len(faces), np.bool_)
    for f in range(len(faces)):
        low = min(faces[f, 0], faces[f, 1], faces[f, 2])
        high = max(faces[f, 0], faces[f, 1], faces[f, 2])
        middle = faces[f, 0] + faces[f, 1] + faces[f, 2] - low - high
        for i in range(starts[low], filled[low]):
            if others[i, 0] == middle and others[i, 1] == high:
                out[f] = False
                out[others[i, 2]] = False
        others[filled[low], 0], others[filled[low], 1], others[filled[low], 2] = middle, high, f
        filled[low] += 1
    return out
