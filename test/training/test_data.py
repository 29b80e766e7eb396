"""Pre-rendered data and its augmentation: every image still fits its camera."""

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.gsn.equivariance import roll_gaussians
from gsn_perception.gsn.layers.depth_input import relative_depth
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render
from gsn_perception.scenes.datasets.views_dataset import build_dataset
from gsn_perception.scenes.objects import random_object
from gsn_perception.training.augment import augment_scene
from gsn_perception.training.augment import blur_input
from gsn_perception.training.augment import degrade_input
from gsn_perception.training.augment import perturb_mask
from gsn_perception.training.augment import roll_scene
from gsn_perception.training.augment import simulate_depth
from gsn_perception.training.batches import shape_weights
from gsn_perception.training.config import Augmentation
from gsn_perception.training.data import Batch
from gsn_perception.training.data import ViewDataset
from gsn_perception.training.data import random_batches


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("views")
    sources = [partial(random_object, seed) for seed in (1, 9, 24)]
    return build_dataset(sources, out, views=6, size=64, seed=0, workers=0, progress=False)


def test_surface_points_land_in_every_view_at_their_depth(folder: Path) -> None:
    """World points, brought into view 0's normalised frame by hand, through the batch's cameras."""
    data = ViewDataset(folder)
    points = np.load(folder / "points.npy").astype(np.float64)
    views = np.array([[0, 3, 5], [1, 2, 4], [5, 0, 1]])
    batch = data.batch([0, 1, 2], views)
    for b, first in enumerate(views[:, 0]):
        pose, theta, scale = data.world_from_virtual[b, first], data.theta[b, first], data.scale[b, first]
        normalised = (points[b] - pose[:3, 3]) @ pose[:3, :3] / scale - [0, 0, 0.5 / math.sin(theta)]
        assert np.abs(normalised).max() < 0.9
        for v in range(3):
            T, K = (m[b, v].double().numpy() for m in (batch.cameras.camera_from_object, batch.cameras.K))
            x = normalised @ T[:3, :3].T + T[:3, 3]
            uv = np.floor((x @ K.T)[:, :2] / x[:, 2:]).astype(int)
            assert ((uv >= 0) & (uv < 64)).all()
            inside = batch.alpha[b, v].numpy()[uv[:, 1], uv[:, 0]]
            assert (inside > 0).mean() > 0.97
            depth = batch.depth[b, v].numpy()[uv[:, 1], uv[:, 0]]
            behind = x[:, 2] - depth
            # nothing lies before the first surface, and the seen half lies on it (a slanted pixel's worth apart)
            assert (behind[depth > 0] > -0.05).mean() > 0.98
            assert (np.abs(behind[depth > 0]) < 0.03).mean() > 0.2


def test_levels_are_box_averages_and_cameras_follow(folder: Path) -> None:
    data = ViewDataset(folder)
    views = np.array([[0, 1]])
    full, half = data.batch([1], views), data.batch([1], views, 32)
    pooled = full.rgb.view(1, 2, 32, 2, 32, 2, 3).mean((3, 5))
    assert (pooled - half.rgb).abs().max() < 0.6 / 255 + 1e-6
    torch.testing.assert_close(half.cameras.K[..., :2, :], full.cameras.K[..., :2, :] / 2)
    assert half.input_rgb.shape == (1, 64, 64, 3)
    with pytest.raises(InputError, match="divisor"):
        data.level(48)


def test_incomplete_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gsn data"):
        ViewDataset(tmp_path)


def test_batches_are_the_same_for_the_same_seed(folder: Path) -> None:
    data = ViewDataset(folder)

    def names(seed: int) -> list:
        stream = random_batches([data], 2, 3, lambda: 32, np.random.default_rng(seed))
        return [next(stream).names for _ in range(5)]

    assert names(0) == names(0)
    weights = shape_weights(["box"] * 9 + ["open"])
    assert weights[-1] / weights[0] == pytest.approx(3.0)


