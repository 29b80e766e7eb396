"""Largest margin by which posed boxes keep clear of triangles and points, by separating axes; compiled.

Several margins take one walk through the tree: the boxes are enlarged by the largest one, and where that touches, by the
next smaller one from there on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gsn_perception.grasping.gripper import Gripper

_BITS = 62  # of a word that names boxes; boxes beyond share the last one


class MovingBoxes(NamedTuple):
    """Boxes of a gripper as functions of its opening; a tuple, because kernels take it as it is.

    Attributes:
        closed: [B,2,3] lower and upper corners at opening 0, in the grasp frame, metres.
        sides: [B] 1 or -1 where a box moves along y by half of the opening, 0 where it does not move.
    """

    closed: np.ndarray
    sides: np.ndarray

    @classmethod
    def of(cls, gripper: Gripper, *, swept: float = 0.0) -> MovingBoxes:
        """The gripper's boxes; ``swept`` as in :meth:`Gripper.boxes`."""
        closed, opened = gripper.boxes(np.array([0.0, 2.0]), swept=swept)
        return cls(closed, np.round(opened[:, 0, 1] - closed[:, 0, 1]))


@njit(cache=True, nogil=True)
def opened(moving, width, out):  # noqa: ANN001, ANN201  # pragma: no cover
    """The boxes at an opening, into ``out`` [B,2,3]."""
    for b in range(len(out)):
        for end in range(2):
            for a in range(3):
                out[b, end, a] = moving.closed[b, end, a]
            out[b, end, 1] += moving.sides[b] * (width / 2)


@njit(cache=True, nogil=True)
def free_margins(R, t, boxes, margins, enough, tree, hint):  # noqa: ANN001, ANN201  # pragma: no cover
    """How many margins keep posed boxes clear of everything in a tree.

    Args:
        R: [3,3] axes of the pose as columns.
        t: [3] its origin, metres.
        boxes: [B,2,3] lower and upper corners in its axes.
        margins: [M] ascending, metres.
        enough: The search ends where no more than this many are free.
        tree: A bounding tree.
        hint: A leaf to look at first (that of the last contact), -1 for none.

    Returns:
        The number of free margins, counted from the smallest one, and the leaf of the last contact (or ``hint``).
        Exact by separating axes (Akenine-Moeller 2001), up to rounding; contact counts as touching.
    """
    free = len(margins)
    if len(tree.items) == 0:
        return free, hint
    leaves = len(tree.bounds) // 2
    if hint >= 0:
        near = _near(R, t, boxes, margins[free - 1], tree.bounds[leaves + hint], True)
        free = _leaf(R, t, boxes, near, margins, free, tree, hint)
    seen, node = hint, 1
    while free > enough:
        near = _near(R, t, boxes, margins[free - 1], tree.bounds[node], node >= leaves)
        if near and node < leaves:
            node *= 2
            continue
        if near and node - leaves != seen:
            before = free
            free = _leaf(R, t, boxes, near, margins, free, tree, node - leaves)
            if free < before:
                hint = node - leaves
        node += 1
        while node & 1 == 0:
            node >>= 1
        if node == 1:
            break
    return free, hint


@njit(cache=True, nogil=True)
def _near(R, t, boxes, margin, bound, every):  # noqa: ANN001, ANN202  # pragma: no cover
    """Bits of the boxes that meet a node's box, seen along the pose's axes; only the first one unless ``every``."""
    x, y, z = (bound[0] + bound[3]) / 2 - t[0], (bound[1] + bound[4]) / 2 - t[1], (bound[2] + bound[5]) / 2 - t[2]
    p, q, r = (bound[3] - bound[0]) / 2, (bound[4] - bound[1]) / 2, (bound[5] - bound[2]) / 2
    x0 = R[0, 0] * x + R[1, 0] * y + R[2, 0] * z
    x1 = R[0, 1] * x + R[1, 1] * y + R[2, 1] * z
    x2 = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
    r0 = abs(R[0, 0]) * p + abs(R[1, 0]) * q + abs(R[2, 0]) * r + margin
    r1 = abs(R[0, 1]) * p + abs(R[1, 1]) * q + abs(R[2, 1]) * r + margin
    r2 = abs(R[0, 2]) * p + abs(R[1, 2]) * q + abs(R[2, 2]) * r + margin
    found = 0
    for b in range(len(boxes)):
        if (
            boxes[b, 0, 0] <= x0 + r0
            and boxes[b, 1, 0] >= x0 - r0
            and boxes[b, 0, 1] <= x1 + r1
            and boxes[b, 1, 1] >= x1 - r1
            and boxes[b, 0, 2] <= x2 + r2
            and boxes[b, 1, 2] >= x2 - r2
        ):
            found |= 1 << min(b, _BITS)
            if not every:
                return found
    return found


@njit(cache=True, nogil=True)
def _leaf(R, t, boxes, near, margins, free, tree, leaf):  # noqa: ANN001, ANN202  # pragma: no cover
    """Free margins, at most ``free``, of the boxes in the bits ``near`` and the items of a leaf."""
    N, leaves = len(tree.items), len(tree.bounds) // 2
    for i in range(N * leaf // leaves, N * (leaf + 1) // leaves):
        a = _into(R, t, tree.corners[i, 0])
        b, c = a, a
        if tree.corners.shape[1] == 3:
            b, c = _into(R, t, tree.corners[i, 1]), _into(R, t, tree.corners[i, 2])
        for k in range(len(boxes)):
            if near >> min(k, _BITS) & 1:
                while free and _touches(a, b, c, boxes[k], margins[free - 1]):
                    free -= 1
                if not free:
                    return 0
    return free


@njit(cache=True, nogil=True)
def _into(R, t, point):  # noqa: ANN001, ANN202  # pragma: no cover
    """A point in the axes of a pose."""
    x, y, z = point[0] - t[0], point[1] - t[1], point[2] - t[2]
    return (
        R[0, 0] * x + R[1, 0] * y + R[2, 0] * z,
        R[0, 1] * x + R[1, 1] * y + R[2, 1] * z,
        R[0, 2] * x + R[1, 2] * y + R[2, 2] * z,
    )


@njit(cache=True, nogil=True)
def _touches(a, b, c, box, margin):  # noqa: ANN001, ANN202  # pragma: no cover
    """A triangle (or a point, three times) against an enlarged axis-aligned box."""
    for k in range(3):
        low, high = box[0, k] - margin, box[1, k] + margin
        if (a[k] > high and b[k] > high and c[k] > high) or (a[k] < low and b[k] < low and c[k] < low):
            return False
    mx, my, mz = (box[0, 0] + box[1, 0]) / 2, (box[0, 1] + box[1, 1]) / 2, (box[0, 2] + box[1, 2]) / 2
    h = (
        (box[1, 0] - box[0, 0]) / 2 + margin,
        (box[1, 1] - box[0, 1]) / 2 + margin,
        (box[1, 2] - box[0, 2]) / 2 + margin,
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
