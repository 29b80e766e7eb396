"""The roll of a silhouette by its moments: equivariant without a network, ill-defined where the silhouette is round."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def moment_roll(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """The roll that brings a silhouette's long axis upright, heavier half down, and how elongated it is.

    Args:
        alpha: [B,S,S] share of the object.

    Returns:
        [B] radians for :func:`~gsn_perception.gsn.network.roll_image`, and [B] the anisotropy of the second moments in
        [0, 1]: 0 for discs, squares and every shape of threefold or higher symmetry, where the angle means nothing.
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
    long = torch.where(mean(along**3) > 0, long + math.pi, long)  # skew: the light, drawn-out half points up
    anisotropy = torch.hypot(xx - yy, 2 * xy) / (xx + yy).clamp_min(1e-9)
    angle = math.pi / 2 - long  # the long axis to +y (down), the drawn-out half opposite
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi, anisotropy
