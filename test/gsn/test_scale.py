"""Metric scale from depth, size and plane: one number, no offset, and when it is refused."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import minimal_rotation_to
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.scale import reconcile_scales
from gsn_perception.gsn.scale import scale_from_depth
from gsn_perception.gsn.scale import scale_from_plane
from gsn_perception.gsn.scale import scale_from_size


def _images(rng, scale: float, outliers: float = 0.0):
    alpha = rng.uniform(0.6, 1.0, (64, 64))
    true = rng.uniform(1.5, 2.5, (64, 64))
    mask = np.zeros((64, 64))
    mask[10:54, 10:54] = 1.0
    measured = scale * true
    wild = rng.random((64, 64)) < outliers
    measured[wild] = rng.uniform(0, 10, wild.sum())
    return true * alpha, alpha, measured.astype(np.float32), mask


def test_depth_recovers_the_scale_through_a_third_of_outliers() -> None:
    rng = np.random.default_rng(0)
    rendered, alpha, measured, mask = _images(rng, 0.137, outliers=0.33)
    measured[20:30] = np.nan
    got = scale_from_depth(rendered, alpha, measured, mask)
    assert got.value == pytest.approx(0.137, rel=1e-3)
    assert got.source == "depth"


def test_sigma_is_the_spread() -> None:
    rng = np.random.default_rng(0)
    rendered, alpha, measured, mask = _images(rng, 0.2)
    noisy = measured * (1 + 0.05 * rng.normal(size=measured.shape))
    assert scale_from_depth(rendered, alpha, noisy, mask).sigma == pytest.approx(0.05 * 0.2, rel=0.1)


def test_too_little_depth_is_refused() -> None:
    rendered, alpha, measured, mask = _images(np.random.default_rng(0), 0.2)
    with pytest.raises(InputError, match="0 pixels"):
        scale_from_depth(rendered, alpha, np.full_like(measured, np.nan), mask)
    with pytest.raises(InputError, match="size hint"):
        scale_from_depth(rendered, np.zeros_like(alpha), measured, mask)


def _box_splat() -> Gaussians:
    """Opaque Gaussians over a box of 0.6 x 0.3 x 0.2, and faint ones far out that must not count."""
    rng = np.random.default_rng(0)
    means = np.concatenate([rng.uniform(-0.5, 0.5, (2000, 3)) * [0.6, 0.3, 0.2], rng.uniform(-2, 2, (100, 3))])
    opacity = torch.cat([torch.full((2000,), 0.9), torch.full((100,), 0.05)])
    n = len(means)
    quats = torch.tensor([1.0, 0, 0, 0]).expand(n, 4)
    return Gaussians(torch.from_numpy(means).float(), torch.full((n, 3), 0.005), quats, torch.rand(n, 3), opacity)


def _silhouette(points: np.ndarray, view: ObjectView) -> np.ndarray:
    """[S,S] 1 where points [N,3] of the normalised frame project, closed up."""
    uv = np.floor(view.camera.project(points + [0, 0, view.distance])).astype(int)
    alpha = np.zeros((view.size, view.size), np.uint8)
    alpha[uv[:, 1], uv[:, 0]] = 1
    return cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)).astype(np.float32)


def test_size_hint_is_the_largest_distance_of_two_points() -> None:
    diagonal = float(np.linalg.norm([0.6, 0.3, 0.2]))
    view = ObjectView(np.eye(3), 0.2, 64)
    alpha = _silhouette(_box_splat().means.numpy()[:2000], view)
    got = scale_from_size(_box_splat(), 0.2 * diagonal, view, alpha)
    assert got.value == pytest.approx(0.2, rel=0.1)
    assert 0 < got.sigma < 0.2 * got.value
    assert scale_from_size(_box_splat(), 0.2 * diagonal).value == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("opacity", [0.9, 0.15])
def test_a_thin_thing_whose_handle_is_faint_keeps_its_length(opacity: float) -> None:
    """A hammer: an opaque head, a handle whose Gaussians are few and faint, or missing; the silhouette knows."""
    rng = np.random.default_rng(0)
    head = rng.uniform(-0.5, 0.5, (800, 3)) * [0.1, 0.3, 0.1] + [0.4, 0, 0]
    handle = rng.uniform(-0.5, 0.5, (200, 3)) * [0.9, 0.04, 0.04] - [0.05, 0, 0]
    points = np.concatenate([head, handle])
    opacities = torch.cat([torch.full((800,), 0.9), torch.full((200,), opacity)])
    quats = torch.tensor([1.0, 0, 0, 0]).expand(1000, 4)
    splat = Gaussians(
        torch.from_numpy(points).float(), torch.full((1000, 3), 0.01), quats, torch.rand(1000, 3), opacities
    )
    view = ObjectView(np.eye(3), 0.2, 128)
    alpha = _silhouette(np.concatenate([points, np.linspace([-0.5, 0, 0], [0.45, 0, 0], 300)]), view)
    true = float(np.linalg.norm([0.95, 0.15, 0.05]))
    assert scale_from_size(splat, 0.3 * true, view, alpha).value == pytest.approx(0.3, rel=0.12)
    bare = splat.select(torch.arange(800))  # no handle at all
    assert scale_from_size(bare, 0.3 * true, view, alpha).value == pytest.approx(0.3, rel=0.12)


def test_gaussians_beside_the_silhouette_do_not_count() -> None:
    view = ObjectView(np.eye(3), 0.2, 64)
    splat = _box_splat()
    alpha = _silhouette(splat.means.numpy()[:2000], view)
    stray = splat.means.clone()
    stray[0] = torch.tensor([0.0, 0.7, 0.0])
    moved = replace(splat, means=stray)
    assert scale_from_size(moved, 0.1, view, alpha).value == pytest.approx(
        scale_from_size(splat, 0.1, view, alpha).value, rel=0.02
    )


def test_a_splat_beside_its_silhouette_or_without_extent_has_no_size() -> None:
    view = ObjectView(np.eye(3), 0.2, 64)
    with pytest.raises(InputError, match="empty"):
        scale_from_size(_box_splat(), 0.1, view, np.zeros((64, 64)))
    point = _box_splat().select(torch.zeros(5, dtype=torch.long))
    with pytest.raises(InputError, match="no extent"):
        scale_from_size(point, 0.1)


def test_plane_under_the_box_gives_its_scale_and_grazing_or_wrong_planes_are_refused() -> None:
    rotation = minimal_rotation_to(np.array([0.2, 0.3, 1.0]) / np.linalg.norm([0.2, 0.3, 1.0]))
    view = ObjectView(rotation, 0.2, 64)
    splat, scale = _box_splat(), 0.25
    centre = scale * view.distance * rotation[:, 2]
    # the box lies on its largest face: the plane is behind it along the optical axis, normal to the camera
    normal = -rotation[:, 2]
    offset = -float(normal @ (centre + scale * 0.1 * rotation[:, 2]))
    got = scale_from_plane(splat, view, Plane(normal, offset))
    assert got.value == pytest.approx(scale, rel=0.02)
    assert 0 < got.sigma < 0.05
    with pytest.raises(InputError, match="grazing"):
        scale_from_plane(splat, view, Plane(rotation[:, 0], 0.1))
    with pytest.raises(InputError, match="sign"):
        scale_from_plane(splat, view, Plane(normal, -offset))


def test_an_empty_splat_has_no_size() -> None:
    splat = _box_splat()
    faint = splat.select(splat.opacities < 0.1)
    with pytest.raises(InputError, match="empty"):
        scale_from_size(faint, 0.1)


@pytest.mark.parametrize(("factor", "taken"), [(1.0, "support_plane"), (1.2, "support_plane"), (1.5, "size_hint")])
def test_a_plane_that_agrees_with_a_size_hint_is_surer(factor: float, taken: str) -> None:
    rotation = minimal_rotation_to(np.array([0.2, 0.3, 1.0]) / np.linalg.norm([0.2, 0.3, 1.0]))
    view, splat, scale = ObjectView(rotation, 0.2, 64), _box_splat(), 0.25
    normal = -rotation[:, 2]
    plane = Plane(normal, float(scale * (view.distance + 0.1)))
    hinted = Scale(factor * scale, 0.08 * factor * scale, "size_hint")
    found = reconcile_scales(hinted, scale_from_plane(splat, view, plane))
    assert found.source == taken
    if taken == "size_hint":
        assert found.value == pytest.approx(hinted.value)
    else:  # nearer to the plane's scale than to the hint's
        assert -0.02 < np.log(found.value / scale) < 0.4 * np.log(factor) + 0.02


def test_plane_and_hint_together_are_surer_than_either() -> None:
    hinted, standing = Scale(0.22, 0.08 * 0.22, "size_hint"), Scale(0.2, 0.04 * 0.2, "support_plane")
    found = reconcile_scales(hinted, standing)
    assert found.source == "support_plane"
    assert found.value == pytest.approx(0.2 * 1.1**0.2)  # a fifth of the way: the hint's variance is four times larger
    assert found.sigma / found.value == pytest.approx(0.04 * 0.8**0.5)
    sure = Scale(0.2, 0.0, "support_plane")
    assert reconcile_scales(hinted, sure).value == pytest.approx(0.2)
    assert reconcile_scales(Scale(0.3, 0.02, "size_hint"), standing).source == "size_hint"
