"""The smallest cone around a set of rays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

_TOLERANCE = 1e-9
_Vector = tuple[float, float, float]


def smallest_cone(directions: np.ndarray) -> tuple[np.ndarray, float]:
    """Axis [3] (unit) and half-angle (radians) of the smallest circular cone around ``directions`` [N,3].

    The directions must lie in an open half-space. The result is exact: on the unit sphere the cone is the smallest
    enclosing ball of the unit vectors, which two or three of them define. Each iteration adds the farthest outlier.
    """
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    mean = unit.mean(axis=0)
    active = [int(np.argmin(unit @ mean))]
    active.append(int(np.argmin(unit @ unit[active[0]])))
    axis, cosine, _ = _cone_of(unit[active])
    for _ in range(200):
        inside = unit @ axis
        worst = int(np.argmin(inside))
        if inside[worst] >= cosine - _TOLERANCE:
            break
        active = [*active, worst]  # never more than four, even if more rays touch the cone
        axis, cosine, group = _cone_of(unit[active])
        active = [active[i] for i in group]
    return axis, float(np.arccos(np.clip(cosine, -1.0, 1.0)))


def _cone_of(unit: np.ndarray) -> tuple[np.ndarray, float, tuple[int, ...]]:
    """Brute force over pairs and triples of a few unit vectors [K,3]: axis, cosine, and indices that define the cone."""
    rays: list[_Vector] = [tuple(ray) for ray in unit.tolist()]  # plain numbers: numpy's calls cost more than its sums
    best: tuple[_Vector, float, tuple[int, ...]] = (rays[0], 1.0, (0,))
    best_cosine = -2.0
    for size in (2, 3):
        for group in combinations(range(len(rays)), size):
            axis = _touching_axis([rays[index] for index in group])
            if axis is None:
                continue
            cosine = min(_dot(ray, axis) for ray in rays)
            if cosine > best_cosine:
                best, best_cosine = (axis, cosine, group), cosine
    return np.array(best[0]), best[1], best[2]


def _touching_axis(unit: Sequence[_Vector]) -> _Vector | None:
    """The axis at equal angles from two or three unit vectors, None where it is undefined."""
    (x, y, z), (u, v, w) = unit[:2]
    if len(unit) == 2:
        axis = (x + u, y + v, z + w)
    else:
        (a, b, c), (d, e, f) = (u - x, v - y, w - z), (unit[2][0] - x, unit[2][1] - y, unit[2][2] - z)
        axis = (b * f - c * e, c * d - a * f, a * e - b * d)
        if _dot(axis, unit[0]) <= 0:
            axis = (-axis[0], -axis[1], -axis[2])
    length = math.sqrt(_dot(axis, axis))
    return (axis[0] / length, axis[1] / length, axis[2] / length) if length > 1e-12 else None


def _dot(a: _Vector, b: _Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