def _scene(seed: int = 0) -> tuple[Gaussians, Batch]:
    """A splat of spheres, and the batch its own renderings make."""
    g = torch.Generator().manual_seed(seed)
    means = 0.5 * (torch.rand(2, 30, 3, generator=g) - 0.5)
    splat = Gaussians(
        means,
        torch.full((2, 30, 3), 0.05),
        torch.tensor([1.0, 0, 0, 0]).expand(2, 30, 4),
        torch.rand(2, 30, 3, generator=g),
        torch.rand(2, 30, generator=g),
    )
    rng = np.random.default_rng(seed)
    pose = torch.eye(4).repeat(2, 3, 1, 1)
    for b in range(2):
        for v in range(3):
            q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
            pose[b, v, :3, :3] = torch.from_numpy(q * np.sign(np.linalg.det(q))).float()
    pose[:, 0, :3, :3] = torch.eye(3)
    pose[..., 2, 3] = 2.0
    K = torch.tensor([[60.0, 0, 16], [0, 60, 16], [0, 0, 1]]).expand(2, 3, 3, 3)
    return splat, _photograph(splat, CameraBatch(K, pose, 32, 32))


def _photograph(splat: Gaussians, cameras: CameraBatch) -> Batch:
    out = render(splat, cameras, background=torch.ones(3))
    theta = torch.full((2,), 0.25)
    inputs = out.rgb[:, 0], out.alpha[:, 0], out.depth[:, 0]
    upright = torch.tensor([0.3, -2.0])
    return Batch(out.rgb, out.alpha, out.depth, cameras, theta, upright, splat.means, *inputs, ("a", "b"), ("box",) * 2)


def test_a_mirrored_scene_is_the_mirrored_splat() -> None:
    splat, batch = _scene()
    settings = Augmentation(mirror=1.0, permute_colors=0.0, gain=0.0)
    mirrored = augment_scene(batch, settings, np.random.default_rng(0))
    flipped = splat.map(lambda t: t)
    object.__setattr__(flipped, "means", splat.means * torch.tensor([-1.0, 1, 1]))
    truth = _photograph(flipped, mirrored.cameras)
    torch.testing.assert_close(truth.rgb, mirrored.rgb, atol=1e-4, rtol=0)
    torch.testing.assert_close(truth.depth, mirrored.depth, atol=1e-4, rtol=0)
    torch.testing.assert_close(mirrored.input_rgb, mirrored.rgb[:, 0])
    torch.testing.assert_close(mirrored.input_depth, mirrored.depth[:, 0])
    torch.testing.assert_close(mirrored.surface, flipped.means)


def test_a_rolled_scene_is_the_rolled_splat_and_the_rolled_picture() -> None:
    splat, batch = _scene()
    angle = torch.tensor([0.6, -2.0])
    rolled, image = roll_scene(batch, angle)
    turned = roll_gaussians(splat, angle)
    truth = _photograph(turned, rolled.cameras)
    torch.testing.assert_close(truth.rgb, batch.rgb, atol=1e-4, rtol=0)  # supervising views stay as they were
    torch.testing.assert_close(rolled.surface, turned.means, atol=1e-5, rtol=0)
    # and the network's input is what the input camera sees of the rolled splat
    seen = _photograph(turned, batch.cameras)
    middle = slice(6, 26)
    assert (image[:, :3, middle, middle] - seen.input_rgb.permute(0, 3, 1, 2)[:, :, middle, middle]).abs().mean() < 0.02


def test_colour_changes_agree_in_all_views_and_leave_the_background_white() -> None:
    _, batch = _scene()
    settings = Augmentation(mirror=0.0, permute_colors=1.0, gain=0.3)
    out = augment_scene(batch, settings, np.random.default_rng(3))
    torch.testing.assert_close(out.input_rgb, out.rgb[:, 0])
    empty = batch.alpha == 0
    assert (out.rgb[empty] == 1).all()
    assert (out.rgb - batch.rgb).abs().max() > 0.05


