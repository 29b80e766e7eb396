"""Trainer of Convolutional Occupancy Networks on whole, partial and completed point clouds."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from gsn_perception.surface.learned.config import convonet_config
from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
from gsn_perception.surface.learned.weights import save_occupancy
from gsn_perception.training.surface.config import SurfaceTrainConfig
from gsn_perception.training.surface.data import SurfaceDataset
from gsn_perception.training.surface.occupancy import OccupancyTrainer
from gsn_perception.training.surface.occupancy import iou_figures
from gsn_perception.training.surface.occupancy import occupancy_loss
from gsn_perception.training.surface.sampling import Queries
from gsn_perception.training.surface.sampling import apply_similarity
from gsn_perception.training.surface.sampling import random_frame
from gsn_perception.training.surface.sampling import random_similarity
from gsn_perception.training.surface.sampling import stack_queries
from gsn_perception.training.surface.sampling import surface_batches


@dataclass(frozen=True, slots=True)
class CloudBatch:
    """Clouds [B,P,3], whether each point was measured [B,P], and queries, all in the network's frame."""

    clouds: Tensor
    observed: Tensor
    queries: Queries


class ConvonetTrainer(OccupancyTrainer[ConvolutionalOccupancyNetwork]):
    """Trainer of a convolutional occupancy network; see :class:`~gsn_perception.training.surface.base.SurfaceTrainer`."""

    weights_name: ClassVar[str] = "convonet"

    def __init__(self, config: SurfaceTrainConfig, *, progress: bool = True) -> None:
        super().__init__(config, progress=progress)
        self._start(ConvolutionalOccupancyNetwork(convonet_config(config.config)))

    def _batches(self) -> Iterator[CloudBatch]:
        return surface_batches(self.sets, self.config.batch, self._draw, self.rng)

    def _draw(self, data: SurfaceDataset, objects: np.ndarray, rng: np.random.Generator) -> CloudBatch:
        rows, clouds, flags = [], [], []
        for index in objects.tolist():
            points, observed, unit_from_frame = self._cloud(data, index, rng)
            change = random_similarity(self.config.augment, rng)
            unit_from_frame = unit_from_frame @ np.linalg.inv(change)
            clouds.append(apply_similarity(change, points))
            flags.append(observed)
            rows.append(self._queries(data, index, unit_from_frame, rng))
        return CloudBatch(torch.from_numpy(np.stack(clouds)), torch.from_numpy(np.stack(flags)), stack_queries(rows))

    def _cloud(
        self, data: SurfaceDataset, index: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points [P,3] of a frame, [P] bool measured, and the transform [4,4] from that frame to the unit frame."""
        settings, count = self.config.augment, self.config.cloud
        kind = rng.random()
        if kind < settings.full:
            return whole_cloud(data, index, count, rng.uniform(0, settings.noise), rng)
        view = int(rng.integers(data.views))
        return view_cloud(data, index, view, count, alone=kind < settings.full + settings.partial, rng=rng)

    def _losses(self, batch: CloudBatch) -> tuple[dict[str, Tensor], Tensor]:
        device = self.fabric.device
        queries = batch.queries.to(device)
        logits = self.module(queries.points, batch.clouds.to(device), batch.observed.to(device))
        loss = occupancy_loss(logits, queries)
        return {"loss": loss}, loss

    @torch.no_grad()
    def _figures(self) -> dict[str, float]:
        """IoU on dev for view clouds (with their best threshold) and for whole clouds."""
        if self.dev is None:
            return {}
        network = self._averaged(ConvolutionalOccupancyNetwork(self.network.config)).to(self.fabric.device)
        rng = np.random.default_rng(0)
        view, whole = [], []
        for index in self._dev_objects().tolist():
            for v in range(min(2, self.dev.views)):
                cloud = view_cloud(self.dev, index, v, self.config.cloud, alone=False, rng=rng)
                view.append(self._ious(network, index, *cloud))
            cloud = whole_cloud(self.dev, index, self.config.cloud, 0.0, rng)
            whole.append(self._ious(network, index, *cloud))
        return {**iou_figures(np.stack(whole), "iou_full"), **iou_figures(np.stack(view))}

    def _ious(
        self,
        network: ConvolutionalOccupancyNetwork,
        index: int,
        points: np.ndarray,
        observed: np.ndarray,
        unit_from_frame: np.ndarray,
    ) -> np.ndarray:
        return self._dev_ious(network, index, unit_from_frame, *(torch.from_numpy(a)[None] for a in (points, observed)))

    def _write_weights(self, info: Mapping[str, Any]) -> None:
        save_occupancy(self.weights, self.network, info, self.ema.state)


def whole_cloud(
    data: SurfaceDataset, index: int, count: int, noise: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noisy surface points [count,3] of the whole object, all marked measured, in a randomly rotated frame."""
    T = random_frame(rng)
    surface = data.row("surface", index)
    points = surface[rng.choice(len(surface), count, replace=len(surface) < count)]
    points = points + noise * rng.standard_normal(points.shape)
    return apply_similarity(np.linalg.inv(T), points), np.ones(count, bool), T


def view_cloud(
    data: SurfaceDataset, index: int, view: int, count: int, *, alone: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evenly spaced points [count,3] of a view, in its normalised frame; ``alone`` keeps the measured ones only.

    A view without depth has no measured points and keeps all.
    """
    points, observed = data.row("clouds", index)[view], np.asarray(data.row("observed", index)[view])
    if alone and observed.any():
        points, observed = points[observed], observed[observed]
    chosen = np.arange(count) if len(points) >= count else rng.integers(len(points), size=count)
    return points[chosen].astype(np.float32), observed[chosen], data.unit_from_normalised[index, view]
