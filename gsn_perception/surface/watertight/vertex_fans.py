"""Contact of faces that share a corner or an edge, one vertex after another; compiled.

Seen along the vertex's normal, the faces around most vertices lie side by side, each in its own sector. Then no two of them
meet elsewhere, and no pair needs a test. Around the other vertices all pairs are tested.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from gsn_perception.surface.watertight.adjacency import one_ring
from gsn_perception.surface.watertight.face_pairs import conflict
from gsn_perception.surface.watertight.face_pairs import corners
from gsn_perception.surface.watertight.face_pairs import flat
from gsn_perception.surface.watertight.triangle_contact import cross
from gsn_perception.surface.watertight.triangle_contact import dot
from gsn_perception.surface.watertight.triangle_contact import minus
from gsn_perception.surface.watertight.triangle_contact import plus

_SAFELY = 1.0 + 1e-6  # factor on the gap, above the rounding of the test


@numba.njit(nogil=True, cache=True)
def cross_at_vertices(
    begin: int,
    end: int,
    points: np.ndarray,  # [V,3]
    faces: np.ndarray,  # [F,3]
    starts: np.ndarray,  # [V+1] see corners_at_vertices
    around: np.ndarray,  # [3F]
    among: np.ndarray,  # [F] bool
    gap: float,
    bad: np.ndarray,  # [F] bool, the result
) -> bool:
    """Mark the faces at the vertices begin..end-1 that have no area, or meet beside the corners and edges that they share.

    To come within the gap is to meet. Pairs of which neither is among the given faces are left out.

    Returns:
        Whether the faces around each of these vertices make one closed ring.
    """
    most, closed = 1, True
    for v in range(begin, end):
        most = max(most, starts[v + 1] - starts[v])
    ring, edges = np.empty((most, 2), np.int32), np.empty((most + 1, 3), np.float64)
    for v in range(begin, end):
        here = around[starts[v] : starts[v + 1]]
        if not len(here):
            continue
        moved = False
        for c in here:
            moved |= among[c // 3]
        whole = one_ring(faces, v, here, ring)
        closed &= whole
        if not moved or (whole and _side_by_side(points, v, ring[: len(here)], edges[: len(here) + 1], gap)):
            continue
        for i in range(len(here)):
            f = here[i] // 3
            bad[f] |= among[f] and flat(corners(points, faces, f), gap)
            for j in range(i):
                g = here[j] // 3
                if f != g and (among[f] or among[g]) and not (bad[f] and bad[g]) and conflict(points, faces, f, g, gap):
                    bad[f] = True
                    bad[g] = True
    return closed


@numba.njit(nogil=True, cache=True)
def _side_by_side(points: np.ndarray, v: int, ring: np.ndarray, edges: np.ndarray, gap: float) -> bool:
    """Whether the faces of a ring [N,2] around a vertex, seen along their mean normal, lie in separate sectors.

    Every face must be seen from its front, and the ring must go around once. Then between two faces that share the vertex
    only lies another one's sector, and a point of the first one's far side at distance r from the vertex is farther than
    r sin(sector) from the second face. Faces with a common edge are seen on both sides of it: the angle between them is
    larger than that between either and the line of sight. Each face's least height, as seen, bounds both distances.

    Edges [N+1,3] is working space for the ring's corners, relative to the vertex, the first one again at the end.
    """
    for i in range(len(ring)):
        for k in range(3):
            edges[i, k] = points[ring[i, 0], k] - points[v, k]
    edges[len(ring)] = edges[0]
    n = (0.0, 0.0, 0.0)
    for i in range(len(edges) - 1):
        a, b = (edges[i, 0], edges[i, 1], edges[i, 2]), (edges[i + 1, 0], edges[i + 1, 1], edges[i + 1, 2])
        n = plus(n, 1.0, cross(a, b))
    squared = dot(n, n)
    if squared == 0.0:
        return False
    if abs(n[0]) <= abs(n[1]) and abs(n[0]) <= abs(n[2]):
        m = (0.0, n[2], -n[1])
    elif abs(n[1]) <= abs(n[2]):
        m = (-n[2], 0.0, n[0])
    else:
        m = (n[1], -n[0], 0.0)
    limit = _SAFELY * gap * math.sqrt(squared)
    limit *= limit
    turns = 0
    b = (edges[0, 0], edges[0, 1], edges[0, 2])
    above, length = dot(m, b) > 0.0, dot(b, b)
    height, sector = np.inf, np.inf  # squared, times squared
    for i in range(1, len(edges)):
        a, below, shorter = b, not above, length
        b = (edges[i, 0], edges[i, 1], edges[i, 2])
        above, length = dot(m, b) > 0.0, dot(b, b)
        area = dot(cross(a, b), n)
        if area <= 0.0:
            return False
        far = minus(b, a)
        height = min(height, area * area / max(dot(far, far), length, shorter))
        sector = min(sector, area * area / (length * shorter))
        turns += below and above
    return turns == 1 and height * (sector / squared) > limit
