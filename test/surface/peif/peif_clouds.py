"""Clouds of every kind of patch, queries near them, and random motions."""

import numpy as np
import torch

from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.scenes.objects import random_object
from gsn_perception.surface.peif import CONFIGS
from gsn_perception.surface.peif import PeifNetwork


def sphere(count=3000, seed=0):
    p = np.random.default_rng(seed).standard_normal((count, 3))
    return 0.5 * p / np.linalg.norm(p, axis=1, keepdims=True)


def box(count=3000, seed=0):
    """Random points on the faces of a box of extents 1, 0.8, 0.5."""
    rng = np.random.default_rng(seed)
    half = np.array([0.5, 0.4, 0.25])
    areas = np.array([half[1] * half[2], half[0] * half[2], half[0] * half[1]])
    axis = rng.choice(3, count, p=areas / areas.sum())
    p = rng.uniform(-1, 1, (count, 3)) * half
    p[np.arange(count), axis] = rng.choice([-1, 1], count) * half[axis]
    return p


def lattice_box(n=20):
    """A cube's faces as square lattices: flat, isotropic, full of ties."""
    u = (np.arange(n) + 0.5) / n - 0.5
    a, b = (x.ravel() for x in np.meshgrid(u, u, indexing="ij"))
    c = np.full_like(a, 0.5)
    return np.concatenate([np.column_stack(f) for s in (-1, 1) for f in ((a, b, s * c), (a, s * c, b), (s * c, a, b))])


def rod(count=800, seed=0):
    """A thin straight rod and an exact line beside it."""
    t = np.random.default_rng(seed).uniform(-0.5, 0.5, (count, 1))
    angle = np.linspace(0, 100, count)[:, None]
    thin = np.hstack([t, 1e-4 * np.cos(angle), 1e-4 * np.sin(angle)])
    return np.concatenate([thin, np.hstack([t, np.full_like(t, 0.3), np.zeros_like(t)])])


def any_object(seed=3, count=3000):
    mesh = random_object(seed).mesh
    p = sample_surface(mesh, count, np.random.default_rng(seed))[0].astype(np.float64)
    return (p - p.mean(0)) / np.ptp(p, axis=0).max()


CLOUDS = {
    "sphere": sphere,
    "box": box,
    "lattice box": lattice_box,
    "rod": rod,
    "object": any_object,
}


def queries(cloud, count=1500, seed=0, spread=0.02):
    rng = np.random.default_rng(seed)
    return cloud[rng.choice(len(cloud), count)] + spread * rng.standard_normal((count, 3))


def motions(count, seed=0):
    """Random orthogonal matrices, half of them reflections, and translations."""
    rng = np.random.default_rng(seed)
    rotations = np.linalg.qr(rng.standard_normal((count, 3, 3)))[0]
    rotations *= (np.linalg.det(rotations) * np.where(np.arange(count) % 2, 1, -1))[:, None, None]
    return list(zip(rotations, rng.uniform(-1, 1, (count, 3)), strict=True))


def network(name="tiny", seed=0, dtype=torch.float32):
    """Random weights with biases, and an output that matters."""
    torch.manual_seed(seed)
    made = PeifNetwork(CONFIGS[name])
    with torch.no_grad():
        for parameter in made.out.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
    return made.to(dtype).eval()
