"""Architecture configurations of the occupancy networks, and the named ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.errors import by_name
from gsn_perception.gsn.config import EncoderName


@dataclass(frozen=True, slots=True)
class OnetConfig:
    """An Occupancy Network conditioned on one image (Mescheder et al., CVPR 2019, section 3; papers.md 3.1)."""

    encoder: Literal["gsn", "own"] = "gsn"
    """gsn: the latent vector of a trained, frozen Gaussian network; own: a ResNet trained with the decoder."""
    latent_size: int = 768
    """Length of the Gaussian network's latent, where that is the condition."""
    resnet: EncoderName = "resnet18"
    """The ResNet of encoder ``own``."""
    width: int = 64
    """Channels of its first stage."""
    image_size: int = 128
    """Side of the crop in pixels."""
    condition: int = 256
    """Length of the condition vector."""
    hidden: int = 256
    """Width of the decoder."""
    blocks: int = 5
    """Residual blocks of the decoder."""
    half: float = 0.75
    """Half side of the cube of the normalised frame that is decoded; outside it is empty."""

    def __post_init__(self) -> None:
        if min(self.condition, self.hidden, self.blocks, self.latent_size) < 1 or not self.half > 0:
            raise InputError("sizes of an Occupancy Network must be positive")


@dataclass(frozen=True, slots=True)
class ConvonetConfig:
    """A Convolutional Occupancy Network (Peng et al., ECCV 2020, section 3; papers.md 4)."""

    features: Literal["planes", "grid"] = "planes"
    """Where point features are pooled: three orthogonal planes, or a volume."""
    resolution: int = 64
    """Cells of a plane or of the volume along an edge."""
    hidden: int = 32
    """Width of the point encoder and of the decoder."""
    channels: int = 32
    """Feature channels of planes or volume."""
    unet_depth: int = 4
    """Resolutions of the U-Net."""
    unet_width: int = 32
    """Its channels at the finest resolution."""
    encoder_blocks: int = 5
    """Residual blocks of the point encoder, with local pooling between them."""
    blocks: int = 5
    """Residual blocks of the decoder."""
    half: float = 0.75
    """Half side of the cube that is decoded, in units of the cloud's frame; points outside are clamped to its border."""

    def __post_init__(self) -> None:
        step = 1 << (self.unet_depth - 1)
        if self.unet_depth < 1 or self.resolution % step or self.resolution < step:
            raise InputError(f"resolution {self.resolution} cannot be halved {self.unet_depth - 1} times")
        if min(self.hidden, self.channels, self.unet_width, self.encoder_blocks, self.blocks) < 1 or not self.half > 0:
            raise InputError("sizes of a Convolutional Occupancy Network must be positive")


ONET_CONFIGS: dict[str, OnetConfig] = {
    "lean": OnetConfig(condition=128, hidden=96, blocks=4),
    "own": OnetConfig(encoder="own", width=24, condition=128, hidden=96, blocks=4),
    "paper": OnetConfig(encoder="own", image_size=224),
    "tiny": OnetConfig(encoder="own", width=8, image_size=64, condition=32, hidden=32, blocks=2),
}
"""``paper`` is the published configuration; ``lean`` and ``own`` train on a CPU in half an hour."""

CONVONET_CONFIGS: dict[str, ConvonetConfig] = {
    "lean": ConvonetConfig(unet_width=16, channels=24, encoder_blocks=3, blocks=3),
    "grid": ConvonetConfig(
        features="grid", resolution=32, unet_depth=3, unet_width=12, channels=16, encoder_blocks=3, blocks=3
    ),
    "paper": ConvonetConfig(),
    "paper-grid": ConvonetConfig(features="grid", resolution=32, unet_depth=3),
    "tiny": ConvonetConfig(
        resolution=32, hidden=16, channels=16, unet_depth=3, unet_width=8, encoder_blocks=2, blocks=2
    ),
}
"""``paper`` is the published 3 x 64 x 64 of the ShapeNet objects, ``paper-grid`` its volume; ``lean`` trains on a CPU."""


def onet_config(name: str) -> OnetConfig:
    """A configuration by name.

    Raises:
        InputError: there is none of that name.
    """
    return by_name(ONET_CONFIGS, name, "ONet configuration")


def convonet_config(name: str) -> ConvonetConfig:
    """A configuration by name.

    Raises:
        InputError: there is none of that name.
    """
    return by_name(CONVONET_CONFIGS, name, "ConvONet configuration")
