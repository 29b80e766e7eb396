"""The CUDA backend against the cpu kernels."""

from dataclasses import replace

import pytest
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.rendering import render

gsplat = pytest.importorskip("gsplat", reason="gsplat is not installed")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def _draw(splat, cameras, backend, device):
    leaf = splat.map(lambda t: t.to(device).detach().requires_grad_())
    image = render(leaf, cameras, background=torch.tensor([0.3, 0.6, 0.9]), backend=backend, median_depth=True)
    weight = torch.linspace(0.5, 1.5, image.rgb.numel()).reshape(image.rgb.shape).to(device)
    ((weight * image.rgb).sum() + image.alpha.square().sum() + image.depth.square().sum()).backward()
    return image.to("cpu"), leaf.map(lambda t: t.grad.cpu())


def test_gsplat_agrees_with_the_cpu_kernels(make_splat, make_cameras):
    splat = make_splat(2, 300, dtype=torch.float32)
    splat = replace(splat, means=splat.means * 1.5)
    cameras = make_cameras(2, 3, width=50, height=37)
    own, own_gradients = _draw(splat, cameras, "cpu", "cpu")
    other, other_gradients = _draw(splat, cameras, "auto", "cuda")
    for name in ("rgb", "alpha", "depth", "median_depth"):
        a, b = getattr(own, name), getattr(other, name)
        torch.testing.assert_close(a, b, atol=1 / 255, rtol=1e-3, msg=name)
    for name in ("means", "scales", "quats", "colors", "opacities"):
        a, b = getattr(own_gradients, name), getattr(other_gradients, name)
        assert (a - b).norm() / a.norm() < 1e-2, name


def test_no_gaussians(make_cameras):
    empty = Gaussians(*(torch.zeros(1, 0, w, device="cuda") for w in (3, 3, 4, 3)), torch.zeros(1, 0, device="cuda"))
    assert (render(empty, make_cameras()).alpha == 0).all()
