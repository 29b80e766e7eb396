"""Surface point cloud of an object: samples of its mesh plus the measured depth points."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Points
from gsn_perception.geometry.sampling import barycentric_samples

_BELOW = 0.01  # metres below the support plane: more is not noise


def sample_mesh(mesh: Mesh, count: int, rng: np.random.Generator) -> Points:
    """``count`` points, uniform by area; grey and with confidence 0 where the mesh has no colours or confidence."""
    face, weights = barycentric_samples(mesh, count, rng)
    weights = weights.astype(np.float32)[..., None]
    corners = mesh.faces[face]

    def blend(values: np.ndarray) -> np.ndarray:
        return (values[corners] * weights).sum(1)

    grey = np.full((len(mesh.vertices), 3), 0.5, np.float32)
    confidence = np.zeros(len(mesh.vertices), np.float32) if mesh.confidence is None else mesh.confidence
    return Points(
        xyz=blend(mesh.vertices),
        colors=blend(grey if mesh.colors is None else mesh.colors),
        normals=mesh.face_normals()[face].astype(np.float32),
        confidence=np.clip(blend(confidence[:, None])[:, 0], 0, 1),
    )


def surface_points(mesh: Mesh, observation: Observation, label: int, *, count: int = 4096, seed: int = 0) -> Points:
    """``count`` samples of the mesh, and up to as many measured depth points of the object with confidence 1.

    Measured points take the normal of the nearest mesh sample. Points slightly below the support plane (noise) are moved
    onto it; points farther below are dropped. All in the camera frame, metres.
    """
    rng = np.random.default_rng(seed)
    sampled = sample_mesh(mesh, count, rng)
    if observation.depth is None:
        return sampled
    pixels = np.flatnonzero(np.asarray(observation.mask == label).ravel() & np.isfinite(observation.depth).ravel())
    if not len(pixels):
        return sampled
    pixels = rng.permutation(pixels)[:count]
    xyz = observation.camera.back_project(observation.depth).reshape(-1, 3)[pixels]
    if observation.support_plane is not None:
        height = observation.support_plane.height(xyz)
        near = height > -_BELOW
        pixels, xyz, height = pixels[near], xyz[near], height[near]
        xyz = xyz - np.minimum(height, 0)[:, None] * observation.support_plane.normal.astype(xyz.dtype)
    _, nearest = cKDTree(sampled.xyz).query(xyz)
    colors = observation.image.reshape(-1, 3)[pixels].astype(np.float32) / 255
    return Points(
        xyz=np.concatenate([sampled.xyz, xyz]),
        colors=np.concatenate([sampled.colors, colors]),
        normals=np.concatenate([sampled.normals, sampled.normals[nearest]]),
        confidence=np.concatenate([sampled.confidence, np.ones(len(xyz), np.float32)]),
    )
