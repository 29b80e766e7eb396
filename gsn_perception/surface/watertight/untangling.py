"""Mesh untangling: moves vertices back to safe positions where smoothing, bisection or flattening made faces cross."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.watertight.self_intersections import crossing_faces

_ROUNDS = 12
_STEP = 0.5  # of the way back per round, for the corners of a crossing face
_SPREAD = 0.6  # of that step for their neighbours, so that the surface stays smooth


def untangled(mesh: Mesh, safe: np.ndarray, among: np.ndarray | None = None) -> Mesh:
    """The mesh with vertices near crossing faces moved back to safe positions, as far as needed.

    Args:
        mesh: Any mesh; its faces stay.
        safe: [V,3] positions of the same vertices at which no faces cross.
        among: [F] bool, the faces that may cross others; those that it leaves out are not tested against each other.

    Returns:
        The mesh itself where no faces cross; otherwise one without crossing faces, in the worst case with all vertices at
        the safe positions.
    """
    bad = crossing_faces(mesh, among=among)
    back = np.zeros(len(mesh.vertices))
    for _ in range(_ROUNDS):
        if not bad.any():
            return mesh
        back = np.maximum(back, _pulled(mesh.faces, bad, back))
        mesh = Mesh(mesh.vertices + back[:, None] * (safe - mesh.vertices), mesh.faces)
        bad = crossing_faces(mesh, among=None if among is None else among | (back[mesh.faces] > 0).any(axis=1))
    return mesh if not bad.any() else Mesh(safe, mesh.faces)


def _pulled(faces: np.ndarray, bad: np.ndarray, back: np.ndarray) -> np.ndarray:
    """[V] next share of the way back: more for the corners of bad faces, less for their neighbours in two rings."""
    pull = np.zeros(len(back))
    corners = faces[bad].ravel()
    pull[corners] = np.minimum(back[corners] + _STEP, 1.0)
    for _ in range(2):
        most = _SPREAD * pull[faces].max(axis=1)
        np.maximum.at(pull, faces.ravel(), np.repeat(most, 3))
    return pull
