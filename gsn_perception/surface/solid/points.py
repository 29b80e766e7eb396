"""Surface point cloud of an object: samples of its mesh plus the measured depth points."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Points
from gsn_perception.geometry.sampling import barycentric_samples
from gsn_perception.surface.extraction.nearest_points import nearest_points

_BELOW = 0.01  # metres below the support plane: more is not noise


def sample_mesh(mesh: Mesh, count: int, rng: np.random.Generator) -> Points:
    """``count`` points, uniform by area; grey and with confidence 0 where the mesh has no colours or confidence."""
    face, weights = barycentric_samples(mesh, count, rng)
    weights = weights.astype(np.float32)
    first, second, third = mesh.faces[face].T

    def blend(values: np.ndarray) -> np.ndarray:
        a, b, c = (weights[:, k].reshape(-1, *[1] * (values.ndim - 1)) for k in range(3))
        return values[first] * a + values[second] * b + values[third] * c

    confidence = np.zeros(count, np.float32) if mesh.confidence is None else np.clip(blend(mesh.confidence), 0, 1)
    sampled = Mesh(mesh.vertices, mesh.faces[face])
    return Points(
        xyz=blend(mesh.vertices),
        colors=np.full((count, 3), 0.5, np.float32) if mesh.colors is None else blend(mesh.colors),
        normals=sampled.face_normals().astype(np.float32),
        confidence=confidence,
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
    pixels = np.flatnonzero(np.asarray(observation.mask == label).ravel())
    depth = observation.depth.ravel()[pixels]
    known = np.isfinite(depth)
    if not known.any():
        return sampled
    pixels = rng.permutation(pixels[known])[:count]
    row, column = np.divmod(pixels, observation.camera.width)
    rays = observation.camera.rays(np.stack([column + 0.5, row + 0.5], axis=-1))
    xyz = (rays * observation.depth.ravel()[pixels, None]).astype(np.float32)
    if observation.support_plane is not None:
        height = observation.support_plane.height(xyz)
        near = height > -_BELOW
        pixels, xyz, height = pixels[near], xyz[near], height[near]
        xyz = xyz - np.minimum(height, 0)[:, None] * observation.support_plane.normal.astype(xyz.dtype)
    nearest = nearest_points(sampled.xyz, xyz, 1)[:, 0]
    colors = observation.image.reshape(-1, 3)[pixels].astype(np.float32) / 255
    return Points(
        xyz=np.concatenate([sampled.xyz, xyz]),
        colors=np.concatenate([sampled.colors, colors]),
        normals=np.concatenate([sampled.normals, sampled.normals[nearest]]),
        confidence=np.concatenate([sampled.confidence, np.ones(len(xyz), np.float32)]),
    )
