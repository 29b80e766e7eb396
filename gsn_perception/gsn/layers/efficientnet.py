"""EfficientNet-Lite0 encoder with the state-dict names of the published PyTorch weights, so that their file loads.

Tan and Le, "EfficientNet", ICML 2019; the Lite variant has no squeeze-and-excitation, and ReLU6 instead of swish.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor
from torch import nn
from torch.nn.functional import pad
from torch.nn.functional import relu6

from gsn_perception.gsn.layers.imagenet import load_published

_EPSILON, _MOMENTUM = 1e-3, 0.01  # of the published batch norms
_STEM = 32
_CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")


class _Stage(NamedTuple):
    blocks: int
    kernel: int
    stride: int
    expand: int
    outputs: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_MAPS = (1, 2, 4, 6)  # the last stages at 1/4, 1/8, 1/16 and 1/32 of the side


class _SameConv2d(nn.Conv2d):
    """A convolution without bias, padded as in TensorFlow: for stride 2 and even sides one more at the right and bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        # whole strides see pixels at other places than with symmetric padding: the weights need this
        self.uneven = stride > 1
        even = 0 if self.uneven else kernel // 2
        super().__init__(inputs, outputs, kernel, stride, padding=even, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B,C,H,W] to [B,outputs,H/stride,W/stride]; sides are multiples of the stride."""
        if self.uneven:
            total = self.kernel_size[0] - self.stride[0]
            before, after = total // 2, total - total // 2
            x = pad(x, (before, after, before, after))
        return super().forward(x)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON, momentum=_MOMENTUM)


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection, and the identity where shapes allow it."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.expands, self.identity = expand > 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv, self._bn0 = _SameConv2d(inputs, hidden, 1), _norm(hidden)
        self._depthwise_conv, self._bn1 = _SameConv2d(hidden, hidden, kernel, stride, groups=hidden), _norm(hidden)
        self._project_conv, self._bn2 = _SameConv2d(hidden, outputs, 1), _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B,inputs,H,W] to [B,outputs,H/stride,W/stride]."""
        y = relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.identity else y


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its classifier.

    Args:
        in_channels: Channels of the image; channels beyond three get zero weights when ImageNet weights are loaded.
    """

    mean = (127 / 255,) * 3
    std = (128 / 255,) * 3

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _SameConv2d(in_channels, _STEM, 3, 2), _norm(_STEM)
        self._blocks = nn.ModuleList()
        self._ends: list[int] = []
        channels = _STEM
        for stage in _STAGES:
            for index in range(stage.blocks):
                stride = stage.stride if index == 0 else 1
                self._blocks.append(InvertedResidual(channels, stage.outputs, stage.kernel, stride, stage.expand))
                channels = stage.outputs
            self._ends.append(len(self._blocks) - 1)
        self._ends = [self._ends[stage] for stage in _MAPS]
        self.channels = [_STAGES[stage].outputs for stage in _MAPS]
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] ** 2 * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=(2.0 / fan_out) ** 0.5)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Four maps for images [B,C,H,W], at 1/4, 1/8, 1/16 and 1/32 of the side, which is a multiple of 32."""
        x = relu6(self._bn0(self._conv_stem(x)))
        maps = []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in self._ends:
                maps.append(x)
        return maps

    def load_imagenet(self, state: Mapping[str, Tensor]) -> None:
        """Load the published weights (the classifier is ignored).

        Raises:
            InputError: names or shapes are of another network.
        """
        load_published(self, state, first="_conv_stem.weight", classifiers=_CLASSIFIER)
