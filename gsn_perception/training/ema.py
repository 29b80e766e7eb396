"""Exponential moving average of weights and batch-norm statistics."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch import nn


class Ema:
    """Averaged copy of a module's state; buffers (batch-norm statistics) are averaged too.

    At high learning rates batch norm's running statistics lag the weights; averaging both keeps evaluation steady.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.state = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the module; early updates move faster, so that the start is forgotten."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)

    def load(self, state: Mapping[str, Tensor], updates: int) -> None:
        """Go on from a stored average."""
        self.state = {k: v.clone() for k, v in state.items()}
        self.updates = updates
