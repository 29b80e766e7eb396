"""A splat on its plane: against the affine map of its own samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Plane
from gsn_perception.surface.solid.ground_splat import grounded_splat
from gsn_perception.surface.solid.ground_warp import GroundWarp
from gsn_perception.surface.solid.grounded_shape import ObjectSupport

NORMAL = np.array([0.3, -0.4, 0.87])
NORMAL /= np.linalg.norm(NORMAL)


def splat(count=300, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return Gaussians(
        means=0.6 * torch.rand(count, 3, generator=rng) - 0.3,
        scales=0.01 + 0.03 * torch.rand(count, 3, generator=rng),
        quats=torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1),
        colors=torch.rand(count, 3, generator=rng),
        opacities=torch.full((count,), 0.9),
    )


@pytest.mark.parametrize("offset", [0.25, 0.4])
def test_means_and_covariances_follow_the_map(offset):
    """Pressed together (the splat goes through the plane) and drawn out (it ends above it)."""
    given, support = splat(), ObjectSupport(Plane(NORMAL, offset), lowest_seen=offset + 0.1)
    made = grounded_splat(given, support)
    height = support.plane.height(given.means.double().numpy())
    ground = GroundWarp.of(support.plane, support.lowest_seen, float(np.quantile(height, 0.02)))
    moved = ground.to_real(given.means.double().numpy())
    kept = ground.height(moved) >= 0
    assert np.allclose(made.means.numpy(), moved[kept], atol=1e-5)
    assert support.plane.height(made.means.double().numpy()).min() >= -1e-6
    step = 1e-4 * NORMAL  # the map's slope by differences
    slope = (ground.height(ground.to_real(given.means.double().numpy() + step)) - ground.height(moved))[kept] / 1e-4
    J = np.eye(3) + (slope - 1)[:, None, None] * np.outer(NORMAL, NORMAL)
    wanted = J @ given.covariances().double().numpy()[kept] @ J.swapaxes(1, 2)
    smooth = np.abs(slope - np.round(slope, 3)) < 1e-3  # not where the difference steps over a knot
    assert smooth.mean() > 0.9
    close = np.isclose(made.covariances().numpy(), wanted, atol=2e-5).all(axis=(1, 2))
    assert close.mean() > 0.97


def test_what_was_seen_stays_and_what_hangs_is_not_moved():
    given = splat()
    support = ObjectSupport(Plane(NORMAL, 0.6), lowest_seen=0.7)
    made = grounded_splat(given, support)
    seen_before, seen_after = (
        part.means[torch.from_numpy(support.plane.height(part.means.numpy()) > 0.7)] for part in (given, made)
    )
    assert torch.equal(seen_after, seen_before)
    assert len(made) > 0.9 * len(given)  # the round end is cut
    hangs = grounded_splat(given, replace(support, stands=False))
    assert torch.allclose(hangs.means, given.means)
    assert torch.allclose(hangs.scales, given.scales)


def test_an_empty_or_transparent_splat_stays_as_it_is():
    given = splat()
    clear = replace(given, opacities=torch.full((len(given),), 0.01))
    assert grounded_splat(clear, ObjectSupport(Plane(NORMAL, 0.0), lowest_seen=0.1)) is clear


def test_a_few_gaussians_are_not_drawn_out_to_poles():
    given = splat()
    plane = Plane(NORMAL, 1.5)
    lowest = float(np.quantile(plane.height(given.means.double().numpy()), 0.1))
    made = grounded_splat(given, ObjectSupport(plane, lowest_seen=lowest))
    assert torch.equal(made.means, given.means)
    assert torch.equal(made.scales, given.scales)
