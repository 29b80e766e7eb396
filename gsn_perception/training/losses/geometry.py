"""Losses against the true geometry: depth, normals, surface samples."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.rendering import Rendering
from gsn_perception.training.data import Batch

_CLIP = 0.25
_COVERED = 0.5
_SAMPLES = 256


def depth_error(rendering: Rendering, batch: Batch) -> Tensor:
    """Mean absolute error of accumulated depth against alpha times the true depth, over the object's pixels.

    Comparing accumulated depth avoids a division by small alphas; errors are clipped at a quarter of the cube.
    """
    inside = ((batch.depth > 0) & (batch.alpha > 0.99)).to(rendering.depth.dtype)
    error = (rendering.depth - rendering.alpha * batch.depth).abs().clamp_max(_CLIP)
    return (error * inside).sum() / inside.sum().clamp_min(1)


def normal_error(rendering: Rendering, batch: Batch) -> Tensor:
    """Mean of 1 - cos between the normals of rendered and of true depth, where both cover a pixel and its neighbours.

    Normals are cross products of central differences of unprojected depth, in the camera's frame.
    """
    depth = rendering.depth / rendering.alpha.clamp_min(_COVERED)
    covered = (batch.depth > 0) & (batch.alpha > 0.99) & (rendering.alpha.detach() > _COVERED)
    inside = covered[..., 1:-1, 1:-1] & covered[..., :-2, 1:-1] & covered[..., 2:, 1:-1]
    inside = inside & covered[..., 1:-1, :-2] & covered[..., 1:-1, 2:]
    apart = 1 - (depth_normals(depth, batch.cameras.K) * depth_normals(batch.depth, batch.cameras.K)).sum(-1)
    return (apart * inside).sum() / inside.sum().clamp_min(1)


def depth_normals(depth: Tensor, K: Tensor) -> Tensor:
    """Unit normals [...,H-2,W-2,3] of depth [...,H,W] seen by pinhole cameras K [...,3,3], towards the camera."""
    H, W = depth.shape[-2:]
    u = torch.arange(W, device=depth.device) + 0.5
    v = torch.arange(H, device=depth.device) + 0.5
    x = (u - K[..., 0, 2, None, None]) / K[..., 0, 0, None, None] * depth
    y = (v[:, None] - K[..., 1, 2, None, None]) / K[..., 1, 1, None, None] * depth
    points = torch.stack([x, y, depth], -1)
    across = points[..., 1:-1, 2:, :] - points[..., 1:-1, :-2, :]
    down = points[..., 2:, 1:-1, :] - points[..., :-2, 1:-1, :]
    return normalize(torch.linalg.cross(down, across, dim=-1), dim=-1)


def surface_distance(gaussians: Gaussians, surface: Tensor) -> Tensor:
    """Chamfer distance between centres [B,N], weighted by opacity, and samples [B,P,3] of the true surface.

    A random subset of the samples is used; distances are clipped at a quarter of the cube.
    """
    pick = torch.randperm(surface.shape[1], device=surface.device)[:_SAMPLES]
    apart = torch.cdist(surface[:, pick], gaussians.means)
    weight = gaussians.opacities / gaussians.opacities.sum(1, keepdim=True).clamp_min(1e-6)
    stray = (apart.amin(1).clamp_max(_CLIP) * weight).sum(1)
    seen = gaussians.opacities.detach()[:, None] > 0.1
    bare = apart.masked_fill(~seen, _CLIP).amin(2).clamp_max(_CLIP).mean(1)
    return 0.5 * (stray + bare).mean()
