"""The CUDA backend: gsplat's rasteriser in classic mode (Ye et al. 2024)."""

from __future__ import annotations

import torch
from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.rendering.cameras import CameraBatch
from gsn_perception.rendering.conventions import EPS2D
from gsn_perception.rendering.conventions import NEAR
from gsn_perception.rendering.images import Rendering


def rasterise(gaussians: Gaussians, cameras: CameraBatch, background: Tensor, median_depth: bool) -> Rendering:
    """Draw B splats into V views each, in float32 on the splat's CUDA device, or the current one.

    gsplat draws no median depth of 3-D Gaussians: it is drawn by the CPU kernels, at their speed. Arguments as
    ``cpu.rasterise``, on any device.

    Raises:
        InputError: gsplat is not installed or was built without its CUDA extension.
    """
    device = gaussians.device if gaussians.means.is_cuda else torch.device("cuda")
    images = _gsplat(gaussians.to(device, torch.float32), cameras.to(device, torch.float32))
    rgb, depth, alpha = images.to(gaussians.means).split([3, 1, 1], dim=-1)
    rgb = rgb + (1 - alpha) * background[:, :, None, None]
    median = _median(gaussians, cameras, background) if median_depth else None
    return Rendering(rgb, alpha[..., 0], depth[..., 0], median)


def _gsplat(g: Gaussians, cameras: CameraBatch) -> Tensor:
    """Premultiplied rgb, accumulated depth and alpha [B,V,H,W,5]."""
    width, height = cameras.width, cameras.height
    if len(g) == 0:
        return torch.zeros(*cameras.batch, height, width, 5, device=g.device) + g.means.sum()
    try:
        from gsplat import rasterization

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
    except (ImportError, AttributeError, TypeError) as error:  # an unbuilt extension is None inside gsplat
        raise InputError(
            f"gsplat does not run here ({error}); install it with its CUDA extension, or use cpu"
        ) from error
    return torch.cat([images, alpha], -1)


def _median(gaussians: Gaussians, cameras: CameraBatch, background: Tensor) -> Tensor | None:
    from gsn_perception.rendering import cpu

    with torch.no_grad():
        rendering = cpu.rasterise(gaussians.to("cpu"), cameras.to("cpu"), background.cpu(), True)
    return rendering.to(gaussians.device).median_depth
