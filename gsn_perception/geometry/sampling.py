"""Random points on the surface of a mesh, uniform by area."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry.mesh import Mesh


def barycentric_samples(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Area-uniform random points as faces [count] and barycentric weights [count,3] of the faces' corners.

    The mesh needs a face of non-zero area.
    """
    areas = mesh.areas()
    face = rng.choice(len(areas), size=count, p=areas / areas.sum())
    root, v = np.sqrt(rng.random(count)), rng.random(count)
    return face, np.stack([1 - root, root * (1 - v), root * v], axis=1)


def sample_surface(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Area-uniform points [count,3] float32 and the faces [count] they lie on."""
    face, weights = barycentric_samples(mesh, count, rng)
    return np.einsum("nk,nkc->nc", weights, mesh.triangles[face]).astype(np.float32), face
