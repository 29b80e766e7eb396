"""Linear layers with int8 weights, exactly those of a compressed checkpoint: a quarter of the memory and of the reading."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch import nn

M = TypeVar("M", bound=nn.Module)
_LARGEST = 127
_FEW = 16  # rows; with more of them a product of float32 matrices is faster


class PackedLinear(nn.Module):
    """A ``Linear`` with one step per row; its float32 weights are ``step * values``."""

    def __init__(self, values: Tensor, step: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.values: Tensor
        self.step: Tensor
        self.bias: Tensor | None
        self.register_buffer("values", values)
        self.register_buffer("step", step)
        self.register_buffer("bias", bias)
        self._arrays: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """[...,inputs] to [...,outputs]; engines that read this graph multiply without unpacking the weights."""
        here = x.device.type == self.values.device.type == "cpu"
        if here and not torch.jit.is_tracing() and x.numel() <= _FEW * x.shape[-1]:
            return self._multiplied(x)
        return nn.functional.linear(x.to(torch.float32), self.values.to(torch.float32) * self.step, self.bias)

    def _multiplied(self, x: Tensor) -> Tensor:
        """The same for a few rows, without a float32 matrix in memory; no gradients."""
        from gsn_perception.engines.byte_product import times_bytes

        if self._arrays is None:
            given = torch.zeros(len(self.values)) if self.bias is None else self.bias
            self._arrays = (self.values.numpy(), self.step[:, 0].numpy(), given.detach().numpy())
        rows = np.ascontiguousarray(x.detach().to(torch.float32).numpy().reshape(-1, x.shape[-1]))
        out = np.empty((len(rows), len(self.values)), dtype=np.float32)
        values, step, bias = self._arrays
        times_bytes(rows, values, step, bias, out)
        return torch.from_numpy(out.reshape(*x.shape[:-1], -1))


@torch.no_grad()
def packed(network: M) -> M:
    """The same network with every ``Linear`` layer packed whose weights are whole multiples of a step per row, changed in place.

    Large matrices of checkpoints are stored like this (:mod:`gsn_perception.io.checkpoints`); others stay as they are.
    """
    for module in network.modules():
        for name, child in list(module.named_children()):
            made = _packed_layer(child) if isinstance(child, nn.Linear) else None
            if made is not None:
                setattr(module, name, made)
    return network


@torch.no_grad()
def unpacked(network: M) -> M:
    """The same network with plain ``Linear`` layers again, changed in place."""
    for module in network.modules():
        for name, child in list(module.named_children()):
            if isinstance(child, PackedLinear):
                outputs, inputs = child.values.shape
                made = nn.Linear(inputs, outputs, bias=child.bias is not None, device="meta")
                made.weight = nn.Parameter(child.values.to(torch.float32) * child.step, requires_grad=False)
                if child.bias is not None:
                    made.bias = nn.Parameter(child.bias, requires_grad=False)
                setattr(module, name, made)
    return network


def _packed_layer(layer: nn.Linear) -> PackedLinear | None:
    weight = layer.weight.detach()
    step = weight.abs().amax(1, keepdim=True) / _LARGEST
    if not bool((step > 0).all()):
        return None
    values = (weight / step).round()
    if not torch.equal(values * step, weight):
        return None
    return PackedLinear(values.to(torch.int8).contiguous(), step, None if layer.bias is None else layer.bias.detach())
