"""The scale network: from a crop on its plane to the correction of the guessed scale and its standard deviation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch import nn

from gsn_perception.gsn.plane_scale.maps import CHANNELS
from gsn_perception.gsn.plane_scale.maps import SCALARS

_BEHIND = 8  # channel of the plane's distance behind the splat
_ALPHA = 3
_WIDEST, _NARROWEST = 1.0, 1e-3  # standard deviations, normalised units


@dataclass(frozen=True, slots=True)
class ScaleNetConfig:
    """Size of the scale network.

    Attributes:
        channels: Channels at a half, a quarter, an eighth and a sixteenth of the crop's side.
        hidden: Width of the head.
    """

    channels: tuple[int, int, int, int] = (16, 32, 64, 96)
    hidden: int = 128


CONFIGS: dict[str, ScaleNetConfig] = {
    "base": ScaleNetConfig(),
    "tiny": ScaleNetConfig((4, 8, 8, 8), 16),
}


class _Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B,C,H,W] to the same shape."""
        return torch.relu(x + self.second(self.first(x)))


class ScaleNetwork(nn.Module):
    """Every pixel votes for a shift along the view; the network weighs and corrects the votes.

    A pixel where the object touches the plane fixes the scale: the plane's depth there is the object's. Its vote is the
    plane's distance behind the splat. Which pixels touch it, how wrong the splat's depth is there, and what is hidden is
    learned. Shifts are in normalised units: a fraction of the object's size, whatever its distance.
    """

    def __init__(self, config: ScaleNetConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth, last = config.channels
        self.first = _convolution(CHANNELS, half, 4, 2)
        self.quarter = nn.Sequential(_convolution(half, quarter, 3, 2), _Block(quarter))
        self.eighth = nn.Sequential(_convolution(quarter, eighth, 3, 2), _Block(eighth))
        self.last = nn.Sequential(_convolution(eighth, last, 3, 2), _Block(last))
        self.context = nn.Sequential(nn.Linear(2 * last + SCALARS, config.hidden), nn.ReLU())
        self.up = nn.Conv2d(last, eighth, 1)
        self.across = nn.Conv2d(eighth, eighth, 1)
        self.spread = nn.Linear(config.hidden, eighth)
        self.finer = nn.Conv2d(eighth, quarter, 1)
        self.skip = nn.Conv2d(quarter, quarter, 1)
        self.votes = nn.Sequential(_convolution(quarter, quarter), nn.Conv2d(quarter, 4, 1))
        self.head = nn.Sequential(
            nn.Linear(config.hidden + quarter + 2, config.hidden), nn.ReLU(), nn.Linear(config.hidden, 4)
        )

    def forward(self, maps: Tensor, scalars: Tensor) -> tuple[Tensor, Tensor]:
        """Shifts along the view and logarithms of their standard deviations, normalised units, [B,2] each.

        The first column is of the scale that puts the object's box centre at its place, the second of the one that puts
        its visible side there.

        Args:
            maps: [B,10,S,S] and
            scalars: [B,8] from :func:`~gsn_perception.gsn.plane_scale.maps.plane_maps`.
        """
        quarter = self.quarter(self.first(maps))
        eighth = self.eighth(quarter)
        last = self.last(eighth)
        context = self.context(torch.cat([last.mean((2, 3)), last.amax((2, 3)), scalars], 1))
        size = eighth.shape[-2:]
        joined = self.across(eighth) + nn.functional.interpolate(self.up(last), size=size, mode="nearest")
        joined = torch.relu(joined + self.spread(context)[:, :, None, None])
        fine = nn.functional.interpolate(self.finer(joined), size=quarter.shape[-2:], mode="nearest")
        pixels = torch.relu(self.skip(quarter) + fine)
        voted, texture = self._voted(self.votes(pixels), pixels, maps)
        out = self.head(torch.cat([context, texture, voted], 1))
        log_sigma = torch.log(_NARROWEST + _WIDEST * torch.sigmoid(out[:, 2:] - 3))
        return voted + out[:, :2], log_sigma

    @staticmethod
    def _voted(votes: Tensor, pixels: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted mean of the votes [B,2] and of the pixels' features [B,C]; only pixels of the object vote."""
        inside, behind = nn.functional.avg_pool2d(maps[:, [_ALPHA, _BEHIND]], 4).flatten(2).unbind(1)
        weight = torch.softmax(votes[:, :2].flatten(2) + torch.log(inside.clamp(1e-4, 1))[:, None], 2)  # [B,2,P]
        corrected = (behind / inside.clamp_min(0.05))[:, None] + votes[:, 2:].flatten(2)
        texture = torch.einsum("bp,bcp->bc", weight.mean(1), pixels.flatten(2))
        return (weight * corrected).sum(2), texture


def _convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    padding = 1 if size > 1 else 0
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())
