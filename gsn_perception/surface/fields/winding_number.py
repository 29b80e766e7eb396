"""Generalised winding number of an open or closed mesh: an inside test that tolerates holes.

It is 1 inside and 0 outside a closed mesh with outward faces, and between 0 and 1 near the holes of an open one (Jacobson
et al., SIGGRAPH 2013). Solid angles of far triangles are approximated by the first two moments of their cluster (Barill
et al., Fast winding numbers, SIGGRAPH 2018); those of near triangles are exact (van Oosterom and Strackee 1983).
"""

from __future__ import annotations

import numba
import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.rendering.cpu.pool import parallel_ranges

_LEAF = 8  # triangles
_FAR = 3.0  # cluster radii beyond which its moments are used; errors stay below about one percent
_BLOCK = 512


class WindingNumber:
    """The generalised winding number of a mesh as a field: about 1 inside, 0 outside, 0.5 on the surface.

    Args:
        mesh: Triangles, faces counter-clockwise seen from outside; it may have holes.

    Raises:
        InputError: the mesh has no faces.
    """

    def __init__(self, mesh: Mesh) -> None:
        if not len(mesh.faces):
            raise InputError("a mesh without faces has no inside; give one with triangles")
        corners = mesh.triangles.astype(np.float64)
        order, nodes = _tree(corners.mean(axis=1))
        self._corners = corners[order]
        self._nodes = nodes  # [M,4] first triangle, last + 1, left child, right child (-1: a leaf)
        self._moments = _moments(self._corners, nodes)  # [M,13]

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Winding numbers [P] float32 at points [P,3]."""
        points = np.ascontiguousarray(points, dtype=np.float64)
        out: np.ndarray = np.empty(len(points), dtype=np.float32)

        def work(begin: int, end: int) -> None:
            _wind(points[begin:end], self._corners, self._nodes, self._moments, out[begin:end])

        parallel_ranges(work, len(points), _BLOCK)
        return out


def _tree(centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A tree of triangles split at the median of the longest axis: their order [F] and the nodes [M,4]."""
    order = np.arange(len(centres))
    nodes: list[list[int]] = [[0, len(centres), -1, -1]]
    waiting = [0]
    while waiting:
        node = waiting.pop()
        first, last = nodes[node][:2]
        if last - first <= _LEAF:
            continue
        part = centres[order[first:last]]
        axis = int(np.ptp(part, axis=0).argmax())
        middle = (last - first) // 2
        order[first:last] = order[first:last][np.argpartition(part[:, axis], middle)]
        nodes[node][2:] = [len(nodes), len(nodes) + 1]
        waiting += [len(nodes), len(nodes) + 1]
        nodes += [[first, first + middle, -1, -1], [first + middle, last, -1, -1]]
    return order, np.array(nodes, dtype=np.int64)


@numba.njit(nogil=True, cache=True)
def _moments(corners: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """[M,13] per node: area-weighted centre, sum of area vectors n, radius, sum of n (x - centre)^T as xx yy zz xy xz yz."""
    out = np.zeros((len(nodes), 13))
    for m in range(len(nodes)):
        first, last = nodes[m, 0], nodes[m, 1]
        total = 0.0
        for t in range(first, last):
            n = 0.5 * np.cross(corners[t, 1] - corners[t, 0], corners[t, 2] - corners[t, 0])
            area = np.sqrt((n * n).sum())
            out[m, :3] += area * (corners[t, 0] + corners[t, 1] + corners[t, 2]) / 3.0
            out[m, 3:6] += n
            total += area
        if total > 0.0:
            out[m, :3] /= total
        else:
            out[m, :3] = corners[first, 0]
        for t in range(first, last):
            n = 0.5 * np.cross(corners[t, 1] - corners[t, 0], corners[t, 2] - corners[t, 0])
            d = (corners[t, 0] + corners[t, 1] + corners[t, 2]) / 3.0 - out[m, :3]
            out[m, 7:10] += n * d
            out[m, 10] += n[0] * d[1] + n[1] * d[0]
            out[m, 11] += n[0] * d[2] + n[2] * d[0]
            out[m, 12] += n[1] * d[2] + n[2] * d[1]
        reach = 0.0
        for t in range(nodes[m, 0], nodes[m, 1]):
            for c in range(3):
                d = corners[t, c] - out[m, :3]
                reach = max(reach, (d * d).sum())
        out[m, 6] = np.sqrt(reach)
    return out


@numba.njit(nogil=True, cache=True)
def _wind(points: np.ndarray, corners: np.ndarray, nodes: np.ndarray, moments: np.ndarray, out: np.ndarray) -> None:
    stack = np.empty(128, dtype=np.int64)
    for p in range(len(points)):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        angle, depth = 0.0, 1
        stack[0] = 0
        while depth > 0:
            depth -= 1
            m = stack[depth]
            g = moments[m]
            dx, dy, dz = g[0] - x, g[1] - y, g[2] - z
            squared = dx * dx + dy * dy + dz * dz
            if squared > (_FAR * g[6]) ** 2:
                cube = squared * np.sqrt(squared)
                twist = dx * (g[7] * dx + g[10] * dy + g[11] * dz) + dy * (g[8] * dy + g[12] * dz) + g[9] * dz * dz
                angle += (dx * g[3] + dy * g[4] + dz * g[5]) / cube
                angle += (g[7] + g[8] + g[9]) / cube - 3.0 * twist / (cube * squared)
            elif nodes[m, 2] >= 0:
                stack[depth] = nodes[m, 2]
                stack[depth + 1] = nodes[m, 3]
                depth += 2
            else:
                for t in range(nodes[m, 0], nodes[m, 1]):
                    angle += _solid_angle(corners[t], x, y, z)
        out[p] = angle / (4.0 * np.pi)


@numba.njit(nogil=True, cache=True)
def _solid_angle(corners: np.ndarray, x: float, y: float, z: float) -> float:
    ax, ay, az = corners[0, 0] - x, corners[0, 1] - y, corners[0, 2] - z
    bx, by, bz = corners[1, 0] - x, corners[1, 1] - y, corners[1, 2] - z
    cx, cy, cz = corners[2, 0] - x, corners[2, 1] - y, corners[2, 2] - z
    a = np.sqrt(ax * ax + ay * ay + az * az)
    b = np.sqrt(bx * bx + by * by + bz * bz)
    c = np.sqrt(cx * cx + cy * cy + cz * cz)
    top = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    bottom = a * b * c + (ax * bx + ay * by + az * bz) * c
    bottom += (bx * cx + by * cy + bz * cz) * a + (cx * ax + cy * ay + cz * az) * b
    return 2.0 * np.arctan2(top, bottom)
