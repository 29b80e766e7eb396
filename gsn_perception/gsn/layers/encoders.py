"""The encoders by name: image in, maps of four resolutions out."""

from __future__ import annotations

from gsn_perception.gsn.layers.efficientnet import EfficientNetLite0
from gsn_perception.gsn.layers.resnet import ResNet

Encoder = ResNet | EfficientNetLite0
"""``channels`` of the four maps at 1/4, 1/8, 1/16 and 1/32 of the side; ``mean`` and ``std`` of colours in [0, 1], by which
the published weights expect them normalised; ``load_imagenet``."""


def make_encoder(name: str, width: int, in_channels: int) -> Encoder:
    """An encoder with initial weights.

    Args:
        name: resnet18, resnet34, resnet50, resnet152 or efficientnet_lite0.
        width: Channels of a ResNet's first stage.
        in_channels: Channels of the image.
    """
    if name == "efficientnet_lite0":
        return EfficientNetLite0(in_channels)
    return ResNet(name, width, in_channels)
