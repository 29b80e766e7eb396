"""Convolutions and ``Linear`` layers in the layout of oneDNN, fused with what follows; exact to rounding.

Torch brings the weights of a convolution into oneDNN's layout in every call. For one small image this takes as long as the
convolution. Its compiler packs them once, by operators that need no compiler: this module calls the same operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterator
from copy import copy
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor
from torch import nn

M = TypeVar("M", bound=nn.Module)
_ROWS_FROM = 64  # of a Linear layer's input; fewer only read the matrix, which other layouts do as fast


class _Packed(nn.Module):
    """A layer with an opaque weight, which can't be copied, but never changes: copies share it."""

    def __deepcopy__(self: M, memo: dict[int, object]) -> M:
        made = copy(self)
        made._parameters = dict(self._parameters)
        return made


class PrepackedConv(_Packed):
    """A ``Conv2d`` for inference on the CPU in float32.

    Args:
        layer: Padded with zeros.
        shape: Of the inputs; other shapes are possible, but slower.
        relu: Whether a ReLU follows.
    """

    def __init__(self, layer: nn.Conv2d, shape: torch.Size, *, relu: bool = False) -> None:
        super().__init__()
        self.relu, self.bias = relu, layer.bias
        self._sizes = (layer.in_channels, layer.out_channels, layer.kernel_size)
        self._geometry = (list(layer.padding), list(layer.stride), list(layer.dilation), layer.groups)
        # not a buffer: an opaque tensor has no storage that could be copied or converted
        pack = torch.ops.mkldnn._reorder_convolution_weight
        self._weight = pack(layer.weight.detach(), *self._geometry, list(shape))

    def forward(self, x: Tensor) -> Tensor:
        """[B,C,H,W] to [B,D,H',W'], channels last."""
        return self._run(x, relu=self.relu)

    def activated(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """``relu(conv(x) + shortcut)`` in one pass."""
        if shortcut is None:
            return self._run(x, relu=True)
        operator = torch.ops.mkldnn._convolution_pointwise.binary
        return operator(x, shortcut, self._weight, self.bias, *self._geometry, "add", 1.0, "relu", [], None)

    def _run(self, x: Tensor, *, relu: bool) -> Tensor:
        follows = "relu" if relu else "none"
        return torch.ops.mkldnn._convolution_pointwise(x, self._weight, self.bias, *self._geometry, follows, [], "")

    def plain(self) -> nn.Conv2d:
        """The layer that was packed."""
        padding, stride, dilation, groups = self._geometry
        shape = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        made = nn.Conv2d(*self._sizes, **shape, bias=self.bias is not None, device="meta")  # type: ignore[arg-type]
        made.weight, made.bias = nn.Parameter(self._weight.to_dense(), requires_grad=False), self.bias
        return made.eval()


class PrepackedLinear(_Packed):
    """A ``Linear`` layer for many rows, for inference on the CPU in float32.

    Args:
        layer: The layer.
        rows: Usual number of rows; other numbers are possible, but slower.
        relu: Whether a ReLU follows.
    """

    def __init__(self, layer: nn.Linear, rows: int, *, relu: bool = False) -> None:
        super().__init__()
        self.relu, self.bias = relu, layer.bias
        self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach().contiguous(), rows)

    def forward(self, x: Tensor) -> Tensor:
        """[...,inputs] to [...,outputs]."""
        follows = "relu" if self.relu else "none"
        return torch.ops.mkldnn._linear_pointwise(x, self._weight, self.bias, follows, [], "")

    def plain(self) -> nn.Linear:
        """The layer that was packed."""
        weight = self._weight.to_dense()
        made = nn.Linear(weight.shape[1], weight.shape[0], bias=self.bias is not None, device="meta")
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
    """The same network with packed layers, changed in place; unchanged where this torch can't pack them.

    Args:
        network: On the CPU, float32, in eval mode.
        run: Runs the network once on inputs of the usual size.
    """
    shapes = _input_shapes(network, run)
    found = [place for place in _layers(network) if place[2] in shapes]
    try:
        made = [_packed_layer(layer, shapes[layer], relu=relu is not None) for _, _, layer, relu in found]
    except (AttributeError, RuntimeError):  # a torch without oneDNN or with other operators
        return network
    for (parent, name, _, relu), layer in zip(found, made, strict=True):
        setattr(parent, name, layer)
        if relu is not None:
            setattr(parent, relu, nn.Identity())
    return network


@torch.no_grad()
def unprepacked(network: M) -> M:
    """The same network with plain layers again, changed in place."""
    for module in network.modules():
        children = list(module.named_children())
        for index, (name, child) in enumerate(children):
            if isinstance(child, PrepackedConv | PrepackedLinear):
                setattr(module, name, child.plain())
                if child.relu:
                    setattr(module, children[index + 1][0], nn.ReLU())
    return network


def _layers(network: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Conv2d | nn.Linear, str | None]]:
    """Layers that can be packed: module, name of the layer in it, layer, name of the ReLU that follows it, if any."""
    for module in network.modules():
        children = [*module.named_children(), ("", None)]
        for (name, child), (after, follower) in pairwise(children):
            plain = type(child) is nn.Linear or (
                type(child) is nn.Conv2d and child.padding_mode == "zeros" and not isinstance(child.padding, str)
            )
            if plain:
                relu = after if isinstance(module, nn.Sequential) and isinstance(follower, nn.ReLU) else None
                yield module, name, child, relu  # type: ignore[misc]


def _input_shapes(network: nn.Module, run: Callable[[], object]) -> dict[nn.Module, torch.Size]:
    """Layer to the shape of its input; without ``Linear`` layers of few rows and layers that are not used."""
    shapes: dict[nn.Module, torch.Size] = {}
    layers = [layer for _, _, layer, _ in _layers(network)]
    hooks = [layer.register_forward_pre_hook(lambda m, given: shapes.update({m: given[0].shape})) for layer in layers]
    run()
    for hook in hooks:
        hook.remove()
    return {m: s for m, s in shapes.items() if isinstance(m, nn.Conv2d) or math.prod(s[:-1]) >= _ROWS_FROM}


def _packed_layer(layer: nn.Conv2d | nn.Linear, shape: torch.Size, *, relu: bool) -> PrepackedConv | PrepackedLinear:
    made = (
        PrepackedLinear(layer, math.prod(shape[:-1]), relu=relu)
        if isinstance(layer, nn.Linear)
        else PrepackedConv(layer, shape, relu=relu)
    )
    made(torch.zeros(shape))  # raises here, not in use
    return made
