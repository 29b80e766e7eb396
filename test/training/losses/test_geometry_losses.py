"""Losses against the true shape: planes, spheres, brute force, and samples that lie where the views say."""

import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import Rendering
from gsn_perception.scenes.datasets.views_dataset import build_dataset
from gsn_perception.scenes.objects import random_object
from gsn_perception.training.data import Batch
from gsn_perception.training.data import ViewDataset
from gsn_perception.training.losses.geometry import depth_normals
from gsn_perception.training.losses.geometry import normal_error
from gsn_perception.training.losses.geometry import surface_distance

K = torch.tensor([[80.0, 0, 31], [0, 90, 33], [0, 0, 1]])


def _rays() -> torch.Tensor:
    v, u = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    return torch.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], torch.ones_like(u)], -1)


def test_the_normals_of_a_plane_are_its_normal() -> None:
    normal = torch.nn.functional.normalize(torch.tensor([0.3, -0.2, -0.9]), dim=0)
    depth = -1.5 / (_rays() @ normal)
    expected = normal.expand(62, 62, 3)
    torch.testing.assert_close(depth_normals(depth, K), expected, atol=1e-4, rtol=0)


def test_the_normals_of_a_sphere_point_away_from_its_centre() -> None:
    rays, centre, radius = _rays(), torch.tensor([0.1, -0.05, 2.0]), 0.6
    a, b = (rays * rays).sum(-1), rays @ centre
    inside = b**2 - a * (centre @ centre - radius**2)
    depth = torch.where(inside > 0, (b - inside.clamp_min(0).sqrt()) / a, torch.nan)
    found = depth_normals(depth, K)
    expected = ((rays * depth[..., None] - centre) / radius)[1:-1, 1:-1]
    facing = expected[..., 2] < -0.7
    assert facing.sum() > 300
    assert (found[facing] - expected[facing]).norm(dim=-1).max() < 0.03


def _batch(depth: torch.Tensor) -> Batch:
    cameras = CameraBatch(K[None, None], torch.eye(4)[None, None], 64, 64)
    alpha, image = torch.ones_like(depth), torch.ones(1, 1, 64, 64, 3)
    angles = torch.zeros(1), torch.zeros(1)
    return Batch(
        image,
        alpha,
        depth,
        cameras,
        *angles,
        torch.zeros(1, 4, 3),
        image[:, 0],
        alpha[:, 0],
        depth[:, 0],
        ("a",),
        ("box",),
    )


def test_normal_errors_are_one_minus_the_cosine_between_planes() -> None:
    flat, tilted = torch.tensor([0.0, 0, -1]), torch.tensor([math.sin(0.3), 0, -math.cos(0.3)])
    first, second = (-1.5 / (_rays() @ n)[None, None] for n in (flat, tilted))
    alpha = torch.full_like(first, 0.8)
    drawn = Rendering(torch.zeros(1, 1, 64, 64, 3), alpha, alpha * second)
    assert float(normal_error(drawn, _batch(first))) == pytest.approx(1 - math.cos(0.3), abs=1e-4)
    assert float(normal_error(drawn, _batch(second))) == pytest.approx(0, abs=1e-5)
    thin = Rendering(drawn.rgb, alpha * 0.5, alpha * 0.5 * second)
    assert float(normal_error(thin, _batch(first))) == 0  # fog has no surface


def test_descending_the_normal_error_straightens_a_plane() -> None:
    truth = torch.full((1, 1, 64, 64), 1.5)
    depth = (truth + 0.02 * torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))).requires_grad_()
    before = None
    for _ in range(30):
        error = normal_error(Rendering(torch.zeros(1), torch.ones(1, 1, 64, 64), depth), _batch(truth))
        before = before or float(error)
        (grad,) = torch.autograd.grad(error, depth)
        depth = (depth - 2e-2 * grad / grad.norm()).detach().requires_grad_()
    assert float(error) < 0.7 * before


def test_surface_distances_by_brute_force() -> None:
    g = torch.Generator().manual_seed(0)
    means, surface = torch.rand(2, 30, 3, generator=g), torch.rand(2, 20, 3, generator=g)
    opacities = torch.rand(2, 30, generator=g)
    splat = Gaussians(means, means, torch.ones(2, 30, 4), means, opacities)
    expected = 0.0
    for b in range(2):
        apart = np.linalg.norm(means[b].numpy()[:, None] - surface[b].numpy()[None], axis=-1)
        weight = opacities[b].numpy() / opacities[b].sum().item()
        expected += (np.minimum(apart.min(1), 0.25) * weight).sum() / 4
        expected += np.minimum(apart[opacities[b].numpy() > 0.1].min(0), 0.25).mean() / 4
    assert float(surface_distance(splat, surface)) == pytest.approx(expected, rel=1e-4)


def test_samples_of_the_surface_lie_where_every_view_sees_it(tmp_path: Path) -> None:
    sources = [partial(random_object, seed) for seed in (1, 9)]
    folder = build_dataset(sources, tmp_path / "views", views=4, size=64, seed=0, workers=0, progress=False)
    data = ViewDataset(folder)
    batch = data.batch([0, 1], np.array([[2, 0, 1, 3], [3, 1, 0, 2]]))
    pose = batch.cameras.camera_from_object
    seen = torch.einsum("bvij,bpj->bvpi", pose[..., :3, :3], batch.surface) + pose[..., None, :3, 3]
    pixel = torch.einsum("bvij,bvpj->bvpi", batch.cameras.K, seen)
    u, v = (pixel[..., i] / pixel[..., 2] for i in (0, 1))
    b, w = torch.meshgrid(torch.arange(2), torch.arange(4), indexing="ij")
    where = b[..., None], w[..., None], v.long().clamp(0, 63), u.long().clamp(0, 63)
    assert (batch.alpha[where] > 0).float().mean() > 0.99  # samples are where the silhouettes are
    depth = batch.depth[where]
    known = depth > 0
    behind = (seen[..., 2] - depth)[known]
    assert (behind > -0.03).float().mean() > 0.99  # none lies before what is seen
    assert (behind < 0.03).float().mean() > 0.2  # and many are what is seen
