"""Displacement fields (vectors to the nearest surface): the signed distance with an inside test, and vertex snapping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.fields.field import DisplacementField
from gsn_perception.surface.fields.field import Field


class SignedField:
    """A displacement field as a signed distance, positive inside, so that MISE extracts a closed surface from it.

    ``inside`` needs to be correct only away from the surface: each point is tested at a position ``push`` farther from
    the surface. So the zero level is the surface of the displacement field, and not that of ``inside``, which may be up
    to ``push`` away from it. Parts thinner than ``push`` may be lost: choose about a cell of the grid.

    Args:
        field: Displacements.
        inside: Values above ``level`` are inside, e.g. a winding number or an occupancy.
        push: Length in units of the points.
        level: Threshold on ``inside``.
    """

    def __init__(self, field: DisplacementField, inside: Field, *, push: float, level: float = 0.5) -> None:
        self._field, self._inside, self._push, self._level = field, inside, push, level

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Signed distances [P] float32 at points [P,3]."""
        points = np.asarray(points, dtype=np.float32)
        displacement = self._field(points)
        distance = np.linalg.norm(displacement, axis=1)
        away = displacement / np.maximum(distance, 1e-12)[:, None]
        within = np.asarray(self._inside(points - np.float32(self._push) * away)) > self._level
        return np.where(within, distance, -distance).astype(np.float32)


def snap(mesh: Mesh, field: DisplacementField, *, steps: int = 1, limit: float = np.inf) -> Mesh:
    """The mesh with its vertices moved onto the field's surface; faces stay as they are.

    Args:
        mesh: Near the surface.
        field: Displacements in the mesh's frame and units.
        steps: How often each vertex follows its displacement.
        limit: Longest step; a longer displacement is cut to it.
    """
    vertices = mesh.vertices
    for _ in range(steps):
        displacement = field(vertices)
        length = np.linalg.norm(displacement, axis=1, keepdims=True)
        vertices = vertices + displacement * np.minimum(1.0, limit / np.maximum(length, 1e-12))
    return replace(mesh, vertices=vertices)
