"""Signed distance functions (SDF): primitives and boolean operations.

Negative inside. Primitives are exact distances unless stated otherwise. Minimum, maximum and the smooth minimum keep a
function 1-Lipschitz, so that ``marching`` can skip empty blocks. Formulas: I. Quilez, "3D signed distance functions".
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise

import numpy as np

Sdf = Callable[[np.ndarray], np.ndarray]
"""[N,3] points -> [N] signed distances."""


def sphere(center: tuple[float, float, float], radius: float) -> Sdf:
    """A ball."""
    c = np.asarray(center, dtype=np.float32)
    return lambda p: _length(p - c) - np.float32(radius)


def ellipsoid(center: tuple[float, float, float], radii: tuple[float, float, float]) -> Sdf:
    """An axis-aligned ellipsoid; a lower bound of the distance (the unit ball's, times the smallest radius)."""
    c, r = np.asarray(center, dtype=np.float32), np.asarray(radii, dtype=np.float32)
    return lambda p: (_length((p - c) / r) - np.float32(1)) * r.min()


def box(center: tuple[float, float, float], half: tuple[float, float, float], rounding: float = 0.0) -> Sdf:
    """An axis-aligned box of half sides ``half`` (rounding included) with rounded edges."""
    c, h = np.asarray(center, dtype=np.float32), np.asarray(half, dtype=np.float32) - np.float32(rounding)

    def distance(p: np.ndarray) -> np.ndarray:
        q = np.abs(p - c) - h
        return _length(np.maximum(q, 0)) + np.minimum(q.max(axis=1), 0) - np.float32(rounding)

    return distance


def capsule(a: tuple[float, float, float], b: tuple[float, float, float], radius: float) -> Sdf:
    """All points within ``radius`` of the segment a-b."""
    start, along = np.asarray(a, dtype=np.float32), np.asarray(b, dtype=np.float32) - np.asarray(a, dtype=np.float32)
    square = max(float(along @ along), 1e-12)

    def distance(p: np.ndarray) -> np.ndarray:
        q = p - start
        t = np.clip((q @ along) / np.float32(square), 0, 1)
        return _length(q - t[:, None] * along) - np.float32(radius)

    return distance


def tube(path: np.ndarray, radius: float) -> Sdf:
    """All points within ``radius`` of a polyline [P,3]."""
    return union(*(capsule(tuple(a), tuple(b), radius) for a, b in pairwise(path)))


def cylinder(
    center: tuple[float, float, float], radius: float, half: float, axis: int = 2, rounding: float = 0.0
) -> Sdf:
    """A cylinder along a coordinate axis with half height ``half`` and rounded rims."""
    c, others = np.asarray(center, dtype=np.float32), [i for i in range(3) if i != axis]

    def distance(p: np.ndarray) -> np.ndarray:
        q = p - c
        radial = _length(q[:, others]) - np.float32(radius - rounding)
        axial = np.abs(q[:, axis]) - np.float32(half - rounding)
        outside = np.sqrt(np.maximum(radial, 0) ** 2 + np.maximum(axial, 0) ** 2)
        return outside + np.minimum(np.maximum(radial, axial), 0) - np.float32(rounding)

    return distance


def torus(center: tuple[float, float, float], ring: float, pipe: float, axis: int = 2) -> Sdf:
    """A torus about a coordinate axis: ring radius and pipe radius."""
    c, others = np.asarray(center, dtype=np.float32), [i for i in range(3) if i != axis]

    def distance(p: np.ndarray) -> np.ndarray:
        q = p - c
        radial = _length(q[:, others]) - np.float32(ring)
        return np.sqrt(radial**2 + q[:, axis] ** 2) - np.float32(pipe)

    return distance


def revolved(profile: np.ndarray) -> Sdf:
    """A solid of revolution about z: the region between the axis and an open polyline [P,2] of (radius, height).

    The polyline starts and ends on the axis; the closing edge on the axis is not part of the surface.
    """
    start, end = profile[:-1].astype(np.float32), profile[1:].astype(np.float32)

    def distance(p: np.ndarray) -> np.ndarray:
        r, z = _length(p[:, :2]), p[:, 2]
        squared = np.full(len(p), np.inf, dtype=np.float32)
        inside = np.zeros(len(p), dtype=bool)
        for (ar, az), (br, bz) in zip(start, end, strict=True):
            er, ez = br - ar, bz - az
            t = np.clip(((r - ar) * er + (z - az) * ez) / max(er * er + ez * ez, np.float32(1e-12)), 0, 1)
            squared = np.minimum(squared, (r - ar - t * er) ** 2 + (z - az - t * ez) ** 2)
            if az != bz:  # a ray outwards from (r, z) crosses this edge
                inside ^= ((az > z) != (bz > z)) & (r < ar + (z - az) / ez * er)
        return np.where(inside, -1, 1).astype(np.float32) * np.sqrt(squared)

    return distance


def union(*parts: Sdf) -> Sdf:
    """Points in any part."""
    return _combined(np.minimum, parts)


def blend(radius: float, *parts: Sdf) -> Sdf:
    """Union with a fillet of about ``radius`` (polynomial smooth minimum)."""
    k = np.float32(radius)

    def distance(p: np.ndarray) -> np.ndarray:
        value = parts[0](p)
        for part in parts[1:]:
            other = part(p)
            h = np.maximum(k - np.abs(value - other), 0) / k
            value = np.minimum(value, other) - h * h * k / 4
        return value

    return distance


def intersection(*parts: Sdf) -> Sdf:
    """Points in all parts; a lower bound of the distance outside."""
    return _combined(np.maximum, parts)


def difference(solid: Sdf, *holes: Sdf) -> Sdf:
    """Points of the solid that are in no hole; a lower bound of the distance outside."""
    return intersection(solid, *(_complement(hole) for hole in holes))


def placed(part: Sdf, rotation: np.ndarray, translation: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Sdf:
    """A part moved by ``x -> R x + t``."""
    R, t = rotation.astype(np.float32), np.asarray(translation, dtype=np.float32)
    return lambda p: part((p - t) @ R)


def _combined(combine: Callable[[np.ndarray, np.ndarray], np.ndarray], parts: Sequence[Sdf]) -> Sdf:
    """The distances of all parts combined point by point, from the first part to the last."""
    return lambda p: reduce(combine, (part(p) for part in parts))


def _complement(part: Sdf) -> Sdf:
    """Points outside a part."""
    return lambda p: -part(p)


def _length(p: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ij,ij->i", p, p))
