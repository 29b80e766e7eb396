"""Gradients: cpu kernels against the reference's autograd, the reference against finite differences."""

from dataclasses import replace

import pytest
import torch

from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render

PARAMETERS = ("means", "scales", "quats", "colors", "opacities")


def loss_of(rendering, seed=5):
    """A random linear function of all differentiable images."""
    g = torch.Generator().manual_seed(seed)
    images = (rendering.rgb, rendering.alpha, rendering.depth)
    return sum((torch.randn(i.shape, generator=g, dtype=torch.float64).to(i) * i).sum() for i in images)


def gradients(splat, cameras, backend, background=None):
    leaf = splat.map(lambda t: t.clone().requires_grad_())
    loss_of(render(leaf, cameras, backend=backend, background=background)).backward()
    return {name: getattr(leaf, name).grad for name in PARAMETERS}


def assert_same_gradients(splat, cameras, rtol=1e-6, background=None):
    own = gradients(splat, cameras, "cpu", background)
    reference = gradients(splat, cameras, "reference", background)
    for name in PARAMETERS:
        size = reference[name].abs().max()
        assert torch.isfinite(own[name]).all(), name
        torch.testing.assert_close(own[name], reference[name], rtol=rtol, atol=float(rtol * size), msg=name)
    return own


@pytest.mark.parametrize("seed", range(3))
def test_ordinary_scenes(make_splat, make_cameras, seed):
    background = torch.tensor([0.2, 0.9, 0.4])
    own = assert_same_gradients(make_splat(2, 60, seed=seed), make_cameras(2, 3, seed=seed), background=background)
    assert all((own[name] != 0).any() for name in PARAMETERS)


def test_huge_and_tiny(make_splat, make_cameras):
    splat = make_splat(1, 40, seed=1)
    factor = torch.logspace(-4, 1.5, 40, dtype=torch.float64)[None, :, None]
    assert_same_gradients(replace(splat, scales=splat.scales * factor), make_cameras(1, 2))


def test_long_and_thin(make_splat, make_cameras):
    splat = make_splat(1, 40, seed=2)
    stretch = torch.tensor([30.0, 0.01, 1.0], dtype=torch.float64)
    assert_same_gradients(replace(splat, scales=splat.scales * stretch), make_cameras(1, 2))


def test_nearly_opaque_stops_early(make_splat, make_cameras):
    splat = make_splat(1, 80, seed=3, scale=0.4)
    opaque = 1 - 1e-4 * torch.rand(1, 80, dtype=torch.float64)
    splat = replace(splat, opacities=opaque)
    assert_same_gradients(splat, make_cameras(1, 2))
    assert render(splat, make_cameras(1, 2), backend="cpu").alpha.max() > 0.999


def test_around_the_camera(make_splat, make_cameras):
    """Behind the camera, next to it, off to every side: clamped Jacobians and culling."""
    splat = make_splat(1, 150, seed=4)
    splat = replace(splat, means=splat.means * 5)
    assert_same_gradients(splat, make_cameras(1, 4, distance=0.5))


def test_faint_gaussians_have_no_gradient(make_splat, make_cameras):
    splat = make_splat(1, 10)
    splat = replace(splat, opacities=torch.full((1, 10), 1 / 256, dtype=torch.float64))
    own = assert_same_gradients(splat, make_cameras())
    assert all((g == 0).all() for g in own.values())


def test_similarity_cameras(make_splat, make_cameras):
    """camera_from_object may carry a scale."""
    cameras = make_cameras(1, 2)
    poses = cameras.camera_from_object.clone()
    poses[..., :3, :] *= 0.7
    assert_same_gradients(make_splat(1, 30), CameraBatch(cameras.K, poses, cameras.width, cameras.height))


def test_float32_gradients_are_close(make_splat, make_cameras):
    splat, cameras = make_splat(2, 60, seed=6), make_cameras(2, 3)
    single, double = gradients(splat.to(dtype=torch.float32), cameras, "cpu"), gradients(splat, cameras, "cpu")
    for name in PARAMETERS:
        assert single[name].dtype == torch.float32
        error = (single[name] - double[name]).abs().max() / double[name].abs().max()
        assert error < 1e-4, name


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_bands_and_threads_change_nothing(make_splat, make_cameras, threads, monkeypatch):
    """Few views are cut into bands for the threads; the sum over bands is the gradient."""
    splat, cameras = make_splat(1, 60), make_cameras(1, 1, width=40, height=70)
    monkeypatch.setenv("NUMBA_NUM_THREADS", str(threads))
    assert_same_gradients(splat, cameras)


def test_reference_against_finite_differences(make_splat, make_cameras):
    """Central differences of random directions in parameter space; images are smooth but where alpha crosses 1/255."""
    cameras, step = make_cameras(1, 2), 1e-6
    splat = make_splat(1, 12, seed=7, scale=0.5)  # large: no edge of a splat within the image moves over a pixel
    splat = replace(splat, opacities=splat.opacities.clamp(0.3, 0.6))
    exact = gradients(splat, cameras, "reference")
    g = torch.Generator().manual_seed(1)
    for name in PARAMETERS:
        value = getattr(splat, name)
        for _ in range(4):
            direction = torch.randn(value.shape, generator=g, dtype=torch.float64)
            ends = [
                loss_of(render(replace(splat, **{name: value + s * direction}), cameras, backend="reference"))
                for s in (step, -step)
            ]
            numeric = (ends[0] - ends[1]) / (2 * step)
            torch.testing.assert_close((exact[name] * direction).sum(), numeric, rtol=1e-5, atol=1e-6)


def test_background_gradient(make_splat, make_cameras):
    splat, cameras = make_splat(1, 20), make_cameras(1, 2)
    found = []
    for backend in ("cpu", "reference"):
        background = torch.tensor([0.3, 0.5, 0.7], dtype=torch.float64, requires_grad=True)
        loss_of(render(splat, cameras, background=background, backend=backend)).backward()
        found.append(background.grad)
    torch.testing.assert_close(*found)


def test_unused_images_cost_no_gradient(make_splat, make_cameras):
    """A loss on alpha alone leaves the colours alone."""
    leaf = make_splat(1, 20).map(lambda t: t.clone().requires_grad_())
    render(leaf, make_cameras(), backend="cpu").alpha.sum().backward()
    assert (leaf.colors.grad == 0).all()
    assert (leaf.opacities.grad > 0).any()
