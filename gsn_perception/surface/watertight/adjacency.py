"""Which faces meet at a vertex, as compiled code reads it."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def corners_at_vertices(faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The corners at vertices 0..count-1: ``corners[starts[v]:starts[v + 1]]``, ascending, int32.

    Corner 3 f + k is the k-th of face f of faces [F,3].
    """
    starts = np.zeros(count + 1, np.int32)
    for f in range(len(faces)):
        for k in range(3):
            starts[faces[f, k] + 1] += 1
    for v in range(count):
        starts[v + 1] += starts[v]
    filled = starts[:-1].copy()
    corners = np.empty(3 * len(faces), np.int32)
    for f in range(len(faces)):
        for k in range(3):
            v = faces[f, k]
            corners[filled[v]] = 3 * f + k
            filled[v] += 1
    return starts, corners


@numba.njit(nogil=True, cache=True)
def one_ring(faces: np.ndarray, v: int, here: np.ndarray, ring: np.ndarray) -> bool:
    """Whether the faces with corners here [N] at a vertex v make one closed ring.

    Fills ring [N,2] with the next two corners of each face, in the order of the ring.
    """
    count = len(here)
    for i in range(count):
        f = here[i] // 3
        k = here[i] - 3 * f
        ring[i, 0], ring[i, 1] = faces[f, k + 1 if k < 2 else 0], faces[f, k - 1 if k > 0 else 2]
        if ring[i, 0] == v or ring[i, 1] == v or ring[i, 0] == ring[i, 1]:
            return False
    for i in range(count - 1):
        found = -1
        for j in range(i + 1, count):
            if ring[j, 0] == ring[i, 1]:
                if found >= 0:
                    return False
                found = j
        if found < 0:
            return False
        a, b = ring[found, 0], ring[found, 1]
        ring[found, 0], ring[found, 1] = ring[i + 1, 0], ring[i + 1, 1]
        ring[i + 1, 0], ring[i + 1, 1] = a, b
    return ring[count - 1, 1] == ring[0, 0]
