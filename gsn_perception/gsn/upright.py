"""Which way is up: the roll that stands a crop upright, found so that rolling the camera rolls the answer.

GSN sees every object upright, whatever the camera's roll, and its splat lives in the frame of the upright crop: the
whole chain commutes with rolls by construction (canonicalisation; the sculptor itself need not be equivariant). The
angle comes from a small network. It looks at the crop at eight rolls, counted from the silhouette's long axis, so that
copies of an elongated thing are looked at alike whatever their roll; its answers are averaged after being rolled back.
Then the angle is polished: the crop is rolled by it and looked at again until the network finds it upright. A fixed point
of that is the same whatever roll it was started from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn.functional import avg_pool2d

from gsn_perception.geometry.errors import InputError
from gsn_perception.gsn.moments import moment_roll
from gsn_perception.gsn.network import roll_image
from gsn_perception.io.checkpoints import Checkpoint
from gsn_perception.io.checkpoints import load_checkpoint
from gsn_perception.io.checkpoints import save_checkpoint

KIND = "upright"
SIDE = 64
CHANNELS = 5
STARTS = 8
_POLISH = 3


class Upright(nn.Module):
    """Five convolutions and two linear layers from a crop to the sine and cosine of its upright roll.

    Args:
        width: Channels of the first convolution.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.width = width
        layers: list[nn.Module] = []
        before = CHANNELS
        for channels, stride in ((width, 2), (2 * width, 2), (4 * width, 2), (4 * width, 1), (8 * width, 2)):
            layers += [nn.Conv2d(before, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
            before = channels
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(before * (SIDE // 16) ** 2, 128), nn.ReLU(), nn.Linear(128, 2))

    def forward(self, crop: Tensor) -> Tensor:
        """[B,2] about (sin a, cos a) of the roll that stands the crops [B,5,64,64] upright; shorter where in doubt."""
        return self.head(self.body(2 * crop - 1).flatten(1))

    @torch.no_grad()
    def roll(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The roll that stands crops upright, and how sure that is.

        Args:
            image: [B,C,S,S] network input (:func:`~gsn_perception.gsn.network.network_input`), S a multiple of 64.

        Returns:
            [B] radians for :func:`~gsn_perception.gsn.network.roll_image`, and [B] the length of the mean answer over
            eight rolls, in [0, 1] or a little more.
        """
        crop = small_crop(image)
        first = moment_roll(crop[:, 3])[0]
        turns = first[:, None] + torch.arange(STARTS, device=crop.device) * (2 * math.pi / STARTS)
        turned = roll_image(crop.repeat_interleave(STARTS, 0), turns.flatten())
        answers = _turned(self(turned), turns.flatten())
        sine, cosine = answers.view(len(crop), STARTS, 2).mean(1).unbind(-1)
        angle = torch.atan2(sine, cosine)
        for _ in range(_POLISH):
            sine_left, cosine_left = self(roll_image(crop, angle)).unbind(-1)
            angle = angle + torch.atan2(sine_left, cosine_left)
        return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi, torch.hypot(sine, cosine)


def small_crop(image: Tensor) -> Tensor:
    """Network input [B,C,S,S] as the upright network reads it: [B,5,64,64], inside the inscribed circle only.

    Raises:
        InputError: S is no multiple of 64.
    """
    factor, rest = divmod(image.shape[-1], SIDE)
    if rest or not factor:
        raise InputError(f"a crop of {image.shape[-1]} px can't be averaged down to {SIDE} px; use a multiple of it")
    small = image[:, :CHANNELS] if factor == 1 else avg_pool2d(image[:, :CHANNELS], factor)
    axis = torch.arange(SIDE, device=image.device) + 0.5 - SIDE / 2
    outside = axis[:, None] ** 2 + axis[None, :] ** 2 > (SIDE / 2) ** 2
    white = torch.tensor([1.0] * 3 + [0.0] * (CHANNELS - 3), device=image.device).view(1, -1, 1, 1)
    return torch.where(outside, white, small)


def _turned(answer: Tensor, angle: Tensor) -> Tensor:
    """An answer (sin a, cos a) for crops that were rolled by ``angle`` [B], for the crops as they were."""
    c, s = torch.cos(angle), torch.sin(angle)
    sine, cosine = answer.unbind(-1)
    return torch.stack([sine * c + cosine * s, cosine * c - sine * s], -1)


def save_upright(path: Path, state: Mapping[str, Tensor], width: int, info: Mapping[str, Any]) -> None:
    """Write weights with what is known of them."""
    save_checkpoint(path, Checkpoint(KIND, {"width": width}, state, info))


def load_upright(path: Path) -> Upright:
    """The network in eval mode.

    Raises:
        InputError: the file is damaged or holds another network.
    """
    checkpoint = load_checkpoint(path, KIND)
    try:
        network = Upright(**checkpoint.config)
        network.load_state_dict(dict(checkpoint.state))
    except (TypeError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"checkpoint {path} is of another architecture ({first}); train it again") from error
    return network.eval()
