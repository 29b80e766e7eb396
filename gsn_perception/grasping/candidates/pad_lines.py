"""First contacts of both pads along a grid of lines, for many candidates; compiled.

The rays of the two pads lie on the same lines, in opposite directions. One walk through the tree with the box between the
pads finds the triangles that meet any of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from dataclasses import fields
from typing import NamedTuple

import numpy as np
from numba import njit

from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.tree.bounding_tree import BoundingTree
from gsn_perception.grasping.tree.posed import corner_in_pose
from gsn_perception.grasping.tree.posed import node_in_pose
from gsn_perception.grasping.tree.posed import pose_of
from gsn_perception.rendering.cpu.pool import parallel_ranges

_POSES = 64  # per thread and piece
_ROUNDING = 1e-9  # steps between lines, by which extents are widened


class PadGrid(NamedTuple):
    """Lines along the closing direction, in the grasp frame.

    Attributes:
        x: [X] metres, ascending in equal steps, X > 1.
        z: [Z] metres, likewise. The R = X Z lines are ordered by x, then z.
        tolerance: Lines that end at most this deep behind a pad's first contact are in contact, metres.
        miss: Depth that counts for a line without a hit, metres.
    """

    x: np.ndarray
    z: np.ndarray
    tolerance: float
    miss: float


@dataclass(frozen=True, slots=True, eq=False)
class PadContacts:
    """Contact patches of the pads at +y and -y, in this order.

    Attributes:
        points: [P,2,3] middle of each patch, metres.
        normals: [P,2,3] mean outward normal of the surface over it, unit (zero without contact).
        fill: [P,2] share of the pad in contact.
        width: [P] opening at which both pads touch, metres (inf without contact).
        spread: [P,2] mean depth of the surface behind the first contact over the pad, metres; a miss counts 2 cm.
        faces: [P,2,R] triangles hit by the rays, -1 where they are not in contact.
        spots: [P,2,R,3] end points of the rays, metres; undefined where they are not in contact.
    """

    points: np.ndarray
    normals: np.ndarray
    fill: np.ndarray
    width: np.ndarray
    spread: np.ndarray
    faces: np.ndarray
    spots: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The attributes in their order."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def select(self, keep: np.ndarray) -> PadContacts:
        """The rows of a mask or index array."""
        return PadContacts(*(array[keep] for array in self.arrays))


def line_contacts(poses: Poses, grid: PadGrid, tree: BoundingTree, normals: np.ndarray) -> PadContacts:
    """Contacts of P candidates.

    Args:
        poses: At their openings; the lines start at both pads and end at the other one.
        grid: The lines.
        tree: The object's triangles.
        normals: [F,3] unit, of the triangles as numbered in the tree's input.
    """
    count, lines = len(poses), len(grid.x) * len(grid.z)
    out = PadContacts(
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
        _contacts_range((R, t, widths), tuple(grid), tuple(tree), normals, out.arrays, begin, end)

    parallel_ranges(work, count, _POSES)
    return out


@njit(cache=True, nogil=True)
def _contacts_range(poses, grid, tree, normals, out, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    R, t, widths = poses
    x, z, _, _ = grid
    corners, items, bounds = tree
    closed = out[3]
    depth, face = np.empty((2, len(x) * len(z))), np.empty((2, len(x) * len(z)), np.int64)
    for p in range(begin, end):
        depth[:], face[:] = np.inf, -1
        pose, half = pose_of(R, t, p), widths[p] / 2
        _closed(pose, half, x, z, corners, items, bounds, depth, face)
        width = widths[p]
        for side in range(2):
            width -= _patch(pose, half, grid, normals, side, depth[side], face[side], out, p)
        closed[p] = width if np.isfinite(width) else np.inf


@njit(cache=True, nogil=True)
def _closed(pose, half, x, z, corners, items, bounds, depth, face):  # noqa: ANN001, ANN202  # pragma: no cover
    """Depth [2,R] behind either pad and triangle [2,R] of the first hits on all lines of a pose."""
    N, leaves = len(items), len(bounds) // 2
    left, right, low, high = x[0], x[-1], z[0], z[-1]
    along_x, along_z = _scaled(pose, 0, x), _scaled(pose, 2, z)
    node = 1
    while True:
        px, py, pz, rx, ry, rz = node_in_pose(pose, bounds, node)
        if (abs(py) <= half + ry) & (px + rx >= left) & (px - rx <= right) & (pz + rz >= low) & (pz - rz <= high):
            if node < leaves:
                node *= 2
                continue
            leaf = node - leaves
            for i in range(N * leaf // leaves, N * (leaf + 1) // leaves):
                first, last = _span(along_x, corners, i, len(x))
                if first < last:
                    front, back = _span(along_z, corners, i, len(z))
                    if front < back:
                        _draw(pose, corners, i, half, (x, z), (first, last, front, back), items[i], depth, face)
        node += 1
        while node & 1 == 0:
            node >>= 1
        if node == 1:
            break


@njit(cache=True, nogil=True)
def _scaled(pose, axis, lines):  # noqa: ANN001, ANN202  # pragma: no cover
    """Four numbers that map a point to its coordinate along an axis of the pose, in steps of lines from the first one."""
    step = (lines[-1] - lines[0]) / (len(lines) - 1)
    m, n, o = pose[axis] / step, pose[3 + axis] / step, pose[6 + axis] / step
    return m, n, o, -(m * pose[9] + n * pose[10] + o * pose[11]) - lines[0] / step


@njit(cache=True, nogil=True)
def _span(scaled, corners, item, count):  # noqa: ANN001, ANN202  # pragma: no cover
    """The lines within a triangle's extent, as a range."""
    m, n, o, shift = scaled
    a = m * corners[item, 0, 0] + n * corners[item, 0, 1] + o * corners[item, 0, 2]
    b = m * corners[item, 1, 0] + n * corners[item, 1, 1] + o * corners[item, 1, 2]
    c = m * corners[item, 2, 0] + n * corners[item, 2, 1] + o * corners[item, 2, 2]
    low, high = max(min(a, b, c) + shift - _ROUNDING, 0.0), min(max(a, b, c) + shift + _ROUNDING, count - 1.0)
    return math.ceil(low), math.floor(high) + 1


