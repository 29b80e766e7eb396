"""Contact tests of two faces of one mesh, which may share a corner or an edge; compiled.

Nearly all faces that share one corner, and most others, are parted by a plane across the line between their centres. That
cheap test comes first. It is conservative: what it does not part, the exact tests decide.
"""

from __future__ import annotations

import numba
import numpy as np

from gsn_perception.surface.watertight.triangle_contact import Triangle
from gsn_perception.surface.watertight.triangle_contact import Vector
from gsn_perception.surface.watertight.triangle_contact import cross
from gsn_perception.surface.watertight.triangle_contact import dot
from gsn_perception.surface.watertight.triangle_contact import minus
from gsn_perception.surface.watertight.triangle_contact import plus
from gsn_perception.surface.watertight.triangle_contact import segment_meets_triangle
from gsn_perception.surface.watertight.triangle_contact import triangles_meet

_SAFELY = 1.0 + 1e-6  # factor on the gap of the cheap tests, above their rounding


@numba.njit(nogil=True, cache=True, inline="always")
def corners(points: np.ndarray, faces: np.ndarray, face: int) -> Triangle:
    """The corners of one of the faces [F,3], of points [V,3]."""
    a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
    return (
        (points[a, 0], points[a, 1], points[a, 2]),
        (points[b, 0], points[b, 1], points[b, 2]),
        (points[c, 0], points[c, 1], points[c, 2]),
    )


@numba.njit(nogil=True, cache=True)
def flat(t: Triangle, gap: float) -> bool:
    """Whether a triangle's height over its longest side is below the gap."""
    n = cross(minus(t[1], t[0]), minus(t[2], t[0]))
    longest = 0.0
    for i in range(3):
        side = minus(t[(i + 1) % 3], t[i])
        longest = max(longest, dot(side, side))
    return dot(n, n) <= gap * gap * longest


@numba.njit(nogil=True, cache=True)
def conflict(points: np.ndarray, faces: np.ndarray, f: int, g: int, gap: float) -> bool:
    """Whether two faces f and g meet, or come within the gap, anywhere except at shared corners and edges."""
    shared, mine, yours = 0, 0, 0
    lone, other = 3, 3  # 0 + 1 + 2 minus the shared corners = the corner that is not shared
    for i in range(3):
        for j in range(3):
            if faces[f, i] == faces[g, j]:
                shared += 1
                mine, yours = i, j
                lone -= i
                other -= j
    p, q = corners(points, faces, f), corners(points, faces, g)
    if shared == 0:
        return not apart(p, q, gap)
    if shared == 1:
        a, b = p[(mine + 1) % 3], p[(mine + 2) % 3]
        c, d = q[(yours + 1) % 3], q[(yours + 2) % 3]
        if _parted_at(p[mine], a, b, c, d, gap):
            return False
        return segment_meets_triangle(a, b, q, gap) or segment_meets_triangle(c, d, p, gap)
    if shared == 2 and lone < 3 and other < 3:  # not so where a face names a vertex twice
        return folded(p[(lone + 1) % 3], p[(lone + 2) % 3], p[lone], q[other], gap)
    return True


@numba.njit(nogil=True, cache=True)
def apart(p: Triangle, q: Triangle, gap: float) -> bool:
    """Whether two faces without a common corner neither cross nor come within the gap."""
    m = minus(plus(plus(p[0], 1.0, p[1]), 1.0, p[2]), plus(plus(q[0], 1.0, q[1]), 1.0, q[2]))
    near = min(dot(m, p[0]), dot(m, p[1]), dot(m, p[2]))
    far = max(dot(m, q[0]), dot(m, q[1]), dot(m, q[2]))
    if near > far and (near - far) * (near - far) > _SAFELY * gap * gap * dot(m, m):
        return True  # a slab across the line between the centres parts them
    return not triangles_meet(p, q, gap)


@numba.njit(nogil=True, cache=True)
def _parted_at(s: Vector, a: Vector, b: Vector, c: Vector, d: Vector, gap: float) -> bool:
    """Whether a plane through s parts the triangles s a b and s c d, with their other sides farther than the gap from it."""
    a, b, c, d = minus(a, s), minus(b, s), minus(c, s), minus(d, s)
    m = minus(plus(a, 1.0, b), plus(c, 1.0, d))
    least = min(dot(m, a), dot(m, b), -dot(m, c), -dot(m, d))
    return least > 0.0 and least * least > _SAFELY * gap * gap * dot(m, m)


@numba.njit(nogil=True, cache=True)
def folded(u: Vector, v: Vector, a: Vector, b: Vector, gap: float) -> bool:
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
