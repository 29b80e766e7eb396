"""Closed meshes and signed distances of simple things, in the unit frame."""

import numpy as np
from skimage.measure import marching_cubes

from gsn_perception.geometry import Mesh


def sphere(points, radius=0.4):
    return np.linalg.norm(points, axis=-1) - radius


def box(points, half=(0.4, 0.25, 0.15)):
    q = np.abs(points) - np.asarray(half)
    return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)


def capsule(points, a, b, radius):
    a, b = np.asarray(a, float), np.asarray(b, float)
    along = np.clip((points - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
    return np.linalg.norm(points - (a + along[..., None] * (b - a)), axis=-1) - radius


def meshed(sdf, resolution=64, half=0.55):
    axis = np.linspace(-half, half, resolution + 1)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    vertices, faces, _, _ = marching_cubes(-sdf(grid), 0.0, gradient_direction="ascent")
    return Mesh(vertices * (2 * half / resolution) - half, faces)
