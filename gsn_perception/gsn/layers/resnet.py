"""ResNet encoders with torchvision's state-dict names, so that its ImageNet weights can be loaded from a file.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; bottlenecks stride in their 3x3 convolution.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch import nn

from gsn_perception.engines.prepacking import activated
from gsn_perception.gsn.layers.imagenet import load_published


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (ResNet-18, -34)."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, planes, 3, stride), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = _conv(planes, planes, 3), nn.BatchNorm2d(planes)
        self.downsample = _shortcut(inputs, planes, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[B,C,H,W] to [B,planes,H/stride,W/stride]."""
        y = activated(self.conv1, self.bn1, x)
        return activated(self.conv2, self.bn2, y, x if self.downsample is None else self.downsample(x))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 and a shortcut (ResNet-50, -152)."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1, self.bn1 = _conv(inputs, planes, 1), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = _conv(planes, planes, 3, stride), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = _conv(planes, outputs, 1), nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[B,C,H,W] to [B,4*planes,H/stride,W/stride]."""
        y = activated(self.conv1, self.bn1, x)
        y = activated(self.conv2, self.bn2, y)
        return activated(self.conv3, self.bn3, y, x if self.downsample is None else self.downsample(x))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


_DEPTHS: dict[str, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}


class ResNet(nn.Module):
    """A residual network without its classifier.

    Args:
        name: resnet18, resnet34, resnet50 or resnet152.
        width: Channels of the first stage; 64 gives the published networks.
        in_channels: Channels of the image; channels beyond three get zero weights when ImageNet weights are loaded.
    """

    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)

    def __init__(self, name: str, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        block, depths = _DEPTHS[name]
        self.conv1 = nn.Conv2d(in_channels, width, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        channels = width
        self.channels: list[int] = []
        for stage, depth in enumerate(depths):
            planes, layers = width * 2**stage, []
            for index in range(depth):
                layers.append(block(channels, planes, 2 if index == 0 and stage > 0 else 1))
                channels = planes * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
            self.channels.append(channels)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            # zero gain: a block starts as the identity, which stabilises training
            if isinstance(module, BasicBlock):
                nn.init.zeros_(module.bn2.weight)
            if isinstance(module, Bottleneck):
                nn.init.zeros_(module.bn3.weight)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The four stages' maps for images [B,C,H,W], at 1/4, 1/8, 1/16 and 1/32 of the side."""
        x = self.maxpool(activated(self.conv1, self.bn1, x))
        maps = []
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
            maps.append(x)
        return maps

    def load_imagenet(self, state: Mapping[str, Tensor]) -> None:
        """Load torchvision's weights of this architecture (the classifier is ignored).

        Raises:
            InputError: names or shapes are of another network.
        """
        load_published(self, state, first="conv1.weight", classifiers=("fc.",))
