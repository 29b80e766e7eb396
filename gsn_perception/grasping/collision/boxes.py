"""Exact collision test of posed boxes with triangles and points by separating axes; compiled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from gsn_perception.rendering.cpu.pool import parallel_ranges

_GROUP = 8
_POSES = 64  # per thread and block


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Triangles (or points, K = 1) in compact groups of 8 with bounding spheres, and groups of 8 groups.

    Attributes:
        corners: [N,K,3] float64, in the order of the groups.
        spheres: [G,4] centre and radius of each group.
        coarse: [ceil(G / 8),4] centre and radius of each group of groups.
    """

    corners: np.ndarray
    spheres: np.ndarray
    coarse: np.ndarray

    @classmethod
    def of(cls, corners: np.ndarray) -> Blocks:
        """Group triangles [N,3,3] or points [N,1,3]."""
        corners = np.asarray(corners, dtype=np.float64)
        corners = np.ascontiguousarray(corners[_morton_order(corners[:, 0] + corners[:, -1])])
        return cls(corners, _bounding_spheres(corners, _GROUP), _bounding_spheres(corners, _GROUP * _GROUP))


@njit(cache=True, nogil=True)
def _bounding_spheres(corners, size):  # noqa: ANN001, ANN202  # pragma: no cover
    """[G,4] centre and radius of every ``size`` consecutive rows of corners [N,K,3]."""
    N, K, _ = corners.shape
    out = np.zeros(((N + size - 1) // size, 4))
    for g in range(len(out)):
        rows = corners[g * size : min((g + 1) * size, N)]
        low, high = rows[0, 0].copy(), rows[0, 0].copy()
        for i in range(len(rows)):
            for k in range(K):
                for a in range(3):
                    low[a] = min(low[a], rows[i, k, a])
                    high[a] = max(high[a], rows[i, k, a])
        out[g, :3] = (low + high) / 2
        for i in range(len(rows)):
            for k in range(K):
                x, y, z = rows[i, k, 0] - out[g, 0], rows[i, k, 1] - out[g, 1], rows[i, k, 2] - out[g, 2]
                out[g, 3] = max(out[g, 3], x * x + y * y + z * z)
        out[g, 3] = np.sqrt(out[g, 3])
    return out


def overlaps(rotations: np.ndarray, centers: np.ndarray, boxes: np.ndarray, blocks: Blocks) -> np.ndarray:
    """Whether any box of a pose touches any triangle (or contains any point).

    Args:
        rotations: [P,3,3] pose axes as columns.
        centers: [P,3] pose origins, metres.
        boxes: [P,B,2,3] lower and upper corners in the pose's axes.
        blocks: The triangles or points.

    Returns:
        [P] bool. Exact by separating axes (Akenine-Moeller 2001), up to rounding.
    """
    if not len(blocks.corners) or not len(centers):
        return np.zeros(len(centers), dtype=bool)
    R, t, extents = (np.ascontiguousarray(a, dtype=np.float64) for a in (rotations, centers, boxes))
    hit = np.zeros(len(t), dtype=bool)

    def work(begin: int, end: int) -> None:
        part = slice(begin, end)
        _overlaps(R[part], t[part], extents[part], blocks.corners, blocks.spheres, blocks.coarse, hit[part])

    parallel_ranges(work, len(t), _POSES)
    return hit


def _morton_order(points: np.ndarray) -> np.ndarray:
    """Order [N] along a space-filling curve."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    low = points.min(axis=0)
    cells = ((points - low) / max(float((points.max(axis=0) - low).max()), 1e-12) * 1023).astype(np.int64)
    code = np.zeros(len(points), dtype=np.int64)
    for bit in range(10):
        for axis in range(3):
            code |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable")


@njit(cache=True, nogil=True)
def _overlaps(rotations, centers, boxes, corners, spheres, coarse, hit):  # noqa: ANN001, ANN202  # pragma: no cover
    for p in range(len(centers)):
        hit[p] = _pose_overlaps(rotations[p], centers[p], boxes[p], corners, spheres, coarse)


@njit(cache=True, nogil=True)
def _pose_overlaps(R, t, boxes, corners, spheres, coarse):  # noqa: ANN001, ANN202  # pragma: no cover
    count = corners.shape[1]
    local = np.empty((count, 3))
    every = np.ones(len(boxes), dtype=np.bool_)
    close = np.empty(len(boxes), dtype=np.bool_)
    near = np.empty(len(boxes), dtype=np.bool_)
    for c in range(len(coarse)):
        if not _near(R, t, boxes, coarse[c], every, close):
            continue
        for g in range(c * _GROUP, min((c + 1) * _GROUP, len(spheres))):
            if not _near(R, t, boxes, spheres[g], close, near):
                continue
            for i in range(g * _GROUP, min((g + 1) * _GROUP, len(corners))):
                for k in range(count):
                    _into(R, t, corners[i, k], local[k])
                for b in range(len(boxes)):
                    if near[b] and _box_overlaps(boxes[b, 0], boxes[b, 1], local):
                        return True
    return False


@njit(cache=True, nogil=True, inline="always")
def _into(R, t, point, out):  # noqa: ANN001, ANN202  # pragma: no cover
    """A point in the axes of a pose."""
    x = point[0] - t[0]
    y = point[1] - t[1]
    z = point[2] - t[2]
    for a in range(3):
        out[a] = R[0, a] * x + R[1, a] * y + R[2, a] * z


@njit(cache=True, nogil=True, inline="always")
def _near(R, t, boxes, sphere, asked, near):  # noqa: ANN001, ANN202  # pragma: no cover
    """Which of the boxes in ``asked`` touch a sphere, and whether any does."""
    x = R[0, 0] * (sphere[0] - t[0]) + R[1, 0] * (sphere[1] - t[1]) + R[2, 0] * (sphere[2] - t[2])
    y = R[0, 1] * (sphere[0] - t[0]) + R[1, 1] * (sphere[1] - t[1]) + R[2, 1] * (sphere[2] - t[2])
    z = R[0, 2] * (sphere[0] - t[0]) + R[1, 2] * (sphere[1] - t[1]) + R[2, 2] * (sphere[2] - t[2])
    radius = sphere[3] + 1e-9
    some = False
    for b in range(len(boxes)):
        near[b] = False
        if asked[b]:
            dx = max(boxes[b, 0, 0] - x, 0.0, x - boxes[b, 1, 0])
            dy = max(boxes[b, 0, 1] - y, 0.0, y - boxes[b, 1, 1])
            dz = max(boxes[b, 0, 2] - z, 0.0, z - boxes[b, 1, 2])
            near[b] = dx * dx + dy * dy + dz * dz <= radius * radius
            some = some or near[b]
    return some


@njit(cache=True, nogil=True)
def _box_overlaps(low, high, corners):  # noqa: ANN001, ANN202  # pragma: no cover
    """A triangle [3,3] or point [1,3] against an axis-aligned box."""
    count = corners.shape[0]
    for a in range(3):
        least = corners[0, a]
        most = corners[0, a]
        for k in range(1, count):
            least = min(least, corners[k, a])
            most = max(most, corners[k, a])
        if least > high[a] or most < low[a]:
            return False
    if count == 1:
        return True
    edges = np.empty((3, 3))
    for k in range(3):
        for a in range(3):
            edges[k, a] = corners[(k + 1) % 3, a] - corners[k, a]
    axis = np.empty(3)
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        axis[a] = edges[0, b] * edges[1, c] - edges[0, c] * edges[1, b]
    if _separates(axis, low, high, corners):
        return False
    for k in range(3):
        for a in range(3):
            b, c = (a + 1) % 3, (a + 2) % 3
            axis[a] = 0.0
            axis[b] = -edges[k, c]
            axis[c] = edges[k, b]
            if _separates(axis, low, high, corners):
                return False
    return True


@njit(cache=True, nogil=True)
def _separates(axis, low, high, corners):  # noqa: ANN001, ANN202  # pragma: no cover
    middle = 0.0
    reach = 0.0
    for a in range(3):
        middle += axis[a] * (low[a] + high[a]) / 2
        reach += abs(axis[a]) * (high[a] - low[a]) / 2
    least = np.inf
    most = -np.inf
    for k in range(3):
        value = axis[0] * corners[k, 0] + axis[1] * corners[k, 1] + axis[2] * corners[k, 2]
        least = min(least, value)
        most = max(most, value)
    return least > middle + reach or most < middle - reach
