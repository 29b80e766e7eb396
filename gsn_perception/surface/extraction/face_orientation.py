"""Consistent orientation of the faces of a mesh, per connected part."""

from __future__ import annotations

import numba
import numpy as np


def oriented(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Triangles [F,3] oriented so that neighbours run along their common edge in opposite directions.

    Each connected part then faces away from the mean of its face centres: closed parts outwards, open parts to their
    convex side. A part that is not orientable (a Moebius strip) keeps a seam.

    Args:
        vertices: [V,3].
        faces: [F,3]; triangles are neighbours over edges that exactly two of them share.
    """
    faces = np.array(faces, dtype=np.int64)
    if not len(faces):
        return faces
    part, flip = consistent_orientation(faces)
    faces[flip] = faces[flip][:, ::-1]
    parts = int(part.max()) + 1
    total = np.stack([np.bincount(part, vertices[faces].mean(axis=1)[:, k], parts) for k in range(3)], axis=1)
    middle = total / np.bincount(part, minlength=parts)[:, None]
    a, b, c = (vertices[faces[:, k]] - middle[part] for k in range(3))
    volume = np.bincount(part, np.einsum("fi,fi->f", a, np.cross(b, c)), parts)
    inwards = (volume < 0)[part]
    faces[inwards] = faces[inwards][:, ::-1]
    return faces


def consistent_orientation(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The connected part [F] of every triangle, and [F] bool whether it must flip so that its part is consistent.

    Parts are numbered in the order of their first triangle, which is not flipped.

    Args:
        faces: [F,3]; triangles are neighbours over edges that exactly two of them share.
    """
    faces = np.asarray(faces, dtype=np.int64)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    owner = np.tile(np.arange(len(faces)), 3)
    forward = edges[:, 0] < edges[:, 1]
    keys = edges.min(axis=1) * (int(faces.max(initial=0)) + 1) + edges.max(axis=1)
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    pairs = starts[np.diff(starts, append=len(keys)) == 2]
    one, other = order[pairs], order[pairs + 1]
    flip, part = _spread(owner[one], owner[other], forward[one] == forward[other], len(faces))
    return part, flip


@numba.njit(nogil=True, cache=True)
def _spread(one: np.ndarray, other: np.ndarray, disagree: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which faces to flip [F] and the connected part of each [F], from pairs of neighbours."""
    degree = np.zeros(count + 1, np.int64)
    for e in range(len(one)):
        degree[one[e] + 1] += 1
        degree[other[e] + 1] += 1
    starts = np.cumsum(degree)
    cursor = starts[:-1].copy()
    near, turn = np.empty(2 * len(one), np.int64), np.empty(2 * len(one), np.bool_)
    for e in range(len(one)):
        near[cursor[one[e]]], turn[cursor[one[e]]] = other[e], disagree[e]
        cursor[one[e]] += 1
        near[cursor[other[e]]], turn[cursor[other[e]]] = one[e], disagree[e]
        cursor[other[e]] += 1
    flip, part = np.zeros(count, np.bool_), np.full(count, -1, np.int64)
    queue = np.empty(count, np.int64)
    parts = 0
    for seed in range(count):
        if part[seed] >= 0:
            continue
        part[seed] = parts
        queue[0] = seed
        head, tail = 0, 1
        while head < tail:
            here = queue[head]
            head += 1
            for k in range(starts[here], starts[here + 1]):
                there = near[k]
                if part[there] < 0:
                    part[there] = parts
                    flip[there] = flip[here] != turn[k]
                    queue[tail] = there
                    tail += 1
        parts += 1
    return flip, part
