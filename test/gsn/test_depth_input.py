"""Depth as the network reads it: free of scale, true to the surface, turned with the crop."""

import math

import pytest
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.gsn import GSN
from gsn_perception.gsn import named_config
from gsn_perception.gsn import network_input
from gsn_perception.gsn.layers.depth_input import depth_residual
from gsn_perception.gsn.layers.depth_input import relative_depth
from gsn_perception.gsn.layers.refine import CELLS
from gsn_perception.gsn.layers.refine import front_depth
from gsn_perception.gsn.layers.refine import project
from gsn_perception.gsn.network import roll_image

SIZE, THETA = 64, 0.2
DISTANCE = 0.5 / math.sin(THETA)


def sphere_depth(radius: float = 0.35) -> torch.Tensor:
    """Depth [1,S,S] of a sphere in the middle of the normalised frame, NaN beside it; in closed form."""
    axis = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    slope = axis * math.tan(1.15 * THETA)
    xx = slope[None, :].square() + slope[:, None].square() + 1  # |ray|^2 for z = 1
    root = DISTANCE**2 - xx * (DISTANCE**2 - radius**2)
    return torch.where(root > 0, (DISTANCE - root.clamp_min(0).sqrt()) / xx, torch.nan)[None]


def test_relative_depth_does_not_depend_on_the_scale_and_keeps_the_shape() -> None:
    depth = sphere_depth()
    alpha, theta = torch.isfinite(depth).float(), torch.tensor([THETA])
    value, known = relative_depth(depth, alpha, theta)
    assert torch.equal(known, alpha)
    for scale in (0.07, 3.0):
        again, _ = relative_depth(scale * depth, alpha, theta)
        torch.testing.assert_close(again, value, atol=1e-5, rtol=0)
    # one ratio takes it back to the true depth: z = k (value + d)
    inside = known > 0
    back = (value + DISTANCE)[inside] / depth[inside]
    torch.testing.assert_close(back, back[0].expand_as(back))


def test_background_behind_the_edge_and_too_few_pixels_are_unknown() -> None:
    depth = sphere_depth()
    alpha, theta = torch.isfinite(depth).float(), torch.tensor([THETA])
    wall = depth.clone()
    wall[0, SIZE // 2, :8] = 3 * DISTANCE
    alpha[0, SIZE // 2, :8] = 1.0
    _, known = relative_depth(wall, alpha, theta)
    assert (known[0, SIZE // 2, :8] == 0).all()
    sparse = torch.full_like(depth, torch.nan)
    sparse[0, 30, 20:39] = depth[0, 30, 20:39]
    value, known = relative_depth(sparse, alpha, theta)
    assert known.sum() == 0
    assert value.abs().sum() == 0
    assert relative_depth(torch.full_like(depth, torch.nan), alpha, theta)[1].sum() == 0


def sphere_splat(radius: float = 0.35, count: int = 3000) -> Gaussians:
    g = torch.Generator().manual_seed(0)
    means = torch.nn.functional.normalize(torch.randn(1, count, 3, generator=g), dim=-1) * radius
    return Gaussians(
        means, torch.full((1, count, 3), 0.01), torch.tensor([1.0, 0, 0, 0]).expand(1, count, 4),
        torch.rand(1, count, 3, generator=g), torch.full((1, count), 0.9),
    )  # fmt: skip


@pytest.mark.parametrize("scale", [0.1, 5.0])
def test_residual_is_nothing_on_the_measured_front_and_the_chord_behind_it(scale: float) -> None:
    splat, theta = sphere_splat(), torch.tensor([THETA])
    depth = sphere_depth()
    measured = torch.stack(relative_depth(scale * depth, torch.isfinite(depth).float(), theta), 1)
    xy, z = project(splat.means, theta)
    front, _ = front_depth(xy, z, splat.opacities)
    assert front.shape == (1, CELLS * CELLS)
    sampled = torch.nn.functional.grid_sample(measured, xy[:, :, None], align_corners=False)[..., 0].transpose(1, 2)
    behind, certain = depth_residual(measured, sampled, z, front, theta).unbind(-1)
    middle = (splat.means[..., :2].norm(dim=-1) < 0.25) & (certain > 0)
    near = middle & (splat.means[..., 2] < 0)
    far = middle & (splat.means[..., 2] > 0)
    assert (behind[near] / 4).abs().median() < 0.01
    chord = (z - (2 * DISTANCE - z)).abs()  # about twice the height over the middle plane
    torch.testing.assert_close((behind[far] / 4).clamp_max(0.49), chord[far].clamp_max(0.49), atol=0.06, rtol=0)


def test_depth_turns_with_the_crop() -> None:
    depth = sphere_depth()
    tilted = depth + 0.3 * torch.linspace(-0.3, 0.3, SIZE)[None, None, :]
    alpha, theta = torch.isfinite(depth).float(), torch.tensor([THETA])
    image = network_input(torch.ones(1, SIZE, SIZE, 3), alpha, depth=relative_depth(tilted, alpha, theta))
    quarter = roll_image(image, torch.tensor([math.pi / 2]))
    # x to the right goes to y down: a quarter turn of pixels, without interpolation
    torch.testing.assert_close(quarter, torch.rot90(image, -1, (2, 3)), atol=1e-4, rtol=0)


def test_depth_changes_what_reads_it_and_nothing_else() -> None:
    torch.manual_seed(0)
    rgb, depth = torch.rand(1, SIZE, SIZE, 3), sphere_depth()
    alpha, theta = torch.isfinite(depth).float(), torch.tensor([THETA])
    without = network_input(rgb, alpha)
    given = network_input(rgb, alpha, depth=relative_depth(depth, alpha, theta))
    assert without.shape == given.shape == (1, 7, SIZE, SIZE)
    assert (without[:, 5:] == 0).all()
    from dataclasses import replace

    for reads in (True, False):
        network = GSN(replace(named_config("tiny"), depth=reads)).eval()
        with torch.inference_mode():
            a, b = network(without, theta), network(given, theta)
        assert torch.equal(a.means, b.means) is not reads
