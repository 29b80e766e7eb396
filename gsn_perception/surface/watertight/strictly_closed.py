"""Test for strictly closed meshes: Open3D's ``is_watertight`` plus a minimum gap between faces."""

from __future__ import annotations

import numba
import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.watertight.adjacency import corners_at_vertices
from gsn_perception.surface.watertight.adjacency import one_ring
from gsn_perception.surface.watertight.self_intersections import crossing_and_closed


def strictly_closed(mesh: Mesh) -> bool:
    """Whether the mesh is a closed orientable surface that does not touch or cross itself anywhere.

    Every edge has two faces that run along it in opposite directions, the faces around every vertex make one fan, and no
    two faces meet except at the corner or edge they share. Takes some milliseconds for 20 000 faces.
    """
    crossing, closed = crossing_and_closed(mesh)
    return closed and not crossing.any()


def closed_surface(mesh: Mesh) -> bool:
    """Whether the mesh is edge- and vertex-manifold without border, with consistent orientation."""
    return len(mesh.faces) > 0 and bool(_one_fan_each(mesh.faces, *corners_at_vertices(mesh.faces, len(mesh.vertices))))


@numba.njit(nogil=True, cache=True)
def _one_fan_each(faces: np.ndarray, starts: np.ndarray, corners: np.ndarray) -> bool:
    """Whether the faces around every vertex form one closed ring; see :func:`corners_at_vertices`."""
    ring = np.empty((np.diff(starts).max(), 2), np.int32)
    for v in range(len(starts) - 1):
        here = corners[starts[v] : starts[v + 1]]
        if len(here) and not one_ring(faces, v, here, ring):
            return False
    return True
