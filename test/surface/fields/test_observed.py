"""What the input view proves: measured depth carves and fills, the mask's outside carves, what is hidden says nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.surface import DepthView
from gsn_perception.surface import gaussian_solid_mesh
from gsn_perception.surface.fields.observed import observed_view

VIEW = ObjectView(np.eye(3), 0.2, 96)
RADIUS = 0.35


def _sphere_splat(radius: float, centre_z: float = 0.0, count: int = 2500) -> Gaussians:
    """Gaussians over a sphere of the normalised frame (a Fibonacci lattice)."""
    step = np.arange(count) + 0.5
    z, turn = 1 - 2 * step / count, np.pi * (1 + 5**0.5) * step
    ring = np.sqrt(1 - z**2)
    means = radius * np.stack([ring * np.cos(turn), ring * np.sin(turn), z], 1) + [0, 0, centre_z]
    quats = torch.tensor([1.0, 0, 0, 0]).expand(count, 4)
    return Gaussians(
        torch.from_numpy(means).float(),
        torch.full((count, 3), 0.02),
        quats,
        torch.rand(count, 3),
        torch.full((count,), 0.9),
    )


def _true_depth(camera: Camera, radius: float) -> np.ndarray:
    """Depth of the sphere about the normalised origin, inf beside it, by solving the quadratic."""
    rays = camera.pixel_rays()
    a, b = (rays**2).sum(-1), -rays[..., 2] * VIEW.distance
    inside = b**2 - a * (VIEW.distance**2 - radius**2)
    return np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, np.inf).astype(np.float32)


@pytest.mark.parametrize("shift", [0.06, -0.06])
def test_a_splat_too_near_or_too_far_still_meets_the_measured_surface(shift: float) -> None:
    """Carving alone mends only the one that is too near."""
    camera = VIEW.normalised_camera
    depth = _true_depth(camera, RADIUS)
    splat = _sphere_splat(RADIUS, shift)
    plain = gaussian_solid_mesh(splat, view=VIEW, resolution=48)
    fused = gaussian_solid_mesh(splat, view=VIEW, resolution=48, observed=DepthView(camera, depth))
    assert fused.is_watertight()

    def error(mesh) -> float:
        front = mesh.vertices[(mesh.vertices[:, 2] < -0.2) & (np.linalg.norm(mesh.vertices[:, :2], axis=1) < 0.2)]
        return float(np.abs(np.linalg.norm(front, axis=1) - RADIUS).mean())

    assert error(plain) > 0.035
    assert error(fused) < 0.02


def _crop(depth: np.ndarray | None, alpha: np.ndarray, unknown: np.ndarray | None = None) -> Crop:
    rgb = np.ones((96, 96, 3), np.float32)
    return Crop(VIEW, rgb, alpha, np.zeros_like(alpha) if unknown is None else unknown, depth)


def test_the_observed_view_says_what_each_pixel_proves() -> None:
    true = _true_depth(VIEW.camera, RADIUS)
    alpha = np.isfinite(true).astype(np.float32)
    depth = np.where(np.isfinite(true), 0.2 * true, np.nan).astype(np.float32)
    depth[40:44, 40:44] = np.nan  # a hole of the sensor
    depth[60:70, 60:70] = 3.0  # a reading far behind
    unknown = np.zeros_like(alpha)
    unknown[:, :8] = 1.0
    scale = Scale(0.2, 0.001, "depth")
    view = observed_view(_crop(depth, alpha, unknown), scale)
    beside = (alpha == 0) & (unknown == 0)
    assert np.isposinf(view.depth[beside]).all()
    assert np.isnan(view.depth[(alpha == 0) & (unknown == 1)]).all()
    known = np.isfinite(view.depth)
    assert (np.abs(view.depth - true)[known] < 0.09).all()  # at the limb a pixel is worth this much
    assert known[(alpha == 1)].mean() > 0.9
    assert np.isnan(view.depth[64:66, 64:66]).all()
    assert np.isfinite(view.depth[40:44, 40:44]).all()  # a small hole takes its neighbours' depth

    # a depth that did not fix the scale is not measured in the splat's units: silhouette only
    hinted = observed_view(_crop(depth, alpha, unknown), replace(scale, source="size_hint"))
    assert not np.isfinite(hinted.depth).any()
    assert np.isposinf(hinted.depth[beside]).all()


def test_a_silhouette_alone_trims_the_splat() -> None:
    small = _true_depth(VIEW.camera, 0.25)
    alpha = np.isfinite(small).astype(np.float32)
    view = observed_view(_crop(None, alpha), Scale(0.2, float("nan"), "size_hint"))
    mesh = gaussian_solid_mesh(_sphere_splat(RADIUS), view=VIEW, resolution=48, observed=view)
    uv = VIEW.camera.project(mesh.vertices.astype(float) + [0, 0, VIEW.distance])
    from_centre = np.linalg.norm(uv - 48, axis=1)
    allowed = np.sqrt(alpha.sum() / np.pi) + 2.5
    assert np.quantile(from_centre, 0.99) < allowed
    assert mesh.is_watertight()


def _with_fin(splat: Gaussians) -> Gaussians:
    """A faint sheet that faces the camera beside the sphere, as a network draws the far rim of a cup."""
    x, y = np.meshgrid(np.linspace(0.38, 0.46, 9), np.linspace(-0.1, 0.1, 21))
    means = torch.from_numpy(np.stack([x, y, 0 * x], -1).reshape(-1, 3)).float()
    n = len(means)
    return Gaussians(
        torch.cat([splat.means, means]),
        torch.cat([splat.scales, torch.tensor([0.012, 0.012, 0.004]).expand(n, 3)]),
        torch.cat([splat.quats, torch.tensor([1.0, 0, 0, 0]).expand(n, 4)]),
        torch.cat([splat.colors, torch.rand(n, 3)]),
        torch.cat([splat.opacities, torch.full((n,), 0.25)]),
    )


def test_a_thin_part_seen_without_depth_stays() -> None:
    splat = _with_fin(_sphere_splat(0.3))
    camera = VIEW.normalised_camera
    nowhere = DepthView(camera, np.full((96, 96), np.nan, np.float32))
    everywhere = np.ones((96, 96), bool)

    def width(mesh) -> float:
        """How far the mesh reaches to the right of the sphere, at the height of its middle."""
        middle = mesh.vertices[np.abs(mesh.vertices[:, 1]) < 0.05]
        return float(middle[:, 0].max())

    lost = gaussian_solid_mesh(splat, resolution=64, observed=nowhere)
    kept = gaussian_solid_mesh(splat, resolution=64, observed=nowhere, silhouette=everywhere)
    assert kept.is_watertight()
    assert width(lost) < 0.35
    assert width(kept) > 0.42
