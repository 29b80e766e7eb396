"""The CUDA backend: gsplat's rasteriser in classic mode (Ye et al. 2024)."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.rendering.cameras import CameraBatch
from gsn_perception.rendering.conventions import EPS2D
from gsn_perception.rendering.conventions import NEAR
from gsn_perception.rendering.images import Rendering


def rasterise(gaussians: Gaussians, cameras: CameraBatch, background: Tensor, median_depth: bool) -> Rendering:
    """Render B splats in V views each, in float32 on the splat's CUDA device, or the current one.

    gsplat has no median depth of 3-D Gaussians: the CPU kernels render it, at their speed. Arguments as
    ``cpu.rasterise``, on any device.

    Raises:
        InputError: gsplat is not installed or was built without its CUDA extension.
    """
    device = gaussians.device if gaussians.means.is_cuda else torch.device("cuda")
    images = premultiplied(gaussians.to(device, torch.float32), cameras.to(device, torch.float32))
    rgb, depth, alpha = images.to(gaussians.means).split([3, 1, 1], dim=-1)
    rgb = rgb + (1 - alpha) * background[:, :, None, None]
    median = _median(gaussians, cameras, background) if median_depth else None
    return Rendering(rgb, alpha[..., 0], depth[..., 0], median)


def premultiplied(g: Gaussians, cameras: CameraBatch) -> Tensor:
    """Gsplat's images [B,V,H,W,5]: rgb over black, accumulated depth, alpha.

    Raises:
        InputError: gsplat is not installed or was built without its CUDA extension.
    """
    width, height = cameras.width, cameras.height
    if len(g) == 0:
        return torch.zeros(*cameras.batch, height, width, 5, device=g.device) + g.means.sum()
    if find_spec("gsplat") is None:
        raise InputError("gsplat is not installed; install it with its CUDA extension, or use rendering backend cpu")
    from gsplat import rasterization

    try:
        images, alpha, _ = rasterization(
            means=g.means,
            quats=g.quats,
            scales=g.scales,
            opacities=g.opacities,
            colors=g.colors,
            viewmats=cameras.camera_from_object,
            Ks=cameras.K,
            width=width,
            height=height,
            near_plane=NEAR,
            eps2d=EPS2D,
            render_mode="RGB+D",
            rasterize_mode="classic",
            packed=False,
        )
    except AttributeError as error:  # gsplat sets an extension that was not built to None
        raise InputError(
            f"gsplat does not run here ({error}); install it with its CUDA extension, or use cpu"
        ) from error
    return torch.cat([images, alpha], -1)


def _median(gaussians: Gaussians, cameras: CameraBatch, background: Tensor) -> Tensor | None:
    from gsn_perception.rendering import cpu

    with torch.no_grad():
        rendering = cpu.rasterise(gaussians.to("cpu"), cameras.to("cpu"), background.cpu(), True)
    return rendering.to(gaussians.device).median_depth
