"""Vertices put back where they made faces cross: smoothing, bisecting and flattening move them freely."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.watertight.self_intersections import crossing_faces

_ROUNDS = 12
_STEP = 0.5  # of the way back, for the corners of a crossing face, a round
_SPREAD = 0.6  # of it for their neighbours, so that nothing is torn


def untangled(mesh: Mesh, safe: np.ndarray) -> Mesh:
    """The mesh with vertices taken back to safe places, near crossing faces alone and as far as it needs.

    Args:
        mesh: Any; its faces stay.
        safe: [V,3] places of the same vertices where no faces cross.

    Returns:
        The mesh itself where no faces cross; else one whose faces cross no more, all at the safe places in the worst case.
    """
    bad = crossing_faces(mesh)
    back = np.zeros(len(mesh.vertices))
    for _ in range(_ROUNDS):
        if not bad.any():
            return mesh
        back = np.maximum(back, _pulled(mesh.faces, bad, back))
        mesh = Mesh(mesh.vertices + back[:, None] * (safe - mesh.vertices), mesh.faces)
        bad = crossing_faces(mesh)
    return mesh if not bad.any() else Mesh(safe, mesh.faces)


def _pulled(faces: np.ndarray, bad: np.ndarray, back: np.ndarray) -> np.ndarray:
    """[V] how far back vertices go next: corners of bad faces further, their neighbours in two rings less."""
    pull = np.zeros(len(back))
    corners = faces[bad].ravel()
    pull[corners] = np.minimum(back[corners] + _STEP, 1.0)
    for _ in range(2):
        most = _SPREAD * pull[faces].max(axis=1)
        np.maximum.at(pull, faces.ravel(), np.repeat(most, 3))
    return pull
