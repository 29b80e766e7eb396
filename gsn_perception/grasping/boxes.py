"""Exact overlap of posed boxes with triangles and points, compiled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

_BLOCK = 16


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Triangles (or points, K = 1) in compact groups with bounding spheres.

    Attributes:
        corners: [N,K,3] float64, sorted so that groups of 16 are neighbours.
        spheres: [G,4] centre and radius of each group.
    """

    corners: np.ndarray
    spheres: np.ndarray

    @classmethod
    def of(cls, corners: np.ndarray) -> Blocks:
        """Group triangles [N,3,3] or points [N,1,3]."""
        corners = np.ascontiguousarray(corners, dtype=np.float64)
        corners = np.ascontiguousarray(corners[_morton_order(corners.mean(axis=1))])
        starts = np.arange(0, len(corners), _BLOCK)
        if not len(starts):
            return cls(corners, np.zeros((0, 4)))
        ends = np.append(starts[1:], len(corners))
        low = np.minimum.reduceat(corners.min(axis=1), starts)
        high = np.maximum.reduceat(corners.max(axis=1), starts)
        centers = (low + high) / 2
        offsets = np.linalg.norm(corners - np.repeat(centers, ends - starts, axis=0)[:, None], axis=2).max(axis=1)
        return cls(corners, np.concatenate([centers, np.maximum.reduceat(offsets, starts)[:, None]], axis=1))


def overlaps(rotations: np.ndarray, centers: np.ndarray, boxes: np.ndarray, blocks: Blocks) -> np.ndarray:
    """Whether any box of a pose touches any triangle (or holds any point).

    Args:
        rotations: [P,3,3] pose axes as columns.
        centers: [P,3] pose origins, metres.
        boxes: [P,B,2,3] lower and upper corners in the pose's axes.
        blocks: What to test against.

    Returns:
        [P] bool. Exact by separating axes (Akenine-Moeller 2001), up to rounding.
    """
    if not len(blocks.corners) or not len(centers):
        return np.zeros(len(centers), dtype=bool)
    R, t, extents = (np.ascontiguousarray(a, dtype=np.float64) for a in (rotations, centers, boxes))
    return _overlaps(R, t, extents, blocks.corners, blocks.spheres)


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
def _overlaps(rotations, centers, boxes, corners, spheres):  # noqa: ANN001, ANN202  # pragma: no cover - compiled
    hit = np.zeros(len(centers), dtype=np.bool_)
    for p in range(len(centers)):
        hit[p] = _pose_overlaps(rotations[p], centers[p], boxes[p], corners, spheres)
    return hit


@njit(cache=True, nogil=True)
def _pose_overlaps(R, t, boxes, corners, spheres):  # noqa: ANN001, ANN202  # pragma: no cover - compiled
    count = corners.shape[1]
    local = np.empty((count, 3))
    near = np.empty(len(boxes), dtype=np.bool_)
    for g in range(len(spheres)):
        cx = spheres[g, 0] - t[0]
        cy = spheres[g, 1] - t[1]
        cz = spheres[g, 2] - t[2]
        x = R[0, 0] * cx + R[1, 0] * cy + R[2, 0] * cz
        y = R[0, 1] * cx + R[1, 1] * cy + R[2, 1] * cz
        z = R[0, 2] * cx + R[1, 2] * cy + R[2, 2] * cz
        some = False
        for b in range(len(boxes)):
            dx = max(boxes[b, 0, 0] - x, 0.0, x - boxes[b, 1, 0])
            dy = max(boxes[b, 0, 1] - y, 0.0, y - boxes[b, 1, 1])
            dz = max(boxes[b, 0, 2] - z, 0.0, z - boxes[b, 1, 2])
            near[b] = dx * dx + dy * dy + dz * dz <= spheres[g, 3] * spheres[g, 3] + 1e-12
            some = some or near[b]
        if not some:
            continue
        for i in range(g * _BLOCK, min((g + 1) * _BLOCK, len(corners))):
            for k in range(count):
                for a in range(3):
                    local[k, a] = (
                        R[0, a] * (corners[i, k, 0] - t[0])
                        + R[1, a] * (corners[i, k, 1] - t[1])
                        + R[2, a] * (corners[i, k, 2] - t[2])
                    )
            for b in range(len(boxes)):
                if near[b] and _box_overlaps(boxes[b, 0], boxes[b, 1], local):
                    return True
    return False


@njit(cache=True, nogil=True)
def _box_overlaps(low, high, corners):  # noqa: ANN001, ANN202  # pragma: no cover - compiled
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
def _separates(axis, low, high, corners):  # noqa: ANN001, ANN202  # pragma: no cover - compiled
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
