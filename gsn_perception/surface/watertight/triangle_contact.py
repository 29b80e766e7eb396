"""Contact tests of two triangles (crossing, or closer than a gap) in double precision; compiled.

Vectors are tuples of three numbers, because arrays would be allocated for every difference.
"""

from __future__ import annotations

import math

import numba
import numpy as np

Vector = tuple[float, float, float]
Triangle = tuple[Vector, Vector, Vector]


@numba.njit(nogil=True, cache=True, inline="always")
def triangle(corners: np.ndarray, face: int) -> Triangle:
    """One face of corners [F,3,3]."""
    return (
        (corners[face, 0, 0], corners[face, 0, 1], corners[face, 0, 2]),
        (corners[face, 1, 0], corners[face, 1, 1], corners[face, 1, 2]),
        (corners[face, 2, 0], corners[face, 2, 1], corners[face, 2, 2]),
    )


@numba.njit(nogil=True, cache=True)
def triangles_meet(p: Triangle, q: Triangle, gap: float) -> bool:
    """Whether two triangles without a common corner cross each other or come within ``gap``.

    The distance of two triangles that do not cross is that of an edge to an edge or of a corner to a face.
    """
    if _apart(p, q, gap) or _apart(q, p, gap):
        return False
    for i in range(3):
        j = (i + 1) % 3
        if segment_meets_triangle(p[i], p[j], q, gap) or segment_meets_triangle(q[i], q[j], p, gap):
            return True
    return False


@numba.njit(nogil=True, cache=True)
def segment_meets_triangle(a: Vector, b: Vector, t: Triangle, gap: float) -> bool:
    """Whether the segment from ``a`` to ``b`` pierces the triangle or comes within ``gap`` of it."""
    n = cross(minus(t[1], t[0]), minus(t[2], t[0]))
    area = dot(n, n)
    above, below = dot(n, minus(a, t[0])), dot(n, minus(b, t[0]))
    limit = gap * math.sqrt(area)
    if (above > limit and below > limit) or (above < -limit and below < -limit):
        return False
    if area > 0.0:
        if above * below <= 0.0 and above != below:
            share = above / (above - below)
            if _over(plus(a, share, minus(b, a)), t, n):
                return True
        if (abs(above) < limit and _over(a, t, n)) or (abs(below) < limit and _over(b, t, n)):
            return True
    for i in range(3):  # noqa: SIM110 (numba compiles no generators)
        if segments_squared(a, b, t[i], t[(i + 1) % 3]) < gap * gap:
            return True
    return False


@numba.njit(nogil=True, cache=True)
def _apart(p: Triangle, q: Triangle, gap: float) -> bool:
    """Whether all of ``q`` lies on one side of the plane of ``p``, more than ``gap`` from it."""
    n = cross(minus(p[1], p[0]), minus(p[2], p[0]))
    limit = gap * math.sqrt(dot(n, n))
    if limit == 0.0:
        return False
    d0, d1, d2 = dot(n, minus(q[0], p[0])), dot(n, minus(q[1], p[0])), dot(n, minus(q[2], p[0]))
    return (d0 > limit and d1 > limit and d2 > limit) or (d0 < -limit and d1 < -limit and d2 < -limit)


@numba.njit(nogil=True, cache=True)
def _over(x: Vector, t: Triangle, n: Vector) -> bool:
    """Whether a point projects into the triangle along its normal."""
    for i in range(3):  # noqa: SIM110
        if dot(n, cross(minus(t[(i + 1) % 3], t[i]), minus(x, t[i]))) < 0.0:
            return False
    return True


@numba.njit(nogil=True, cache=True)
def segments_squared(a: Vector, b: Vector, c: Vector, d: Vector) -> float:
    """Squared distance of two segments; 0 where one has no length, so that a degenerate triangle counts as touching."""
    u, v, w = minus(b, a), minus(d, c), minus(a, c)
    uu, uv, vv, uw, vw = dot(u, u), dot(u, v), dot(v, v), dot(u, w), dot(v, w)
    if uu == 0.0 or vv == 0.0:
        return 0.0
    bottom = uu * vv - uv * uv
    s = 0.0
    if bottom > 1e-14 * uu * vv:
        s = min(max((uv * vw - vv * uw) / bottom, 0.0), 1.0)
    t = (uv * s + vw) / vv
    if t < 0.0:
        t = 0.0
        s = min(max(-uw / uu, 0.0), 1.0)
    elif t > 1.0:
        t = 1.0
        s = min(max((uv - uw) / uu, 0.0), 1.0)
    x = plus(plus(w, s, u), -t, v)
    return dot(x, x)


@numba.njit(nogil=True, cache=True, inline="always")
def minus(a: Vector, b: Vector) -> Vector:
    """The difference."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


@numba.njit(nogil=True, cache=True, inline="always")
def plus(a: Vector, factor: float, b: Vector) -> Vector:
    """``a + factor b``."""
    return (a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2])


@numba.njit(nogil=True, cache=True, inline="always")
def dot(a: Vector, b: Vector) -> float:
    """The inner product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@numba.njit(nogil=True, cache=True, inline="always")
def cross(a: Vector, b: Vector) -> Vector:
    """The cross product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
