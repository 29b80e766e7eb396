"""Largest margin by which posed boxes keep clear of triangles and points, by separating axes; compiled.

Several margins take one walk through the tree: the boxes are enlarged by the largest one, and where that touches, by the
next smaller one from there on.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gsn_perception.grasping.tree.bounding_tree import BoundingTree
from gsn_perception.grasping.tree.posed import corner_in_pose
from gsn_perception.grasping.tree.posed import node_in_pose
from gsn_perception.rendering.cpu.pool import parallel_ranges

_BOXES = 512  # per thread and piece
_BITS = 62  # of a word that names boxes; boxes beyond share the last one


def boxes_touch(boxes: np.ndarray, tree: BoundingTree) -> np.ndarray:
    """Whether [N] axis-aligned boxes [N,2,3] (lower and upper corners) touch anything in a tree."""
    touch = np.zeros(len(boxes), dtype=bool)
    given = np.ascontiguousarray(boxes, dtype=np.float64)

    def work(begin: int, end: int) -> None:
        _touch_range(given, tree.corners, tree.bounds, touch, begin, end)

    parallel_ranges(work, len(given), _BOXES)
    return touch


@njit(cache=True, nogil=True)
def _touch_range(boxes, corners, bounds, touch, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    pose, margins = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0), np.zeros(1)
    for n in range(begin, end):
        touch[n] = free_margins(pose, boxes[n : n + 1], margins, 0, corners, bounds, -1)[0] == 0


@njit(cache=True, nogil=True)
def free_margins(pose, boxes, margins, enough, corners, bounds, hint):  # noqa: ANN001, ANN201  # pragma: no cover
    """How many margins keep posed boxes clear of everything in a bounding tree.

    Args:
        pose: Twelve numbers, see :func:`gsn_perception.grasping.tree.posed.pose_of`.
        boxes: [B,2,3] lower and upper corners in its axes.
        margins: [M] ascending, metres.
        enough: The search ends where no more than this many are free.
        corners: [N,K,3] of the tree, K = 1 or 3.
        bounds: [2 L,6] of the tree.
        hint: A leaf to look at first (that of the last contact), -1 for none.

    Returns:
        The number of free margins, counted from the smallest one, and the leaf of the last contact (or ``hint``).
        Exact by separating axes (Akenine-Moeller 2001), up to rounding; contact counts as touching.
    """
    free = len(margins)
    if len(corners) == 0:
        return free, hint
    leaves = len(bounds) // 2
    if hint >= 0:
        near = _near(pose, boxes, margins[free - 1], bounds, leaves + hint, True)
        free = _leaf(pose, boxes, near, margins, free, corners, leaves, hint)
    seen, node = hint, 1
    while free > enough:
        near = _near(pose, boxes, margins[free - 1], bounds, node, node >= leaves)
        if near and node < leaves:
            node *= 2
            continue
        if near and node - leaves != seen:
            before = free
            free = _leaf(pose, boxes, near, margins, free, corners, leaves, node - leaves)
            if free < before:
                hint = node - leaves
        node += 1
        while node & 1 == 0:
            node >>= 1
        if node == 1:
            break
    return free, hint


@njit(cache=True, nogil=True)
def _near(pose, boxes, margin, bounds, node, every):  # noqa: ANN001, ANN202  # pragma: no cover
    """Bits of the boxes that meet a node's box, seen along the pose's axes; only the first one unless ``every``."""
    x, y, z, p, q, r = node_in_pose(pose, bounds, node)
    p, q, r = p + margin, q + margin, r + margin
    found = 0
    for b in range(len(boxes)):
        if (
            (boxes[b, 0, 0] <= x + p)
            & (boxes[b, 1, 0] >= x - p)
            & (boxes[b, 0, 1] <= y + q)
            & (boxes[b, 1, 1] >= y - q)
            & (boxes[b, 0, 2] <= z + r)
            & (boxes[b, 1, 2] >= z - r)
        ):
            found |= 1 << min(b, _BITS)
            if not every:
                return found
    return found


@njit(cache=True, nogil=True)
def _leaf(pose, boxes, near, margins, free, corners, leaves, leaf):  # noqa: ANN001, ANN202  # pragma: no cover
    """Free margins, at most ``free``, of the boxes in the bits ``near`` and the items of a leaf."""
    N, K = corners.shape[0], corners.shape[1]
    for i in range(N * leaf // leaves, N * (leaf + 1) // leaves):
        a = corner_in_pose(pose, corners, i, 0)
        b, c = a, a
        if K == 3:
            b, c = corner_in_pose(pose, corners, i, 1), corner_in_pose(pose, corners, i, 2)
        for k in range(len(boxes)):
            if near >> min(k, _BITS) & 1:
                while free and _touches(a, b, c, boxes, k, margins[free - 1]):
                    free -= 1
                if not free:
                    return 0
    return free


@njit(cache=True, nogil=True)
def _touches(a, b, c, boxes, n, margin):  # noqa: ANN001, ANN202  # pragma: no cover
    """A triangle (or a point, three times) against an enlarged axis-aligned box."""
    for k in range(3):
        low, high = boxes[n, 0, k] - margin, boxes[n, 1, k] + margin
        if (min(a[k], b[k], c[k]) > high) | (max(a[k], b[k], c[k]) < low):
            return False
    mx, my, mz = (
        (boxes[n, 0, 0] + boxes[n, 1, 0]) / 2,
        (boxes[n, 0, 1] + boxes[n, 1, 1]) / 2,
        (boxes[n, 0, 2] + boxes[n, 1, 2]) / 2,
    )
    h = (
        (boxes[n, 1, 0] - boxes[n, 0, 0]) / 2 + margin,
        (boxes[n, 1, 1] - boxes[n, 0, 1]) / 2 + margin,
        (boxes[n, 1, 2] - boxes[n, 0, 2]) / 2 + margin,
    )
    a = (a[0] - mx, a[1] - my, a[2] - mz)
    b = (b[0] - mx, b[1] - my, b[2] - mz)
    c = (c[0] - mx, c[1] - my, c[2] - mz)
    u = (b[0] - a[0], b[1] - a[1], b[2] - a[2])
    v = (c[0] - a[0], c[1] - a[1], c[2] - a[2])
    n = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    reach = abs(n[0]) * h[0] + abs(n[1]) * h[1] + abs(n[2]) * h[2]
    if abs(n[0] * a[0] + n[1] * a[1] + n[2] * a[2]) > reach:
        return False
    return not (_edge_separates(a, b, c, h) or _edge_separates(b, c, a, h) or _edge_separates(c, a, b, h))


@njit(cache=True, nogil=True)
def _edge_separates(a, b, c, h):  # noqa: ANN001, ANN202  # pragma: no cover
    """Whether an axis across the edge from a to b and one of a box's edges (half lengths h) separates them."""
    x, y, z = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    p, q, reach = y * a[2] - z * a[1], y * c[2] - z * c[1], abs(z) * h[1] + abs(y) * h[2]
    if min(p, q) > reach or max(p, q) < -reach:
        return True
    p, q, reach = z * a[0] - x * a[2], z * c[0] - x * c[2], abs(z) * h[0] + abs(x) * h[2]
    if min(p, q) > reach or max(p, q) < -reach:
        return True
    p, q, reach = x * a[1] - y * a[0], x * c[1] - y * c[0], abs(y) * h[0] + abs(x) * h[1]
    return min(p, q) > reach or max(p, q) < -reach
