"""Layers of the occupancy networks: residual blocks, conditional batch norm, linear layers on coordinates."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn


class CoordinateLinear(nn.Linear):
    """A linear layer on coordinates in full precision: bfloat16 would round them to a hundredth of the box."""

    def forward(self, points: Tensor) -> Tensor:
        """[...,out] of [...,in]."""
        with torch.autocast(points.device.type, enabled=False):
            return super().forward(points.to(self.weight.dtype))


class ResidualFc(nn.Module):
    """x + W2 relu(W1 relu(x)), the shortcut linear where widths differ; W2 starts at zero."""

    def __init__(self, inputs: int, outputs: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = min(inputs, outputs) if hidden is None else hidden
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Linear(inputs, outputs, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[...,outputs] of [...,inputs]."""
        return self.shortcut(x) + self.second(torch.relu(self.first(torch.relu(x))))


class ConditionalNorm(nn.Module):
    """Batch norm over points [B,Q,H] whose scale and shift are linear in a condition [B,C] (papers.md 3.1)."""

    def __init__(self, condition: int, features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features, affine=False)
        self.scale, self.shift = nn.Linear(condition, features), nn.Linear(condition, features)
        for layer, value in ((self.scale, 1.0), (self.shift, 0.0)):
            nn.init.zeros_(layer.weight)
            nn.init.constant_(layer.bias, value)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """[B,Q,H]."""
        normed = self.norm(x.reshape(-1, x.shape[-1])).view_as(x)
        return self.scale(condition)[:, None] * normed + self.shift(condition)[:, None]


class ConditionalBlock(nn.Module):
    """A residual block with conditional norms before its two linear layers."""

    def __init__(self, condition: int, features: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(ConditionalNorm(condition, features) for _ in range(2))
        self.first, self.second = nn.Linear(features, features), nn.Linear(features, features)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """[B,Q,H]."""
        inner = self.first(torch.relu(self.norms[0](x, condition)))
        return x + self.second(torch.relu(self.norms[1](inner, condition)))
