"""Taubin smoothing of meshes; compiled."""

from __future__ import annotations

import numba
import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.watertight.adjacency import corners_at_vertices


def smooth(mesh: Mesh, iterations: int, *, shrink: float = 0.5, inflate: float = -0.53) -> Mesh:
    """Taubin smoothing (SIGGRAPH 1995): alternating steps that smooth without shrinking."""
    if iterations < 1 or not len(mesh.faces):
        return mesh
    starts, neighbours = _neighbours(mesh.faces, *corners_at_vertices(mesh.faces, len(mesh.vertices)))
    vertices = mesh.vertices.astype(np.float64)
    for _ in range(iterations):
        vertices = _step(_step(vertices, starts, neighbours, shrink), starts, neighbours, inflate)
    return Mesh(vertices, mesh.faces)


@numba.njit(nogil=True, cache=True)
def _neighbours(faces: np.ndarray, starts: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The next corner of each face around every vertex: ``neighbours[starts[v]:starts[v + 1]]``, ascending.

    In a closed mesh these are the vertex's neighbours, each once.
    """
    filled = starts[:-1].copy()
    neighbours = np.empty(len(corners), np.int32)
    for v in range(len(starts) - 1):  # vertices in ascending order write themselves to their neighbours' lists
        for c in corners[starts[v] : starts[v + 1]]:
            f = c // 3
            before = faces[f, (c - 3 * f + 2) % 3]
            neighbours[filled[before]] = v
            filled[before] += 1
    return starts, neighbours


@numba.njit(nogil=True, cache=True)
def _step(vertices: np.ndarray, starts: np.ndarray, neighbours: np.ndarray, factor: float) -> np.ndarray:
    """Vertices [V,3] moved by a share of the way to the mean of their neighbours."""
    out = np.empty_like(vertices)
    for v in range(len(vertices)):
        x, y, z = 0.0, 0.0, 0.0
        for i in range(starts[v], starts[v + 1]):
            n = neighbours[i]
            x, y, z = x + vertices[n, 0], y + vertices[n, 1], z + vertices[n, 2]
        degree = 1.0 * (starts[v + 1] - starts[v])
        if degree == 0.0:
            out[v] = vertices[v]
            continue
        out[v, 0] = vertices[v, 0] + factor * (x / degree - vertices[v, 0])
        out[v, 1] = vertices[v, 1] + factor * (y / degree - vertices[v, 1])
        out[v, 2] = vertices[v, 2] + factor * (z / degree - vertices[v, 2])
    return out
