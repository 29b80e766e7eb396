"""The smallest cone around a set of rays."""

from __future__ import annotations

from itertools import combinations

import numpy as np

_TOLERANCE = 1e-9


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
    best: tuple[np.ndarray, float, tuple[int, ...]] = (unit[0], 1.0, (0,))
    best_cosine = -2.0
    for size in (2, 3):
        for group in combinations(range(len(unit)), size):
            axis = _touching_axis(unit[list(group)])
            if axis is None:
                continue
            cosine = float((unit @ axis).min())
            if cosine > best_cosine:
                best, best_cosine = (axis, cosine, group), cosine
    return best


def _touching_axis(unit: np.ndarray) -> np.ndarray | None:
    """The axis at equal angles from two or three unit vectors, None where it is undefined."""
    if len(unit) == 2:
        axis = unit[0] + unit[1]
    else:
        axis = np.cross(unit[1] - unit[0], unit[2] - unit[0])
        axis = axis if axis @ unit[0] > 0 else -axis
    length = float(np.linalg.norm(axis))
    return axis / length if length > 1e-12 else None
