"""Nearest points by a grid against a k-d tree; vertex colours against the formula with covariance matrices."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Mesh
from gsn_perception.surface.extraction.nearest_points import nearest_points
from gsn_perception.surface.extraction.painting import paint


def cloud(kind, rng):
    if kind == "line":
        return rng.random((300, 1)) * [[1.0, 0.0, 0.0]]
    if kind == "clusters":
        return rng.normal(size=(12, 1, 3)) * 10 + rng.normal(size=(12, 40, 3)) * 0.01
    if kind == "alike":
        return np.round(rng.random((500, 3)) * 4) / 4  # many points coincide
    return rng.normal(size=(500, 3))


@pytest.mark.parametrize("kind", ["line", "clusters", "alike", "ball"])
@pytest.mark.parametrize("count", [1, 8])
def test_nearest_points_are_those_of_a_tree(kind, count):
    rng = np.random.default_rng(count)
    points = cloud(kind, rng).reshape(-1, 3).astype(np.float32)
    queries = np.concatenate([rng.normal(size=(3000, 3)) * 2, points[::3], [[1e4, 0, 0]]]).astype(np.float32)
    found = nearest_points(points, queries, count)
    expected = cKDTree(points).query(queries, count)[0].reshape(-1, count)
    distance = np.linalg.norm(points[found].astype(float) - queries[:, None].astype(float), axis=2)
    np.testing.assert_allclose(distance, expected, rtol=1e-12)
    assert all(len(set(row)) == count for row in found.tolist())


def test_few_points_and_no_queries():
    points = np.array([[0, 0, 0], [1, 0, 0]], np.float32)
    assert nearest_points(points, points[::-1], 2).tolist() == [[1, 0], [0, 1]]
    assert nearest_points(points[:1], points, 1).tolist() == [[0], [0]]
    assert nearest_points(points, np.zeros((0, 3)), 2).shape == (0, 2)


@pytest.mark.parametrize("number", [3, 400])
def test_colours_are_those_of_the_formula(number):
    rng = np.random.default_rng(number)
    tensor = torch.from_numpy
    splat = Gaussians(
        means=tensor(rng.normal(size=(number, 3))).float(),
        scales=tensor(rng.uniform(0.05, 0.5, (number, 3))).float(),
        quats=tensor(rng.normal(size=(number, 4))).float(),
        colors=tensor(rng.uniform(-0.1, 1.1, (number, 3))).float(),
        opacities=tensor(rng.uniform(0.01, 1.0, number)).float(),
    )
    vertices = rng.normal(size=(1000, 3)).astype(np.float32)
    colors = paint(Mesh(vertices, np.zeros((0, 3))), splat)
    k = min(8, number)
    index = cKDTree(splat.means.numpy()).query(vertices, k)[1]
    inverse = np.linalg.inv(splat.covariances().double().numpy())[index]
    offset = vertices[:, None] - splat.means.numpy()[index]
    squared = np.einsum("vki,vkij,vkj->vk", offset, inverse, offset)
    weight = np.exp(-0.5 * (squared - squared.min(axis=1, keepdims=True))) * splat.opacities.numpy()[index]
    expected = np.einsum("vk,vkc->vc", weight, splat.colors.numpy()[index]) / weight.sum(axis=1, keepdims=True)
    assert colors.dtype == np.float32
    np.testing.assert_allclose(colors, np.clip(expected, 0, 1), atol=2e-4)


def test_a_gaussian_without_thickness_paints():
    flat = Gaussians(
        means=torch.zeros(1, 3),
        scales=torch.tensor([[0.1, 0.1, 0.0]]),
        quats=torch.tensor([[1.0, 0, 0, 0]]),
        colors=torch.tensor([[0.2, 0.4, 0.6]]),
        opacities=torch.tensor([0.0]),
    )
    with np.errstate(all="raise"):
        black = paint(Mesh(np.ones((2, 3)), np.zeros((0, 3))), flat)
    assert np.isfinite(black).all()
