"""First contacts of both pads along a grid of lines, for many candidates; compiled.

The rays of the two pads lie on the same lines, in opposite directions. One walk through the tree with the box between the
pads finds the triangles that meet any of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.tree.bounding_tree import BoundingTree
from gsn_perception.rendering.cpu.pool import parallel_ranges

_POSES = 64  # per thread and piece


class PadGrid(NamedTuple):
    """Lines along the closing direction, in the grasp frame; a tuple, because kernels take it as it is.

    Attributes:
        x: [X] metres, ascending.
        z: [Z] metres, ascending. The R = X Z lines are ordered by x, then z.
        tolerance: Lines that end at most this deep behind a pad's first contact are in contact, metres.
        miss: Depth that counts for a line without a hit, metres.
    """

    x: np.ndarray
    z: np.ndarray
    tolerance: float
    miss: float


class LineContacts(NamedTuple):
    """Fields of :class:`~gsn_perception.grasping.candidates.contacts.PadContacts`, in its order."""

    points: np.ndarray
    normals: np.ndarray
    fill: np.ndarray
    width: np.ndarray
    spread: np.ndarray
    faces: np.ndarray
    spots: np.ndarray


def line_contacts(poses: Poses, grid: PadGrid, tree: BoundingTree, normals: np.ndarray) -> LineContacts:
    """Contacts of P candidates.

    Args:
        poses: At their openings; the lines start at both pads and end at the other one.
        grid: The lines.
        tree: The object's triangles.
        normals: [F,3] unit, of the triangles as numbered in the tree's input.
    """
    count, lines = len(poses), len(grid.x) * len(grid.z)
    out = LineContacts(
        np.zeros((count, 2, 3)),
        np.zeros((count, 2, 3)),
        np.zeros((count, 2)),
        np.zeros(count),
        np.zeros((count, 2)),
        np.full((count, 2, lines), -1),
        np.zeros((count, 2, lines, 3)),
    )
    R, t, widths = (np.ascontiguousarray(a, dtype=np.float64) for a in (poses.rotations, poses.centers, poses.widths))

    def work(begin: int, end: int) -> None:
        _contacts_range(R, t, widths, grid, tree, normals, out, begin, end)

    parallel_ranges(work, count, _POSES)
    return out


@njit(cache=True, nogil=True)
def _contacts_range(R, t, widths, grid, tree, normals, out, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    lines = len(grid.x) * len(grid.z)
    depth, face = np.empty((2, lines)), np.empty((2, lines), np.int64)
    for p in range(begin, end):
        depth[:], face[:] = np.inf, -1
        _closed(R[p], t[p], widths[p] / 2, grid, tree, depth, face)
        width = widths[p]
        for side in range(2):
            first = _patch(R[p], t[p], widths[p], grid, normals, side, depth[side], face[side], out, p)
            width -= first
        out.width[p] = width if np.isfinite(width) else np.inf


@njit(cache=True, nogil=True)
def _closed(R, t, half, grid, tree, depth, face):  # noqa: ANN001, ANN202  # pragma: no cover
    """Depth [2,R] behind either pad and triangle [2,R] of the first hits on all lines of a pose."""
    bounds, N, leaves = tree.bounds, len(tree.items), len(tree.bounds) // 2
    tri = np.empty((3, 3))
    node = 1
    while True:
        if _between(R, t, half, grid, bounds[node]):
            if node < leaves:
                node *= 2
                continue
            leaf = node - leaves
            for i in range(N * leaf // leaves, N * (leaf + 1) // leaves):
                for k in range(3):
                    x, y, z = (tree.corners[i, k, 0] - t[0], tree.corners[i, k, 1] - t[1], tree.corners[i, k, 2] - t[2])
                    for a in range(3):
                        tri[k, a] = R[0, a] * x + R[1, a] * y + R[2, a] * z
                _draw(tri, half, grid, tree.items[i], depth, face)
        node += 1
        while node & 1 == 0:
            node >>= 1
        if node == 1:
            break


@njit(cache=True, nogil=True)
def _between(R, t, half, grid, bound):  # noqa: ANN001, ANN202  # pragma: no cover
    """Whether a node's box meets the box that the lines span, seen along the pose's axes."""
    x, y, z = (bound[0] + bound[3]) / 2 - t[0], (bound[1] + bound[4]) / 2 - t[1], (bound[2] + bound[5]) / 2 - t[2]
    p, q, r = (bound[3] - bound[0]) / 2, (bound[4] - bound[1]) / 2, (bound[5] - bound[2]) / 2
    middle = R[0, 1] * x + R[1, 1] * y + R[2, 1] * z
    if abs(middle) > half + abs(R[0, 1]) * p + abs(R[1, 1]) * q + abs(R[2, 1]) * r:
        return False
    middle = R[0, 0] * x + R[1, 0] * y + R[2, 0] * z
    reach = abs(R[0, 0]) * p + abs(R[1, 0]) * q + abs(R[2, 0]) * r
    if middle + reach < grid.x[0] or middle - reach > grid.x[-1]:
        return False
    middle = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
    reach = abs(R[0, 2]) * p + abs(R[1, 2]) * q + abs(R[2, 2]) * r
    return middle + reach >= grid.z[0] and middle - reach <= grid.z[-1]


@njit(cache=True, nogil=True)
def _draw(tri, half, grid, item, depth, face):  # noqa: ANN001, ANN202  # pragma: no cover
    """Enter a triangle (in the axes of the pose) into the lines that it meets between the pads."""
    left, right = min(tri[0, 0], tri[1, 0], tri[2, 0]), max(tri[0, 0], tri[1, 0], tri[2, 0])
    low, high = min(tri[0, 2], tri[1, 2], tri[2, 2]), max(tri[0, 2], tri[1, 2], tri[2, 2])
    for i in range(len(grid.x)):
        if not left <= grid.x[i] <= right:
            continue
        for j in range(len(grid.z)):
            if not low <= grid.z[j] <= high:
                continue
            ax, az = tri[0, 0] - grid.x[i], tri[0, 2] - grid.z[j]
            bx, bz = tri[1, 0] - grid.x[i], tri[1, 2] - grid.z[j]
            cx, cz = tri[2, 0] - grid.x[i], tri[2, 2] - grid.z[j]
            u, v, w = bx * cz - bz * cx, cx * az - cz * ax, ax * bz - az * bx
            total = u + v + w
            if (min(u, v, w) < 0 and max(u, v, w) > 0) or total == 0:
                continue
            y = (u * tri[0, 1] + v * tri[1, 1] + w * tri[2, 1]) / total
            line = i * len(grid.z) + j
            for side in range(2):
                behind = half - y if side == 0 else half + y
                if 0 <= behind < min(2 * half, depth[side, line]):
                    depth[side, line], face[side, line] = behind, item


@njit(cache=True, nogil=True)
def _patch(R, t, width, grid, normals, side, depth, face, out, p):  # noqa: ANN001, ANN202  # pragma: no cover
    """Write the contact patch of one pad, and return the depth of its first contact."""
    sign, lines = (1.0 if side == 0 else -1.0), len(depth)
    first = depth.min()
    touching, spread = 0, 0.0
    for r in range(lines):
        spread += min(depth[r] - (first if np.isfinite(first) else 0.0), grid.miss) / lines
        contact = np.isfinite(depth[r]) and depth[r] <= first + grid.tolerance
        x, z = grid.x[r // len(grid.z)], grid.z[r % len(grid.z)]
        y = sign * (width / 2 - (depth[r] if contact else 0.0))
        for a in range(3):
            out.spots[p, side, r, a] = R[a, 0] * x + R[a, 1] * y + R[a, 2] * z + t[a]
        if contact:
            touching += 1
            out.faces[p, side, r] = face[r]
            for a in range(3):
                out.points[p, side, a] += out.spots[p, side, r, a]
                out.normals[p, side, a] += normals[face[r], a]
    length = 0.0
    for a in range(3):
        out.points[p, side, a] /= max(touching, 1)
        length += out.normals[p, side, a] ** 2
    for a in range(3):
        out.normals[p, side, a] /= max(np.sqrt(length), 1e-30)
    out.fill[p, side], out.spread[p, side] = touching / lines, spread
    return first
