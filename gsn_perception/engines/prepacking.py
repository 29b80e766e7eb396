"""Convolutions with weights in the layout of oneDNN, fused with what follows; exact to rounding.

Torch brings the weights of a convolution into oneDNN's layout in every call. For one small image this takes as long as the
convolution. Its compiler packs them once, by operators that need no compiler: this module calls the same operators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor
from torch import nn

M = TypeVar("M", bound=nn.Module)


class PrepackedConv(nn.Module):
    """A ``Conv2d`` for inference on the CPU in float32.

    Args:
        layer: Padded with zeros.
        shape: Of the inputs; other shapes are possible, but slower.
    """

    def __init__(self, layer: nn.Conv2d, shape: torch.Size) -> None:
        super().__init__()
        self.out_channels, self.kernel_size = layer.out_channels, layer.kernel_size
        self._geometry = (list(layer.padding), list(layer.stride), list(layer.dilation), layer.groups)
        self.bias = layer.bias
        # not a buffer: an opaque tensor has no storage that could be copied or converted
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            layer.weight.detach(), *self._geometry, list(shape)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B,C,H,W] to [B,D,H',W'], channels last."""
        return self._run(x, "none")

    def activated(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """``relu(conv(x) + shortcut)`` in one pass."""
        if shortcut is None:
            return self._run(x, "relu")
        operator = torch.ops.mkldnn._convolution_pointwise.binary
        return operator(x, shortcut, self._weight, self.bias, *self._geometry, "add", 1.0, "relu", [], None)

    def _run(self, x: Tensor, name: str) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(x, self._weight, self.bias, *self._geometry, name, [], "")

    def plain(self) -> nn.Conv2d:
        """The layer that was packed."""
        weight = self._weight.to_dense()
        padding, stride, dilation, groups = self._geometry
        made = nn.Conv2d(
            weight.shape[1] * groups, self.out_channels, self.kernel_size,  # type: ignore[arg-type]
            stride, padding, dilation, groups, bias=self.bias is not None, device="meta",  # type: ignore[arg-type]
        )  # fmt: skip
        made.weight, made.bias = nn.Parameter(weight, requires_grad=False), self.bias
        return made.eval()


def activated(conv: nn.Module, norm: nn.Module, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
    """``relu(norm(conv(x)) + shortcut)``, in one pass where the norm is folded and the convolution packed."""
    if isinstance(conv, PrepackedConv) and isinstance(norm, nn.Identity):
        return conv.activated(x, shortcut)
    y = norm(conv(x))
    return torch.relu(y if shortcut is None else y + shortcut)


@torch.no_grad()
def prepacked(network: M, run: Callable[[], object]) -> M:
    """The same network with packed convolutions, changed in place; unchanged where this torch can't pack them.

    Args:
        network: On the CPU, float32, in eval mode.
        run: Runs the network once on inputs of the usual size.
    """
    shapes: dict[nn.Module, torch.Size] = {}
    layers = [m for m in network.modules() if type(m) is nn.Conv2d and m.padding_mode == "zeros"]
    layers = [layer for layer in layers if not isinstance(layer.padding, str)]
    hooks = [layer.register_forward_pre_hook(lambda m, given: shapes.update({m: given[0].shape})) for layer in layers]
    run()
    for hook in hooks:
        hook.remove()
    try:
        made = {layer: PrepackedConv(layer, shapes[layer]) for layer in layers if layer in shapes}
        for layer, replacement in made.items():
            replacement(torch.zeros(shapes[layer]))
    except (AttributeError, RuntimeError):  # a torch without oneDNN or with other operators
        return network
    for module in network.modules():
        for name, child in list(module.named_children()):
            if child in made:
                setattr(module, name, made[child])
    return network


@torch.no_grad()
def unprepacked(network: M) -> M:
    """The same network with plain convolutions again, changed in place."""
    for module in network.modules():
        for name, child in list(module.named_children()):
            if isinstance(child, PrepackedConv):
                setattr(module, name, child.plain())
    return network
