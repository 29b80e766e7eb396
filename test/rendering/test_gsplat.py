"""The CUDA backend: what is asked of gsplat, and, where there is a GPU, what comes back."""

import inspect
from dataclasses import replace

import pytest
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import cuda
from gsn_perception.rendering import reference
from gsn_perception.rendering import render

gsplat = pytest.importorskip("gsplat", reason="gsplat is not installed")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def _draw(splat, cameras, backend, device):
    leaf = splat.map(lambda t: t.to(device).detach().requires_grad_())
    image = render(leaf, cameras, background=torch.tensor([0.3, 0.6, 0.9]), backend=backend, median_depth=True)
    weight = torch.linspace(0.5, 1.5, image.rgb.numel()).reshape(image.rgb.shape).to(device)
    ((weight * image.rgb).sum() + image.alpha.square().sum() + image.depth.square().sum()).backward()
    return image.to("cpu"), leaf.map(lambda t: t.grad.cpu())


@pytest.mark.gpu
@needs_cuda
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


@pytest.mark.gpu
@needs_cuda
def test_no_gaussians(make_cameras):
    empty = Gaussians(*(torch.zeros(1, 0, w, device="cuda") for w in (3, 3, 4, 3)), torch.zeros(1, 0, device="cuda"))
    assert (render(empty, make_cameras()).alpha == 0).all()


def test_what_gsplat_is_asked_for(make_splat, make_cameras, monkeypatch):
    """Its place taken by the reference, behind gsplat's own signature: names, conventions, order of channels."""
    signature = inspect.signature(gsplat.rasterization)

    def rasterization(**options):
        a = signature.bind(**options).arguments
        assert (a["render_mode"], a["rasterize_mode"], a["eps2d"], a["near_plane"]) == ("RGB+D", "classic", 0.3, 0.01)
        splat = Gaussians(*(a[name] for name in ("means", "scales", "quats", "colors", "opacities")))
        cameras = CameraBatch(a["Ks"], a["viewmats"], a["width"], a["height"])
        image = reference.rasterise(splat, cameras, torch.zeros(*cameras.batch, 3, dtype=splat.means.dtype), False)
        return torch.cat([image.rgb, image.depth[..., None]], -1), image.alpha[..., None], {}

    monkeypatch.setattr(gsplat, "rasterization", rasterization)
    splat, cameras = make_splat(2, 20), make_cameras(2, 3)
    images = cuda.premultiplied(splat, cameras)
    expected = render(splat, cameras, backend="reference")
    torch.testing.assert_close(images[..., :3], expected.rgb)
    torch.testing.assert_close(images[..., 3], expected.depth)
    torch.testing.assert_close(images[..., 4], expected.alpha)


def test_gsplat_without_its_extension_is_refused(make_splat, make_cameras, monkeypatch):
    def rasterization(**_):
        raise AttributeError("'NoneType' object has no attribute 'projection_ewa_3dgs_fused_fwd'")

    monkeypatch.setattr(gsplat, "rasterization", rasterization)
    with pytest.raises(InputError, match="install it with its CUDA extension"):
        cuda.premultiplied(make_splat(1, 3), make_cameras())