@njit(cache=True, nogil=True)
def _draw(pose, corners, item, half, grid, lines, number, depth, face):  # noqa: ANN001, ANN202  # pragma: no cover
    """Enter a triangle into the lines that it meets between the pads; ``lines`` are ranges of the grid's x and z."""
    a, b, c = (
        corner_in_pose(pose, corners, item, 0),
        corner_in_pose(pose, corners, item, 1),
        corner_in_pose(pose, corners, item, 2),
    )
    xs, zs = grid
    for i in range(lines[0], lines[1]):
        for j in range(lines[2], lines[3]):
            ax, az, bx, bz, cx, cz = a[0] - xs[i], a[2] - zs[j], b[0] - xs[i], b[2] - zs[j], c[0] - xs[i], c[2] - zs[j]
            u, v, w = bx * cz - bz * cx, cx * az - cz * ax, ax * bz - az * bx
            total = u + v + w
            if (min(u, v, w) < 0 and max(u, v, w) > 0) or total == 0:
                continue
            y = (u * a[1] + v * b[1] + w * c[1]) / total
            line = i * len(zs) + j
            for side in range(2):
                behind = half - y if side == 0 else half + y
                if 0 <= behind < min(2 * half, depth[side, line]):
                    depth[side, line], face[side, line] = behind, number


@njit(cache=True, nogil=True)
def _patch(pose, half, grid, normals, side, depth, face, out, p):  # noqa: ANN001, ANN202  # pragma: no cover
    """Write the contact patch of one pad, and return the depth of its first contact."""
    points, directions, fill, _, spreads, faces, spots = out
    xs, zs, tolerance, miss = grid
    sign, lines = (1.0 if side == 0 else -1.0), len(depth)
    first = depth.min()
    touching, spread = 0, 0.0
    for r in range(lines):
        spread += min(depth[r] - (first if np.isfinite(first) else 0.0), miss) / lines
        contact = np.isfinite(depth[r]) and depth[r] <= first + tolerance
        x, z = xs[r // len(zs)], zs[r % len(zs)]
        y = sign * (half - (depth[r] if contact else 0.0))
        for a in range(3):
            spots[p, side, r, a] = pose[3 * a] * x + pose[3 * a + 1] * y + pose[3 * a + 2] * z + pose[9 + a]
        if contact:
            touching += 1
            faces[p, side, r] = face[r]
            for a in range(3):
                points[p, side, a] += spots[p, side, r, a]
                directions[p, side, a] += normals[face[r], a]
    length = 0.0
    for a in range(3):
        points[p, side, a] /= max(touching, 1)
        length += directions[p, side, a] ** 2
    for a in range(3):
        directions[p, side, a] /= max(np.sqrt(length), 1e-30)
    fill[p, side], spreads[p, side] = touching / lines, spread
    return first
