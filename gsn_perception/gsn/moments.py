"""Canonical roll of a silhouette from its image moments; ill-defined for round silhouettes."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def moment_roll(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """The roll that turns a silhouette's long axis upright with the heavier half down, and the elongation.

    Args:
        alpha: [B,S,S] coverage by the object in [0, 1].

    Returns:
        [B] radians for :func:`~gsn_perception.gsn.network.roll_image`, and [B] the anisotropy of the second moments in
        [0, 1]: 0 for discs, squares and every shape of threefold or higher symmetry, whose angle is arbitrary.
    """
    size = alpha.shape[-1]
    axis = (torch.arange(size, device=alpha.device, dtype=alpha.dtype) + 0.5) * (2 / size) - 1
    y, x = axis[:, None].expand(size, size), axis[None, :].expand(size, size)
    mass = alpha.sum((-1, -2)).clamp_min(1e-6)

    def mean(values: Tensor) -> Tensor:
        return (alpha * values).sum((-1, -2)) / mass

    x = x - mean(x)[:, None, None]
    y = y - mean(y)[:, None, None]
    xx, yy, xy = mean(x * x), mean(y * y), mean(x * y)
    long = 0.5 * torch.atan2(2 * xy, xx - yy)  # angle of the long axis from x
    along = torch.cos(long)[:, None, None] * x + torch.sin(long)[:, None, None] * y
    long = torch.where(mean(along**3) > 0, long + math.pi, long)  # skewness: the lighter, elongated half points up
    anisotropy = torch.hypot(xx - yy, 2 * xy) / (xx + yy).clamp_min(1e-9)
    angle = math.pi / 2 - long  # the heavier half to +y (down), the elongated half to -y
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi, anisotropy
