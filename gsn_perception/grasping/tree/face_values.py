"""Values of a mesh's faces that grasp planning needs: areas, normals, averages over neighbours, volume; compiled."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def face_values(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Areas and normals of triangles.

    Args:
        vertices: [V,3] float32, metres.
        faces: [F,3] int32.

    Returns:
        Areas [F] m^2, unit normals [F,3] (zero for degenerate faces), and lengths [F] of the first edges, metres; float64.
    """
    count = len(faces)
    areas, normals, edges = np.empty(count), np.empty((count, 3)), np.empty(count)
    for f in range(count):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x, y, z = np.float64(vertices[a, 0]), np.float64(vertices[a, 1]), np.float64(vertices[a, 2])
        ux, uy, uz = vertices[b, 0] - x, vertices[b, 1] - y, vertices[b, 2] - z
        vx, vy, vz = vertices[c, 0] - x, vertices[c, 1] - y, vertices[c, 2] - z
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        length = math.sqrt(nx * nx + ny * ny + nz * nz)
        areas[f] = 0.5 * length
        scale = 1.0 / max(length, 1e-30)
        normals[f, 0], normals[f, 1], normals[f, 2] = nx * scale, ny * scale, nz * scale
        edges[f] = math.sqrt(ux * ux + uy * uy + uz * uz)
    return areas, normals, edges


@njit(cache=True, nogil=True)
def averaged_normals(faces: np.ndarray, count: int, normals: np.ndarray, areas: np.ndarray, steps: int) -> np.ndarray:
    """Normals mixed ``steps`` times with those of the faces at the same vertices, by area.

    Args:
        faces: [F,3] int32.
        count: Number of vertices.
        normals: [F,3] unit.
        areas: [F] weights.
        steps: Each step widens the average by a ring of faces.

    Returns:
        [F,3] unit normals.
    """
    mixed = normals.copy()
    sums = np.empty((count, 3))
    for _ in range(steps):
        sums[:] = 0.0
        for f in range(len(faces)):
            x, y, z = areas[f] * mixed[f, 0], areas[f] * mixed[f, 1], areas[f] * mixed[f, 2]
            for k in range(3):
                v = faces[f, k]
                sums[v, 0] += x
                sums[v, 1] += y
                sums[v, 2] += z
        for f in range(len(faces)):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            x = sums[a, 0] + sums[b, 0] + sums[c, 0]
            y = sums[a, 1] + sums[b, 1] + sums[c, 1]
            z = sums[a, 2] + sums[b, 2] + sums[c, 2]
            scale = 1.0 / max(math.sqrt(x * x + y * y + z * z), 1e-30)
            mixed[f, 0], mixed[f, 1], mixed[f, 2] = x * scale, y * scale, z * scale
    return mixed


@njit(cache=True, nogil=True)
def mass_moments(vertices: np.ndarray, faces: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Middle of the surface, and volume and first moment of the solid about it.

    Args:
        vertices: [V,3] float32, metres.
        faces: [F,3] int32.
        areas: [F] m^2.

    Returns:
        The area-weighted middle [3] of the faces, the signed volume (m^3), and the integral [3] of position relative to
        that middle over the solid (m^4).
    """
    middle, total = np.zeros(3), 0.0
    for f in range(len(faces)):
        total += areas[f]
        for a in range(3):
            third = np.float64(vertices[faces[f, 0], a]) + vertices[faces[f, 1], a] + vertices[faces[f, 2], a]
            middle[a] += areas[f] * third / 3
    middle /= total
    volume, moment = 0.0, np.zeros(3)
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[i, 0] - middle[0], vertices[i, 1] - middle[1], vertices[i, 2] - middle[2]
        bx, by, bz = vertices[j, 0] - middle[0], vertices[j, 1] - middle[1], vertices[j, 2] - middle[2]
        cx, cy, cz = vertices[k, 0] - middle[0], vertices[k, 1] - middle[1], vertices[k, 2] - middle[2]
        part = (ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)) / 6
        volume += part
        moment[0] += part * (ax + bx + cx) / 4
        moment[1] += part * (ay + by + cy) / 4
        moment[2] += part * (az + bz + cz) / 4
    return middle, volume, moment


@njit(cache=True, nogil=True)
def harmonics(normals: np.ndarray, weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[complex, complex]:
    """Weighted means of the normals across an axis, as complex numbers, and of their fourth powers.

    Args:
        normals: [F,3] unit.
        weights: [F].
        x: [3] unit, across the axis: the real axis.
        y: [3] unit, across both: the imaginary axis.
    """
    first, fourth, total = 0.0j, 0.0j, 0.0
    for f in range(len(normals)):
        across = complex(
            normals[f, 0] * x[0] + normals[f, 1] * x[1] + normals[f, 2] * x[2],
            normals[f, 0] * y[0] + normals[f, 1] * y[1] + normals[f, 2] * y[2],
        )
        square = across * across
        first += weights[f] * across
        fourth += weights[f] * square * square
        total += weights[f]
    return first / total, fourth / total
