"""The multi-view loss (GSN section III-C) with mask, depth and shape terms."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.rendering import Rendering
from gsn_perception.training.config import LossWeights
from gsn_perception.training.data import Batch
from gsn_perception.training.losses.geometry import depth_error
from gsn_perception.training.losses.geometry import normal_error
from gsn_perception.training.losses.geometry import surface_distance

_NEEDLE_CAP = 0.08
_FAINT = 0.02
_REACH = 0.6


@lru_cache(maxsize=8)
def _window(size: int, device: torch.device) -> Tensor:
    """Banded [size,size] matrix of the 11-tap Gaussian window (sigma 1.5), rows normalised at the border.

    On a CPU two products with this matrix are much faster than a depthwise convolution.
    """
    index = torch.arange(size, device=device)
    offset = (index[:, None] - index[None, :]).float()
    band = torch.exp(-offset.square() / (2 * 1.5**2)) * (offset.abs() <= 5)
    return band / band.sum(1, keepdim=True)


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """SSIM maps [...,3,S,S] of images in [0, 1] (Wang et al. 2004, 11x11 Gaussian window)."""
    window = _window(a.shape[-1], a.device).to(a.dtype)

    def blur(x: Tensor) -> Tensor:
        return window @ x @ window.T

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a.square(), blur(b * b) - mean_b.square()
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return top / ((mean_a.square() + mean_b.square() + c1) * (var_a + var_b + c2))


def loss_parts(gaussians: Gaussians, rendering: Rendering, batch: Batch, weights: LossWeights) -> dict[str, Tensor]:
    """All parts of the loss, unweighted, by the names of their weights."""
    error = rendering.rgb - batch.rgb
    parts = {"l2": error.square().mean(), "l1": error.abs().mean()}
    if weights.dssim:
        a, b = rendering.rgb.movedim(-1, -3), batch.rgb.movedim(-1, -3)
        parts["dssim"] = (1 - ssim_map(a, b).mean()) / 2
    parts["mask"] = (rendering.alpha - batch.alpha).square().mean()
    if weights.depth:
        parts["depth"] = depth_error(rendering, batch)
    if weights.normal:
        parts["normal"] = normal_error(rendering, batch)
    if weights.surface:
        parts["surface"] = surface_distance(gaussians, batch.surface)
    parts["transparency"] = (1 - gaussians.opacities).mean()
    parts["alive"] = torch.relu(math.log(_FAINT) - torch.log(gaussians.opacities.clamp_min(1e-8))).mean()
    parts["stray"] = torch.relu(gaussians.means.norm(dim=-1) - _REACH).mean()
    longest = gaussians.scales.amax(-1)
    parts["needle"] = torch.relu(longest / _NEEDLE_CAP - 1).mean()
    return parts


def total(parts: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """The weighted sum of the parts."""
    return torch.stack([getattr(weights, name) * value for name, value in parts.items()]).sum()
