"""Stable poses: how a rigid body comes to rest on a plane."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import minimal_rotation_to


def center_of_mass(mesh: Mesh) -> np.ndarray:
    """[3] centroid of the solid a closed mesh bounds."""
    a, b, c = (mesh.triangles[:, i].astype(np.float64) for i in range(3))
    weight = np.einsum("ij,ij->i", a, np.cross(b, c))
    return ((a + b + c) / 4 * weight[:, None]).sum(axis=0) / weight.sum()


def random_settle(mesh: Mesh, rng: np.random.Generator) -> np.ndarray:
    """[3,3] the rotation that lays a body down after it was set onto the plane in a random orientation."""
    direction = rng.standard_normal(3)
    return settle(mesh, direction / np.linalg.norm(direction))


def settle(mesh: Mesh, down: np.ndarray) -> np.ndarray:
    """[3,3] the rotation that lays a body onto the hull face to which it rolls when ``down`` [3] points at the plane.

    The body tips over the hull face through which the ray from the centre of mass along gravity leaves. The normal of
    that face is the next direction of gravity. Each roll lowers the centre of mass; the loop ends when it can't sink more.
    """
    hull = ConvexHull(mesh.vertices.astype(np.float64))
    normals, offsets = hull.equations[:, :3], hull.equations[:, 3]
    height = -(normals @ center_of_mass(mesh) + offsets)  # [H] from the centre of mass to each face's plane, positive
    face = -1
    for _ in range(len(height)):
        toward = normals @ down
        leaving = np.where(toward > 1e-9, height / np.maximum(toward, 1e-9), np.inf)
        chosen = int(leaving.argmin())
        if face >= 0 and height[chosen] >= height[face] - 1e-9:
            break
        face, down = chosen, normals[chosen]
    rotation = minimal_rotation_to(-normals[face])  # z -> the face's inner normal
    return rotation.T
