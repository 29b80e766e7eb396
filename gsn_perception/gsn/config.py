"""Architecture settings of a GSN, and the named configurations."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from typing import Literal

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.errors import by_name

EncoderName = Literal["resnet18", "resnet34", "resnet50", "resnet152", "efficientnet_lite0"]


@dataclass(frozen=True, slots=True)
class GsnConfig:
    """Architecture of a Gaussian Sculpting Network (papers: GSN section III)."""

    encoder: EncoderName = "resnet18"
    """Encoder; state-dict names are those of the published weights (torchvision's for ResNets)."""
    width: int = 64
    """Channels of a ResNet's first stage (64 = the published ones); EfficientNet-Lite0 has one size."""
    image_size: int = 128
    """Side of the crop in pixels."""
    neck_channels: int = 128
    """Channels between the two convolutions after the last feature map."""
    latent_channels: int = 48
    """Channels of the second one; the latent is these times the last map's area (2352 = 48 x 7 x 7 at 224 px)."""
    cube: int = 14
    """Gaussians along an edge of the canonical cube: N = cube^3."""
    cube_side: float = 0.65
    """Side of the cube in normalised units; 1 in the paper."""
    centring: Literal["object", "camera"] = "object"
    """Place of the canonical cube: object: at the object's centre, with the size given by its cone ("zero-centred" in the
    paper); camera: at a fixed distance from the camera and of fixed size, for any cone ("off-centred")."""
    hidden: tuple[int, int, int, int, int] = (192, 64, 64, 96, 64)
    """Hidden widths of the five heads: position, scale, rotation, colour, opacity."""
    mean_gain: float = 0.35
    """Factor on the position head; 1 in the paper. A smaller one stabilises the start of training."""
    scale_gain: float = 0.02
    """Factor on the scale head, normalised units; 1 in the paper."""
    rotation_gain: float = 0.3
    """Factor on the rotation head before the identity quaternion is added and the sum normalised."""
    min_scale: float = 0.01
    """Constant added after the ReLU on scales: a pixel of the crop, so that no Gaussian vanishes by shrinking."""
    last_layer_std: float = 0.003
    """Initial standard deviation of the heads' last layers; with larger ones many Gaussians start transparent."""
    depth: bool = False
    """Whether the network also reads measured depth (two more channels); depth may be missing in any input."""
    perspective: bool = True
    """Whether the half-angle of the object's cone is an input of the network."""
    refine_features: int = 32
    """Channels of the image features that each Gaussian samples at its projection; 0 turns refinement off."""
    refine_hidden: int = 96
    """Hidden width of the shared refinement network."""

    def __post_init__(self) -> None:
        if self.image_size % 32 or self.image_size < 32:
            raise InputError(f"image_size {self.image_size} must be a positive multiple of 32")
        if self.cube < 1 or len(self.hidden) != 5 or min(self.hidden) < 1:
            raise InputError("cube must be at least 1 and hidden must give five positive widths")

    @property
    def count(self) -> int:
        """N, the number of Gaussians."""
        return self.cube**3

    @property
    def channels(self) -> int:
        """Input channels: colour (3), object, unknown, and for networks with depth: depth, validity of depth."""
        return 7 if self.depth else 5

    @property
    def latent_size(self) -> int:
        """Length of the latent vector."""
        return self.latent_channels * (self.image_size // 32) ** 2


_PAPER = GsnConfig(
    encoder="resnet50",
    image_size=224,
    cube=16,
    cube_side=1.0,
    hidden=(512, 512, 512, 512, 512),
    mean_gain=1.0,
    scale_gain=1.0,
    rotation_gain=1.0,
    last_layer_std=0.02,
    perspective=False,
    refine_features=0,
)
_BASE = GsnConfig(width=48, hidden=(448, 128, 128, 224, 128), depth=True)

CONFIGS: dict[str, GsnConfig] = {
    "base": _BASE,
    "efficient": replace(_BASE, encoder="efficientnet_lite0"),
    "plain": replace(_BASE, refine_features=0, depth=False),
    "paper": _PAPER,
    "paper-resnet152": replace(_PAPER, encoder="resnet152"),
    "tiny": GsnConfig(
        width=8, image_size=64, neck_channels=16, latent_channels=8, cube=6, hidden=(32,) * 5, depth=True
    ),
}
"""``base``: the shipped weights; ``efficient``: the same with EfficientNet-Lite0; ``plain``: without depth and refinement;
``paper``: the published architecture."""


def named_config(name: str) -> GsnConfig:
    """A configuration by name.

    Raises:
        InputError: there is no configuration of that name.
    """
    return by_name(CONFIGS, name, "GSN configuration")
