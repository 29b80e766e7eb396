"""Vertex refinement: moves vertices back onto the field's surface after smoothing and decimation.

Occupancy Networks move vertices down the gradient of (f - level)^2. Here each vertex moves along its normal, which is the
direction of the gradient, to where the field crosses the level: the same point without a step length, also for fields
without a gradient.
"""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.fields.field import Field


def refine_vertices(mesh: Mesh, field: Field, *, level: float, reach: float, steps: int = 2) -> Mesh:
    """The mesh with every vertex moved along its normal to the nearest crossing of the level, where there is one.

    Args:
        mesh: Faces outwards.
        field: Larger inside; frame and units of the mesh.
        level: The value of the surface.
        reach: Longest way of a vertex in the first round, units of the mesh; a quarter of it in each further round.
        steps: Rounds, each with the normals of the previous one; 0 changes nothing.
    """
    for _ in range(steps if len(mesh.faces) else 0):
        normals = mesh.with_vertex_normals().normals
        assert normals is not None
        offsets = np.array([-reach, 0.0, reach])
        points = mesh.vertices[:, None].astype(np.float64) + offsets[:, None] * normals[:, None].astype(np.float64)
        values = np.asarray(field(points.reshape(-1, 3)), dtype=np.float64).reshape(-1, 3) - level
        moved = mesh.vertices + _crossing(values, reach)[:, None] * normals
        mesh = Mesh(moved, mesh.faces)
        reach *= 0.25
    return mesh


def _crossing(values: np.ndarray, reach: float) -> np.ndarray:
    """[V] offsets at which values [V,3] at -reach, 0, +reach (linear between) fall through 0, nearest to 0; else 0."""
    inner, middle, outer = values.T
    outwards = (middle > 0) & (outer <= 0)
    inwards = (middle <= 0) & (inner > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.select(
            [outwards, inwards], [reach * middle / (middle - outer), reach * middle / (inner - middle)], 0.0
        )
