"""Measured depth as network input: relative to its own median, so that no metric scale is needed.

A depth image determines the visible surface up to the scale of the normalised frame. The encoder reads depth over its
median. The refinement compares the splat with the depth: it fits the scale as :mod:`gsn_perception.gsn.scale` does (one
robust ratio, no offset) and gives each Gaussian its distance behind the measured surface.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn

MIN_PIXELS = 20
_REACH = 1.5  # normalised units; the cone bounds the object across the view, not along it


@torch.no_grad()
def relative_depth(depth: Tensor, alpha: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Depth of the object relative to its median, in normalised units, and its validity.

    Args:
        depth: [B,S,S] along the virtual camera's z in any unit; not finite or not positive = unknown.
        alpha: [B,S,S] coverage by the object.
        theta: [B] half-angles of the objects' cones, radians.

    Returns:
        ``(z / median(z) - 1) / (2 sin theta)``, 0 where unknown, and the validity, 1 where known, [B,S,S] each. Depth
        too far from the median is background at the mask's edge and counts as unknown.
    """
    usable = torch.isfinite(depth) & (depth > 0) & (alpha > 0.5)
    values = torch.where(usable, depth, torch.nan).flatten(1)
    middle = values.nanmedian(1).values[:, None, None]
    value = (depth / middle - 1) * cube_distance(theta)[:, None, None]
    known = usable & (value.abs() < _REACH)
    known &= (known.flatten(1).sum(1) >= MIN_PIXELS)[:, None, None]
    return torch.where(known, value, 0.0).to(alpha), known.to(alpha)


def depth_residual(measured: Tensor, sampled: Tensor, z: Tensor, front: Tensor, theta: Tensor) -> Tensor:
    """Distance of each Gaussian behind the measured surface, and whether it is known: [B,N,2].

    Args:
        measured: [B,2,S,S] the depth channels of the network's input.
        sampled: [B,N,2] the depth channels at the projections of the Gaussians.
        z: [B,N] depth of the Gaussians from the camera, normalised units.
        front: [B,C*C] depth of the splat's front in a grid of cells, inf where there is none.
        theta: [B] radians.
    """
    d = cube_distance(theta)[:, None]
    with torch.no_grad():
        side = round(front.shape[1] ** 0.5)
        value, known = nn.functional.adaptive_avg_pool2d(measured, side).flatten(2).unbind(1)
        usable = (known > 0.5) & torch.isfinite(front)
        ratio = front / (value / known.clamp_min(0.5) + d)
        ratio = torch.where(usable, ratio, torch.nan).nanmedian(1).values.nan_to_num(1.0)[:, None]
    value, known = sampled.unbind(-1)
    certain = (known > 0.5).to(z)
    behind = z - ratio * (value / known.clamp_min(0.5) + d)
    return torch.stack([4 * behind.clamp(-0.5, 0.5) * certain, certain], -1)


def cube_distance(theta: Tensor) -> Tensor:
    """Distance [B] from the camera to the cube's centre in normalised units; ``ObjectView.distance`` for batches."""
    return 0.5 / torch.sin(theta)
