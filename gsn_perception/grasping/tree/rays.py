"""Rays against the triangles of a bounding tree, watertight (Woop, Benthin, Wald 2013); compiled."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gsn_perception.grasping.tree.bounding_tree import BoundingTree
from gsn_perception.rendering.cpu.pool import parallel_ranges

_RAYS = 128  # per thread and piece
_SMALLEST = 1e-30  # of a direction's component: its inverse stays finite


def first_hits(tree: BoundingTree, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest triangles along rays.

    Args:
        tree: The triangles.
        origins: [N,3] metres.
        directions: [N,3] unit.

    Returns:
        Distances [N] (inf without a hit) and triangles [N] (-1 without a hit), as numbered in the tree's input.
    """
    distance, face = np.full(len(origins), np.inf), np.full(len(origins), -1)
    _cast(tree, origins, directions, distance, face, False)
    return distance, face


def blocked(tree: BoundingTree, origins: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Whether [N] a triangle cuts the segments from origins [N,3] to targets [N,3], ends included."""
    along = targets - origins
    distance, face = np.linalg.norm(along, axis=1), np.full(len(origins), -1)
    _cast(tree, origins, along / np.maximum(distance, 1e-9)[:, None], distance, face, True)
    return face >= 0


def _cast(
    tree: BoundingTree, origins: np.ndarray, directions: np.ndarray, distance: np.ndarray, face: np.ndarray, any_: bool
) -> None:
    if not tree:
        return
    starts, ways = (np.ascontiguousarray(a, dtype=np.float64) for a in (origins, directions))

    def work(begin: int, end: int) -> None:
        _cast_range(*tree, starts, ways, distance, face, any_, begin, end)

    parallel_ranges(work, len(starts), _RAYS)


@njit(cache=True, nogil=True, error_model="numpy")
def _cast_range(corners, items, bounds, origins, directions, distance, face, any_, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    N, leaves = len(items), len(bounds) // 2
    inverse = np.empty(3)
    for r in range(begin, end):
        origin, way = origins[r], directions[r]
        for a in range(3):
            inverse[a] = 1.0 / (way[a] if abs(way[a]) > _SMALLEST else _SMALLEST)
        node = 1
        while True:
            if _meets(bounds[node], origin, inverse, distance[r]):
                if node < leaves:
                    node *= 2
                    continue
                leaf = node - leaves
                for i in range(N * leaf // leaves, N * (leaf + 1) // leaves):
                    hit = _triangle(corners[i], origin, way)
                    if hit < distance[r] or (any_ and hit <= distance[r]):
                        distance[r], face[r] = hit, items[i]
                if any_ and face[r] >= 0:
                    break
            node += 1
            while node & 1 == 0:
                node >>= 1
            if node == 1:
                break


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _meets(box, origin, inverse, limit):  # noqa: ANN001, ANN202  # pragma: no cover
    near, far = 0.0, limit
    for a in range(3):
        one, two = (box[a] - origin[a]) * inverse[a], (box[3 + a] - origin[a]) * inverse[a]
        near, far = max(near, min(one, two)), min(far, max(one, two))
    return near <= far * (1 + 1e-12)


@njit(cache=True, nogil=True, error_model="numpy")
def _triangle(corners, origin, way):  # noqa: ANN001, ANN202  # pragma: no cover
    """Distance to a triangle, inf without a hit; a ray through a common edge meets one of its two triangles or both."""
    kz = 0
    for a in range(1, 3):
        if abs(way[a]) > abs(way[kz]):
            kz = a
    kx, ky = (kz + 1) % 3, (kz + 2) % 3
    sx, sy, sz = way[kx] / way[kz], way[ky] / way[kz], 1.0 / way[kz]
    az, bz, cz = corners[0, kz] - origin[kz], corners[1, kz] - origin[kz], corners[2, kz] - origin[kz]
    ax, ay = corners[0, kx] - origin[kx] - sx * az, corners[0, ky] - origin[ky] - sy * az
    bx, by = corners[1, kx] - origin[kx] - sx * bz, corners[1, ky] - origin[ky] - sy * bz
    cx, cy = corners[2, kx] - origin[kx] - sx * cz, corners[2, ky] - origin[ky] - sy * cz
    u, v, w = cx * by - cy * bx, ax * cy - ay * cx, bx * ay - by * ax
    if min(u, v, w) < 0 and max(u, v, w) > 0:
        return math.inf
    total = u + v + w
    if total == 0:
        return math.inf
    hit = sz * (u * az + v * bz + w * cz) / total
    return hit if hit >= 0 else math.inf