def test_measured_depth_is_near_the_truth_has_holes_and_is_often_missing() -> None:
    _, batch = _scene()
    batch = replace(batch, input_alpha=torch.ones(2, 32, 32), input_depth=2 + 0.2 * torch.rand(2, 32, 32))
    exact, all_known = relative_depth(batch.input_depth, batch.input_alpha, batch.theta)
    assert all_known.all()
    rng = np.random.default_rng(0)
    always = [simulate_depth(batch, Augmentation(depth=1.0, depth_noise=0.01), rng) for _ in range(20)]
    values, known = (torch.stack(x) for x in zip(*always, strict=True))
    error = (values - exact)[known > 0]
    assert 1e-3 < error.std() < 0.02
    assert 0.75 < known.mean() < 0.999
    half = [simulate_depth(batch, Augmentation(depth=0.5), rng)[1].flatten(1).amax(1) for _ in range(60)]
    assert 0.3 < torch.cat(half).mean() < 0.7


def _disc(count: int = 16) -> torch.Tensor:
    """A dark disc on white, with depth inside."""
    axis = torch.arange(64) - 31.5
    disc = (axis[:, None] ** 2 + axis[None] ** 2 < 20**2).float()
    image = torch.stack([1 - 0.8 * disc] * 3 + [disc, 0 * disc, 0.2 * disc, disc])
    return image.repeat(count, 1, 1, 1)


def test_masks_err_by_pixels_and_take_background_in() -> None:
    image = _disc(64)
    out = perturb_mask(image, Augmentation(mask_error=1.5), np.random.default_rng(0))
    moved = (out[:, 3] - image[:, 3]).abs().sum((1, 2)) / (2 * math.pi * 20)  # mean pixels along the rim
    assert 0.3 < (moved > 0.05).float().mean() < 0.7  # half of them are right
    assert 0.1 < moved[moved > 0.05].mean() < 1.5
    taken = (out[:, 3] > 0.99) & (image[:, 3] == 0)
    assert taken.any()
    colours = out[:, :3].permute(0, 2, 3, 1)[taken]
    assert colours.std(0).min() > 0.1  # backgrounds differ from sample to sample, and are not white
    lost = (out[:, 3] < 0.01) & (image[:, 3] == 1)
    assert (out[:, :3].permute(0, 2, 3, 1)[lost] > 0.98).all()
    assert (out[:, 6][lost] == 0).all()
    right = moved < 1e-6
    torch.testing.assert_close(out[right], image[right])


def test_blur_is_a_gaussian_and_leaves_depth_alone() -> None:
    image = _disc(8)
    out = blur_input(image, Augmentation(blur=1.0), np.random.default_rng(0))
    torch.testing.assert_close(out[:, 4:], image[:, 4:])
    torch.testing.assert_close(out[:, 3].sum((1, 2)), image[:, 3].sum((1, 2)), rtol=1e-4, atol=1e-2)
    sigma = np.random.default_rng(0).uniform(0.05, 1.0, 8)
    expected = gaussian_filter(image[3, 3].double().numpy(), sigma[3], radius=2, mode="nearest")
    np.testing.assert_allclose(out[3, 3].numpy(), expected, atol=1e-5)


def test_unknown_strips_are_marked_and_white() -> None:
    image = torch.rand(4, 7, 32, 32)
    image[:, 3], image[:, 4] = 1.0, 0.0
    out = degrade_input(image, Augmentation(unknown=1.0, noise=0.0, mask_error=0.0, blur=0.0), np.random.default_rng(0))
    cut = out[:, 4] > 0
    assert 0 < cut.float().mean() < 0.5
    assert (out[:, 3][cut] == 0).all()
    assert (out[:, 6][cut] == 0).all()  # nor is depth known there
    assert (out[:, :3].permute(0, 2, 3, 1)[cut] == 1).all()
    torch.testing.assert_close(out[:, :3].permute(0, 2, 3, 1)[~cut], image[:, :3].permute(0, 2, 3, 1)[~cut])
