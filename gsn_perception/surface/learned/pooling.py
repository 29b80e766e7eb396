"""Pooling of point features into the cells of planes or of a volume, and interpolation at query points."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

PLANES = ((0, 2), (0, 1), (1, 2))
"""Axes of the three planes, as published: xz, xy, yz."""


def unit_coordinates(points: Tensor, half: float) -> Tensor:
    """Points [...,3] in the cube of side 2 half as coordinates in [0, 1]; points outside are clamped to the border."""
    return (points / (2 * half) + 0.5).clamp(0.0, 1.0)


def cell_index(unit: Tensor, resolution: int) -> Tensor:
    """Flat cell index [B,P] int64 of coordinates [B,P,D] in [0, 1]; the last axis is the slowest, as rows of images."""
    cell = (unit * resolution).long().clamp(max=resolution - 1)
    index = cell[..., -1]
    for axis in range(unit.shape[-1] - 2, -1, -1):
        index = index * resolution + cell[..., axis]
    return index


def pool_max(features: Tensor, index: Tensor, cells: int) -> Tensor:
    """For every point [B,P,C] the maximum over the points of its cell [B,P]."""
    spread = index[..., None].expand_as(features)
    pooled = features.new_full((len(features), cells, features.shape[-1]), float("-inf"))
    pooled = pooled.scatter_reduce(1, spread, features, "amax", include_self=True)
    return pooled.gather(1, spread)


def cell_means(features: Tensor, index: Tensor, cells: int) -> Tensor:
    """Means [B,C,cells] of features [B,P,C] over the points of each cell, 0 where there are none."""
    B, _, C = features.shape
    total = features.new_zeros((B, cells, C)).scatter_add(1, index[..., None].expand_as(features), features)
    count = features.new_zeros((B, cells)).scatter_add(1, index, torch.ones_like(features[..., 0]))
    return (total / count.clamp_min(1.0)[..., None]).transpose(1, 2)


def look_up(maps: Tensor, unit: Tensor) -> Tensor:
    """Features [B,Q,C] of maps [B,C,R,R] or [B,C,R,R,R] at coordinates [B,Q,D] in [0, 1], linear between corners."""
    B, Q, D = unit.shape
    grid = (2.0 * unit - 1.0).view(B, Q, *(1 for _ in range(D - 1)), D)
    found = grid_sample(maps.to(grid.dtype), grid, padding_mode="border", align_corners=True)
    return found.flatten(2).transpose(1, 2)
