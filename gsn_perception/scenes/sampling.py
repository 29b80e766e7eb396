"""Points on a mesh's surface."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh


def sample_surface(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Area-uniform points.

    Args:
        mesh: With at least one face of non-zero area.
        count: Number of points P.
        rng: Source of chance.

    Returns:
        Points [P,3] float32 and the faces [P] they lie on.
    """
    areas = mesh.areas()
    face = rng.choice(len(areas), size=count, p=areas / areas.sum())
    root, v = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - root, root * (1 - v), root * v], axis=1)
    return np.einsum("nk,nkc->nc", weights, mesh.triangles[face]).astype(np.float32), face
