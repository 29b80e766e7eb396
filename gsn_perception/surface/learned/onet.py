"""The Occupancy Network: from one image of an object to occupancy logits at query points."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn

from gsn_perception.gsn.layers.resnet import ResNet
from gsn_perception.surface.learned.blocks import ConditionalBlock
from gsn_perception.surface.learned.blocks import ConditionalNorm
from gsn_perception.surface.learned.blocks import CoordinateLinear
from gsn_perception.surface.learned.config import OnetConfig

_CHANNELS = 7  # of gsn.network.network_input
_MEAN = (0.485, 0.456, 0.406, 0.0, 0.0, 0.0, 0.0)
_STD = (0.229, 0.224, 0.225, 1.0, 1.0, 0.2, 1.0)


class OccupancyNetwork(nn.Module):
    """f(p, c): points in the normalised frame to logits (Occupancy Networks, section 3).

    The decoder is a stack of residual blocks with conditional batch norm; the condition is computed from the frozen
    latent of a Gaussian network or by a ResNet encoder.
    """

    def __init__(self, config: OnetConfig) -> None:
        super().__init__()
        self.config = config
        H, C = config.hidden, config.condition
        self.encoder: ResNet | None = None
        inputs = config.latent_size
        if config.encoder == "own":
            self.encoder = ResNet(config.resnet, config.width, _CHANNELS)
            inputs = self.encoder.channels[-1]
        self.perspective = nn.Linear(1, inputs, bias=False)  # near and far views of one object differ
        nn.init.zeros_(self.perspective.weight)
        self.to_condition = nn.Linear(inputs, C)
        self.enter = CoordinateLinear(3, H)
        self.blocks = nn.ModuleList(ConditionalBlock(C, H) for _ in range(config.blocks))
        self.norm = ConditionalNorm(C, H)
        self.leave = nn.Linear(H, 1)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, -1, 1, 1), persistent=False)

    def encode(self, seen: Tensor, theta: Tensor) -> Tensor:
        """The condition [B,C].

        Args:
            seen: The Gaussian network's latents [B,L] (encoder ``gsn``), or images [B,7,S,S] from
                :func:`~gsn_perception.gsn.network.network_input` (encoder ``own``).
            theta: [B] half-angles of the objects' cones, radians.
        """
        if self.encoder is not None:
            seen = self.encoder((seen - self.mean) / self.std)[-1].mean((2, 3))
        return self.to_condition(torch.relu(seen + self.perspective((torch.sin(theta)[:, None] - 0.2) / 0.1)))

    def decode(self, points: Tensor, condition: Tensor) -> Tensor:
        """Logits [B,Q] at points [B,Q,3]; outside the cube of the configuration it is empty."""
        x = self.enter(points / self.config.half)
        for block in self.blocks:
            x = block(x, condition)
        logits = self.leave(torch.relu(self.norm(x, condition)))[..., 0].to(points.dtype)
        beyond = points.abs().amax(-1) > self.config.half
        return torch.where(beyond, logits.clamp(max=-10.0), logits)

    def forward(self, points: Tensor, seen: Tensor, theta: Tensor) -> Tensor:
        """Logits [B,Q]; arguments as for :meth:`encode` and :meth:`decode`."""
        return self.decode(points, self.encode(seen, theta))
