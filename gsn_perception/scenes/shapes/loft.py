"""Builds closed meshes: lofts through rings, extruded outlines, height-field reliefs."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh


def circle(radius: float, count: int = 48) -> np.ndarray:
    """[count,2] a circle, counter-clockwise."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def rounded_rectangle(half_x: float, half_y: float, radius: float, per_corner: int = 5) -> np.ndarray:
    """[4 per_corner,2] a rectangle with rounded corners, counter-clockwise; always the same number of points."""
    radius = float(np.clip(radius, 0.02 * min(half_x, half_y), 0.999 * min(half_x, half_y)))
    quarter = np.linspace(0, np.pi / 2, per_corner)
    points = []
    for turn, (sx, sy) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        angle = quarter + turn * np.pi / 2
        center = np.array([sx * (half_x - radius), sy * (half_y - radius)])
        points.append(center + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return np.concatenate(points)


def loft(rings: np.ndarray) -> tuple[Mesh, np.ndarray]:
    """A closed surface through rings; triangle fans close both ends.

    Args:
        rings: [P,n,3] rings of n points, counter-clockwise seen from +z where the surface runs upwards on the outside.
            The end rings must be star-shaped about their mean; rings of size 0 are poles.

    Returns:
        The mesh, and corner_uv [F,3,2]: u around the ring, v along the rings, both by mean arc length in [0, 1].
    """
    count, n = rings.shape[:2]
    poles = rings[[0, -1]].mean(axis=1)
    vertices = np.concatenate([rings.reshape(-1, 3), poles])
    ends = np.concatenate([poles[:1, None].repeat(n, 1), rings, poles[1:, None].repeat(n, 1)])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(ends, axis=0), axis=2).mean(axis=1))])
    v = along / along[-1]  # [P + 2]
    widest = rings[np.ptp(rings, axis=1).sum(axis=1).argmax()]
    around = np.concatenate([[0], np.cumsum(np.linalg.norm(np.roll(widest, -1, 0) - widest, axis=1))])
    u = around / around[-1]  # [n + 1]
    i, j = (a.ravel() for a in np.meshgrid(np.arange(count - 1), np.arange(n), indexing="ij"))
    k = (j + 1) % n
    a, b, c, d = i * n + j, i * n + k, (i + 1) * n + k, (i + 1) * n + j
    uv = np.stack([u[j], v[i + 1], u[j + 1], v[i + 1], u[j + 1], v[i + 2], u[j], v[i + 2]], -1).reshape(-1, 4, 2)
    t = np.arange(n)
    s = (t + 1) % n
    bottom, top = np.full(n, count * n), np.full(n, count * n + 1)
    last = (count - 1) * n
    faces = np.concatenate(
        [
            np.stack([a, b, c], 1),
            np.stack([a, c, d], 1),
            np.stack([bottom, s, t], 1),
            np.stack([top, last + t, last + s], 1),
        ]
    )
    middle = (u[:-1] + u[1:]) / 2
    low = np.stack([middle, 0 * middle + v[0], u[1:], 0 * middle + v[1], u[:-1], 0 * middle + v[1]], -1)
    high = np.stack([middle, 0 * middle + v[-1], u[:-1], 0 * middle + v[-2], u[1:], 0 * middle + v[-2]], -1)
    corner_uv = np.concatenate([uv[:, [0, 1, 2]], uv[:, [0, 2, 3]], low.reshape(-1, 3, 2), high.reshape(-1, 3, 2)])
    return Mesh(vertices, faces), corner_uv.astype(np.float32)


def extrude(outline: np.ndarray, height: float) -> Mesh:
    """A prism over a simple polygon [P,2] (counter-clockwise, may be concave), from z = 0 to ``height``."""
    n = len(outline)
    lid = triangulate(outline)
    flat = np.column_stack([outline, np.zeros(n)])
    vertices = np.concatenate([flat, flat + [0, 0, height]])
    t = np.arange(n)
    s = (t + 1) % n
    sides = np.concatenate([np.stack([t, s, n + s], 1), np.stack([t, n + s, n + t], 1)])
    return Mesh(vertices, np.concatenate([lid[:, ::-1], lid + n, sides]))


def triangulate(outline: np.ndarray) -> np.ndarray:
    """[P-2,3] triangles of a simple counter-clockwise polygon [P,2], by ear clipping.

    Raises:
        InputError: The outline crosses itself or runs clockwise.
    """
    rest, faces = list(range(len(outline))), []
    while len(rest) > 3:
        for at in range(len(rest)):
            a, b, c = rest[at - 1], rest[at], rest[(at + 1) % len(rest)]
            A, B, C = outline[a], outline[b], outline[c]
            if _turn(A, B, C) <= 1e-12:
                continue
            others = outline[[i for i in rest if i not in (a, b, c)]]
            inside = (_turn(A, B, others) >= 0) & (_turn(B, C, others) >= 0) & (_turn(C, A, others) >= 0)
            if not inside.any():
                faces.append((a, b, c))
                rest.pop(at)
                break
        else:
            raise InputError("the outline has no ear left to clip; give a simple polygon, counter-clockwise")
    return np.array([*faces, tuple(rest)], dtype=np.int32)


def relief(heights: np.ndarray, size_x: float, size_y: float) -> Mesh:
    """A slab whose top is a height field [nx,ny] (all > 0) over [-size/2, size/2], closed by walls and a flat floor."""
    nx, ny = heights.shape
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, nx) * size_x, np.linspace(-0.5, 0.5, ny) * size_y, indexing="ij")
    top = np.stack([x, y, heights], -1).reshape(-1, 3)
    index = np.arange(nx * ny).reshape(nx, ny)
    a, b, c, d = (q.ravel() for q in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    rim = np.concatenate([index[:-1, 0], index[-1, :-1], index[:0:-1, -1], index[0, :0:-1]])  # counter-clockwise
    n, base = len(rim), nx * ny
    floor = top[rim] * [1, 1, 0]
    t = np.arange(n)
    s = (t + 1) % n
    faces = [
        np.stack([a, b, c], 1),
        np.stack([a, c, d], 1),
        np.stack([base + t, base + s, rim[s]], 1),
        np.stack([base + t, rim[s], rim[t]], 1),
        np.stack([np.full(n, base + n), base + s, base + t], 1),
    ]
    return Mesh(np.concatenate([top, floor, np.zeros((1, 3))]), np.concatenate(faces))


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Twice the signed area of a, b, c (the last may be [N,2])."""
    return (b[0] - a[0]) * (c[..., 1] - a[1]) - (b[1] - a[1]) * (c[..., 0] - a[0])
