"""Meshes with known volume and splats made of them."""

import numpy as np
import torch
from skimage.measure import marching_cubes

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import quat_from_matrix


def box_sdf(p, half):
    q = np.abs(p) - np.asarray(half)
    return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)


def cylinder_sdf(p, radius, half):
    q = np.stack([np.linalg.norm(p[..., :2], axis=-1) - radius, np.abs(p[..., 2]) - half], axis=-1)
    return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)


def sphere(p):
    return np.linalg.norm(p, axis=-1) - 0.4


def box(p):
    return box_sdf(p, [0.4, 0.25, 0.15])


def torus(p):
    ring = np.linalg.norm(p[..., :2], axis=-1) - 0.32
    return np.hypot(ring, p[..., 2]) - 0.1


def plate(p):
    return box_sdf(p, [0.4, 0.3, 0.01])


def cup(p):
    """Open towards +z, wall 0.05."""
    inner = cylinder_sdf(p - np.array([0, 0, 0.1]), 0.25, 0.45)
    return np.maximum(cylinder_sdf(p, 0.3, 0.4), -inner)


def profile(p):
    """An L."""
    return np.minimum(
        box_sdf(p - np.array([0, 0, -0.25]), [0.4, 0.2, 0.05]), box_sdf(p - np.array([-0.35, 0, 0]), [0.05, 0.2, 0.3])
    )


SHAPES = {"sphere": sphere, "box": box, "torus": torus, "plate": plate, "cup": cup, "profile": profile}


def mesh_of(sdf, resolution=144):
    """Closed mesh of a signed distance (negative inside) in [-0.5, 0.5]^3."""
    axis = np.linspace(-0.5, 0.5, resolution + 1)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    values = -sdf(grid)
    vertices, faces, _, _ = marching_cubes(values, 0.0, gradient_direction="ascent")
    return Mesh(vertices / resolution - 0.5, faces)


def splat_of(mesh, count=3000, *, flat=0.15, size=0.8, noise=0.0, opacity=0.9, hug=0.0, seed=0):
    """Gaussians on the surface of a mesh.

    ``size`` is the tangential sigma in units of the mean spacing, ``flat`` the normal sigma relative to it, ``noise``
    jitter along the normal relative to the tangential sigma, ``hug`` how far inside (same unit) the means lie.
    """
    rng = np.random.default_rng(seed)
    areas = mesh.areas()
    face = rng.choice(len(areas), count, p=areas / areas.sum())
    weights = rng.dirichlet([1, 1, 1], count)
    normal = mesh.face_normals()[face]
    points = np.einsum("nk,nkd->nd", weights, mesh.triangles[face])
    sigma = size * np.sqrt(areas.sum() / count) * rng.uniform(0.7, 1.3, (count, 1))
    points = points + normal * sigma * (noise * rng.standard_normal((count, 1)) - hug)
    tangent = np.cross(normal, rng.standard_normal((count, 3)))
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    frame = np.stack([tangent, np.cross(normal, tangent), normal], axis=2)
    scales = np.concatenate([sigma, sigma * rng.uniform(0.7, 1.3, (count, 1)), sigma * flat], axis=1)
    colors = np.clip(points / np.ptp(points, axis=0).max() + 0.5, 0, 1)
    opacities = np.clip(opacity + 0.1 * rng.standard_normal(count), 0.05, 0.99)
    arrays = (points, scales, quat_from_matrix(frame), colors, opacities)
    return Gaussians(*(torch.tensor(a, dtype=torch.float32) for a in arrays))
