"""Trainer of PEIF on whole clouds: displacement and memory losses (PEIF section 3; papers.md 2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch import nn

from gsn_perception.surface.peif import PeifField
from gsn_perception.surface.peif import PeifNetwork
from gsn_perception.surface.peif import named_config
from gsn_perception.surface.peif import save_peif
from gsn_perception.training.surface.base import SurfaceTrainer
from gsn_perception.training.surface.config import SurfaceTrainConfig
from gsn_perception.training.surface.data import SurfaceDataset
from gsn_perception.training.surface.sampling import apply_similarity
from gsn_perception.training.surface.sampling import random_frame
from gsn_perception.training.surface.sampling import random_similarity
from gsn_perception.training.surface.sampling import surface_batches


@dataclass(frozen=True, slots=True)
class PatchBatch:
    """Clouds [B,P,3], queries [B,Q,3] and vectors to the surface [B,Q,3], unit extent."""

    clouds: Tensor
    queries: Tensor
    displacements: Tensor


class _Losses(nn.Module):
    """The network's losses as ``forward``, which Fabric's wrappers for devices and precisions need."""

    def __init__(self, network: PeifNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, clouds: Tensor, queries: Tensor, displacements: Tensor) -> dict[str, Tensor]:
        """Losses by name: displacement and memory."""
        return self.network.losses(clouds, queries, displacements)


class PeifTrainer(SurfaceTrainer[PeifNetwork]):
    """Trainer of PEIF; see :class:`~gsn_perception.training.surface.base.SurfaceTrainer`.

    Raises:
        InputError: there are no data, or no configuration of that name.
    """

    weights_name: ClassVar[str] = "peif"
    shown: ClassVar[str] = "displacement"

    def __init__(self, config: SurfaceTrainConfig, *, progress: bool = True) -> None:
        super().__init__(config, progress=progress)
        network = PeifNetwork(named_config(config.config))
        self._start(network, _Losses(network))

    def _batches(self) -> Iterator[PatchBatch]:
        return surface_batches(self.sets, self.config.batch, self._draw, self.rng)

    def _draw(self, data: SurfaceDataset, objects: np.ndarray, rng: np.random.Generator) -> PatchBatch:
        config = self.config
        count = cloud_size(config.cloud, config.dense, rng)
        rows = []
        for index in objects.tolist():
            change = random_similarity(config.augment, rng) @ np.linalg.inv(random_frame(rng))
            noise = rng.uniform(0, config.augment.noise)
            rows.append(patch_sample(data, index, change, count, config.queries, noise, rng))
        return PatchBatch(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))

    def _losses(self, batch: PatchBatch) -> tuple[dict[str, Tensor], Tensor]:
        device = self.fabric.device
        parts = self.module(batch.clouds.to(device), batch.queries.to(device), batch.displacements.to(device))
        return parts, torch.stack(list(parts.values())).sum()

    @torch.no_grad()
    def _figures(self) -> dict[str, float]:
        """On dev, relative to the extent: mean length of the displacement errors and of the true displacements."""
        if self.dev is None:
            return {}
        network = self._averaged(PeifNetwork(self.network.config))
        rng = np.random.default_rng(0)
        errors, lengths = [], []
        for index in self._dev_objects().tolist():
            cloud, queries, truth = patch_sample(self.dev, index, np.eye(4), self.config.cloud, 2048, 0.0, rng)
            found = PeifField(network, cloud)(queries)
            errors.append(np.linalg.norm(found - truth, axis=1).mean())
            lengths.append(np.linalg.norm(truth, axis=1).mean())
        return {"error": float(np.mean(errors)), "length": float(np.mean(lengths))}

    def _write_weights(self, info: Mapping[str, Any]) -> None:
        save_peif(self.weights, self.network, info, self.ema.state)


def cloud_size(fewest: int, most: int, rng: np.random.Generator) -> int:
    """Random number of points of a batch's clouds, log-uniform; ``fewest`` if ``most`` is smaller."""
    return fewest if most <= fewest else round(float(np.exp(rng.uniform(np.log(fewest), np.log(most)))))


def patch_sample(
    data: SurfaceDataset,
    index: int,
    change: np.ndarray,
    points: int,
    queries: int,
    noise: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cloud [P,3], queries [Q,3] and displacements [Q,3] of an object, moved by a similarity [4,4] of the unit frame."""
    surface, asked = data.row("surface", index), data.row("queries", index)
    cloud = surface[rng.choice(len(surface), points, replace=len(surface) < points)]
    cloud = cloud + noise * rng.standard_normal(cloud.shape)
    chosen = rng.choice(len(asked), queries, replace=len(asked) < queries)
    vectors = np.asarray(data.row("displacements", index)[chosen], dtype=np.float64) @ change[:3, :3].T
    return apply_similarity(change, cloud), apply_similarity(change, asked[chosen]), vectors.astype(np.float32)
