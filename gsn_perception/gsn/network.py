"""The Gaussian Sculpting Network (GSN): from one masked crop to N Gaussians in the normalised frame."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch import nn

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.gsn.config import GsnConfig
from gsn_perception.gsn.layers.depth_input import cube_distance
from gsn_perception.gsn.layers.encoders import make_encoder
from gsn_perception.gsn.layers.refine import Refiner
from gsn_perception.gsn.layers.sculpt import Sculptor

_MIDDLING = math.radians(12.0)
_MORE_MEAN, _MORE_STD = (0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 0.2, 1.0)  # of the channels after colour


def network_input(
    rgb: Tensor, alpha: Tensor, unknown: Tensor | None = None, depth: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """The network's input channels: colour on white, object, unknown, relative depth, validity of depth.

    Args:
        rgb: [B,S,S,3] in [0, 1], already composited on white.
        alpha: [B,S,S] coverage by the object.
        unknown: [B,S,S] coverage by occluded or cut-off regions; 0 by default.
        depth: Relative depth and its validity, [B,S,S] each, from
            :func:`~gsn_perception.gsn.layers.depth_input.relative_depth`; unknown everywhere by default.

    Returns:
        [B,7,S,S]; networks without depth read the first five.
    """
    empty = torch.zeros_like(alpha)
    unknown = empty if unknown is None else unknown
    value, known = (empty, empty) if depth is None else depth
    return torch.cat([rgb.permute(0, 3, 1, 2), torch.stack([alpha, unknown, value, known], 1)], 1)


class GSN(nn.Module):
    """Encoder -> two convolutions with ReLU -> latent -> five MLPs over the canonical cube (-> refinement)."""

    def __init__(self, config: GsnConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = make_encoder(config.encoder, config.width, config.channels)
        self.neck = nn.Sequential(
            nn.Conv2d(self.encoder.channels[-1], config.neck_channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(config.neck_channels, config.latent_channels, 3, padding=1),
            nn.ReLU(),
        )
        self.perspective = nn.Linear(1, config.latent_size, bias=False) if config.perspective else None
        if self.perspective is not None:
            nn.init.zeros_(self.perspective.weight)
        self.sculptor = Sculptor(config)
        self.refiner = Refiner(config, self.encoder) if config.refine_features else None
        self.mean: Tensor
        self.std: Tensor
        mean, std = self.encoder.mean + _MORE_MEAN, self.encoder.std + _MORE_STD
        self.register_buffer("mean", torch.tensor(mean[: config.channels]).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std[: config.channels]).view(1, -1, 1, 1), persistent=False)

    def latent(self, maps: list[Tensor], theta: Tensor) -> Tensor:
        """[B,L] from the encoder's last stage and the cones' half-angles [B]."""
        latent = self.neck(maps[-1]).flatten(1).float()
        if self.perspective is None:
            return latent
        return latent + self.perspective((torch.sin(theta)[:, None] - 0.2) / 0.1)

    def encode(self, image: Tensor, theta: Tensor) -> Tensor:
        """The latent vectors [B,L] alone; arguments as in :meth:`forward`."""
        return self.latent(self.maps(image), theta)

    def example(self) -> Tensor:
        """An empty image [1,C,S,S] of the size that the network takes."""
        side = self.config.image_size
        return torch.zeros(1, self.config.channels, side, side, device=self.mean.device)

    def maps(self, image: Tensor) -> list[Tensor]:
        """The encoder's four maps; ``image`` as in :meth:`forward`."""
        return self.encoder((image[:, : self.config.channels] - self.mean) / self.std)

    def forward(self, image: Tensor, theta: Tensor) -> Gaussians:
        """Gaussians [B,N] of the normalised frame.

        Args:
            image: [B,7,S,S] from :func:`network_input`.
            theta: [B] half-angles of the objects' cones, radians.
        """
        return self.stages(image, theta)[-1]

    def stages(self, image: Tensor, theta: Tensor) -> list[Gaussians]:
        """The sculpted splat and, if the configuration has refinement, the refined one; arguments as in :meth:`forward`."""
        image = image[:, : self.config.channels]
        maps = self.maps(image)
        sculpted = self.sculpted(self.sculptor(self.latent(maps, theta)), theta)
        return [sculpted] if self.refiner is None else [sculpted, self.refiner(sculpted, image, maps, theta)]

    def sculpted(self, raw: dict[str, Tensor], theta: Tensor) -> Gaussians:
        """The splat of the heads' raw outputs, before refinement."""
        made = self.sculptor.gaussians(raw)
        return camera_centred(made, theta) if self.config.centring == "camera" else made


class Trunk(nn.Module):
    """The part of a GSN that takes most of the time and has only convolutions and matrix products, as one module."""

    def __init__(self, network: GSN) -> None:
        super().__init__()
        self.network = network
        self.outputs = tuple(network.sculptor.heads) + (() if network.refiner is None else ("features",))

    def forward(self, image: Tensor, theta: Tensor) -> tuple[Tensor, ...]:
        """The heads' raw outputs and, if the network has refinement, its image features; see :attr:`outputs`."""
        network = self.network
        maps = network.maps(image[:, : network.config.channels])
        raw = tuple(network.sculptor(network.latent(maps, theta)).values())
        return raw if network.refiner is None else (*raw, network.refiner.features(maps).float())


def camera_centred(gaussians: Gaussians, theta: Tensor) -> Gaussians:
    """Splats [B,N] rescaled for a cube of fixed size at a fixed distance from the camera ("off-centred").

    The result is in the normalised frame. The cube has the size of an object with a cone of 12 degrees half-angle; for
    other cones ``theta`` [B] (radians) the network must learn the change of size.
    """
    factor = (cube_distance(theta) / (0.5 / math.sin(_MIDDLING)))[:, None, None]
    return replace(gaussians, means=gaussians.means * factor, scales=gaussians.scales * factor)


def roll_image(image: Tensor, angle: Tensor) -> Tensor:
    """Crops [B,C,S,S] with the content rotated by ``angle`` [B] radians in the image plane.

    A point (x, y) of the crop moves to R(angle) (x, y), y down, as means do under a rotation about e_z. Pixels from
    beyond the border become white background.
    """
    c, s = torch.cos(angle).to(image), torch.sin(angle).to(image)
    zero = torch.zeros_like(c)
    matrix = torch.stack([torch.stack([c, s, zero], -1), torch.stack([-s, c, zero], -1)], -2)  # [B, 2, 3]
    grid = nn.functional.affine_grid(matrix, list(image.shape), align_corners=False)
    white = torch.tensor([1.0] * 3 + [0.0] * (image.shape[1] - 3)).to(image).view(1, -1, 1, 1)
    return nn.functional.grid_sample(image - white, grid, align_corners=False) + white


def parameter_count(network: nn.Module) -> int:
    """Number of parameters."""
    return int(np.sum([p.numel() for p in network.parameters()]))
