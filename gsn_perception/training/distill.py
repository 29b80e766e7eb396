"""Distillation of a trained GSN into one with another encoder (`gsn train distill`), without rendering.

The new encoder, with the layers that read its maps, learns to give the heads and the refinement what the teacher gives
them; heads and shared refinement network are the teacher's and do not change. A step costs a fraction of a training step.
`gsn train --init` continues from the result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch import nn

from gsn_perception.geometry.errors import InputError
from gsn_perception.gsn.config import GsnConfig
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.training.config import ViewsConfig
from gsn_perception.training.data import Batch
from gsn_perception.training.data import random_batches
from gsn_perception.training.trainer import GsnLoop

_LEARNS = ("encoder.", "neck.", "refiner.laterals.", "refiner.smooth.")
_SMALL = 1e-6


@dataclass(frozen=True, slots=True)
class DistillConfig(ViewsConfig):
    """A distillation; `init` is the teacher, `imagenet` the new encoder's weights."""

    config: str = "efficient"
    """Named configuration of the new network; everything but the encoder is as in the teacher."""
    latent_weight: float = 1.0
    """Weight of the latent's squared error over the teacher's variance."""
    heads_weight: float = 1.0
    """Weight of the same for the heads' outputs, mean of the five."""
    features_weight: float = 1.0
    """Weight of the same for the refinement's image features."""


class Distiller(GsnLoop):
    """A resumable distillation.

    Args:
        config: Settings of the run.
        progress: Whether to show a progress bar.
        architecture: Architecture of the new network, instead of the named one.

    Raises:
        InputError: the teacher is missing, or its heads, latent or refinement are of another size.
    """

    shown: ClassVar[str] = "latent"

    def __init__(self, config: DistillConfig, *, progress: bool = True, architecture: GsnConfig | None = None) -> None:
        if config.init is None:
            raise InputError("no teacher: give --init with the weights of a trained Gaussian network")
        self.distillation = config
        self.teacher = _Given(load_gsn(config.init)[0]).eval()
        super().__init__(config, progress=progress, architecture=architecture)
        self.teacher.to(self.fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _network(self) -> GSN:
        network = super()._network()
        kept = {n: v.shape for n, v in network.state_dict().items() if not n.startswith(_LEARNS)}
        teacher = {n: v.shape for n, v in self.teacher.network.state_dict().items() if not n.startswith(_LEARNS)}
        if kept != teacher:
            raise InputError(f"{self.settings.init} has other heads, latent or refinement; choose its --config")
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name.startswith(_LEARNS))
        return network

    def _module(self, network: GSN) -> nn.Module:
        return _Given(network)

    def _batches(self) -> Iterator[Batch]:
        size = math.gcd(*(data.size for data in self.sets))  # of no influence: inputs come at their full size
        return random_batches(self.sets, self.settings.batch, 1, lambda: size, self.rng)

    def _losses(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        batch, image = self._prepare(batch)
        settings = self.distillation
        with torch.no_grad():
            wanted = self.teacher(image, batch.theta)
        made = self.module(image, batch.theta)
        latent, features, *heads = [_distance(a.float(), b) for a, b in zip(made, wanted, strict=True)]
        parts = {"latent": latent, "features": features, "heads": torch.stack(heads).mean()}
        weights = settings.latent_weight, settings.features_weight, settings.heads_weight
        return parts, torch.stack([w * part for w, part in zip(weights, parts.values(), strict=True)]).sum()


class _Given(nn.Module):
    """What a GSN's encoder gives the rest of the network: latent, refinement features (zeros without) and raw heads."""

    def __init__(self, network: GSN) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, theta: Tensor) -> tuple[Tensor, ...]:
        """Latent [B,L], features [B,F,S/4,S/4], outputs of the five heads [B,N,width]."""
        network = self.network
        maps = network.maps(image)
        latent = network.latent(maps, theta)
        features = torch.zeros_like(latent) if network.refiner is None else network.refiner.features(maps)
        return latent, features, *network.sculptor(latent).values()


def _distance(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared error over the variance of what is wanted."""
    variance = (wanted - wanted.mean(0)).square().mean()
    return (made - wanted).square().mean() / variance.clamp_min(_SMALL)
