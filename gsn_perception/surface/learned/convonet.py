"""The Convolutional Occupancy Network: from a point cloud to occupancy logits at query points."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn

from gsn_perception.surface.learned.blocks import CoordinateLinear
from gsn_perception.surface.learned.blocks import ResidualFc
from gsn_perception.surface.learned.config import ConvonetConfig
from gsn_perception.surface.learned.pooling import PLANES
from gsn_perception.surface.learned.pooling import cell_index
from gsn_perception.surface.learned.pooling import cell_means
from gsn_perception.surface.learned.pooling import look_up
from gsn_perception.surface.learned.pooling import pool_max
from gsn_perception.surface.learned.pooling import unit_coordinates
from gsn_perception.surface.learned.unet import UNet


class ConvolutionalOccupancyNetwork(nn.Module):
    """PointNet with local pooling -> planes or volume -> U-Net -> features at a point -> decoder (papers.md 4).

    The encoder reads a flag with each point: measured by a camera (1), or completed by a previous network (0).
    """

    def __init__(self, config: ConvonetConfig) -> None:
        super().__init__()
        self.config = config
        H, C = config.hidden, config.channels
        self.enter = CoordinateLinear(4, 2 * H)
        self.encoder = nn.ModuleList(ResidualFc(2 * H, H) for _ in range(config.encoder_blocks))
        self.to_features = nn.Linear(H, C)
        self.unet = UNet(2 if config.features == "planes" else 3, C, config.unet_width, config.unet_depth)
        self.place = CoordinateLinear(3, H)
        self.mix = nn.ModuleList(nn.Linear(C, H) for _ in range(config.blocks))
        self.decoder = nn.ModuleList(ResidualFc(H, H) for _ in range(config.blocks))
        self.leave = nn.Linear(H, 1)

    @property
    def axes(self) -> tuple[tuple[int, ...], ...]:
        """The axes of every map: three planes or one volume."""
        return PLANES if self.config.features == "planes" else ((0, 1, 2),)

    def encode(self, points: Tensor, observed: Tensor) -> list[Tensor]:
        """The feature maps, [B,C,R,R] for every plane or [B,C,R,R,R].

        Args:
            points: [B,P,3] in the cube of the configuration.
            observed: [B,P] whether each point was measured.
        """
        config = self.config
        unit = unit_coordinates(points, config.half)
        cells = config.resolution ** len(self.axes[0])
        indices = [cell_index(unit[..., axes], config.resolution) for axes in self.axes]
        x = self.enter(torch.cat([points / config.half, observed[..., None].to(points.dtype)], -1))
        x = self.encoder[0](x).to(points.dtype)
        for block in self.encoder[1:]:
            pooled = torch.stack([pool_max(x, index, cells) for index in indices]).sum(0)
            x = block(torch.cat([x, pooled], -1)).to(points.dtype)
        features = self.to_features(x).to(points.dtype)
        maps = torch.cat([cell_means(features, index, cells) for index in indices])
        shape = (config.resolution,) * len(self.axes[0])
        images = maps.view(*maps.shape[:2], *shape)
        if images.dim() == 4 and not self.training:
            images = images.contiguous(memory_format=torch.channels_last)
        return list(self.unet(images).chunk(len(indices)))

    def decode(self, points: Tensor, maps: list[Tensor]) -> Tensor:
        """Logits [B,Q] at points [B,Q,3]; outside the cube of the configuration it is empty."""
        unit = unit_coordinates(points, self.config.half)
        features = torch.stack([look_up(m, unit[..., axes]) for m, axes in zip(maps, self.axes, strict=True)]).sum(0)
        x = self.place(points / self.config.half)
        for mix, block in zip(self.mix, self.decoder, strict=True):
            x = block(x + mix(features))
        logits = self.leave(torch.relu(x))[..., 0].to(points.dtype)
        beyond = points.abs().amax(-1) > self.config.half
        return torch.where(beyond, logits.clamp(max=-10.0), logits)

    def forward(self, queries: Tensor, points: Tensor, observed: Tensor) -> Tensor:
        """Logits [B,Q] at queries [B,Q,3] for clouds [B,P,3] with flags [B,P]."""
        return self.decode(queries, self.encode(points, observed))
