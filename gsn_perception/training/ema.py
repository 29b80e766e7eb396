"""Exponential moving average (EMA) of weights and batch-norm statistics."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch import nn


class Ema:
    """Averaged copy of a module's state; buffers (batch-norm statistics) are averaged too.

    At high learning rates the running statistics of batch norm lag behind the weights; averaging both stabilises evaluation.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.state = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the module's state; early updates use a smaller decay, so that initial values vanish soon."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        state = module.state_dict()
        smooth = [key for key, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.state[k] for k in smooth], [state[k] for k in smooth], 1 - decay)
        for key in state.keys() - set(smooth):
            self.state[key].copy_(state[key])

    def load(self, state: Mapping[str, Tensor], updates: int) -> None:
        """Continue from a stored average."""
        self.state = {k: v.clone() for k, v in state.items()}
        self.updates = updates
