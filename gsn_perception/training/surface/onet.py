"""Trainer of Occupancy Networks on the views of a surface dataset."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.io.checkpoints import checkpoint_path
from gsn_perception.surface.learned.config import OnetConfig
from gsn_perception.surface.learned.config import onet_config
from gsn_perception.surface.learned.onet import OccupancyNetwork
from gsn_perception.surface.learned.weights import save_occupancy
from gsn_perception.training.surface.config import SurfaceTrainConfig
from gsn_perception.training.surface.data import SurfaceDataset
from gsn_perception.training.surface.latents import LatentBank
from gsn_perception.training.surface.latents import augment_inputs
from gsn_perception.training.surface.latents import latent_bank
from gsn_perception.training.surface.latents import random_roll_mirror
from gsn_perception.training.surface.latents import resize_inputs
from gsn_perception.training.surface.latents import view_images
from gsn_perception.training.surface.occupancy import OccupancyTrainer
from gsn_perception.training.surface.occupancy import iou_figures
from gsn_perception.training.surface.occupancy import occupancy_loss
from gsn_perception.training.surface.sampling import Queries
from gsn_perception.training.surface.sampling import roll_and_mirror
from gsn_perception.training.surface.sampling import stack_queries
from gsn_perception.training.surface.sampling import surface_batches


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Latents [B,L] or input images [B,7,S,S] (``seen``), half-angles [B], and queries in the normalised frames."""

    seen: Tensor
    theta: Tensor
    queries: Queries


class OnetTrainer(OccupancyTrainer[OccupancyNetwork]):
    """Trainer of an occupancy network; see :class:`~gsn_perception.training.surface.base.SurfaceTrainer`."""

    weights_name: ClassVar[str] = "onet"

    def __init__(self, config: SurfaceTrainConfig, *, progress: bool = True) -> None:
        super().__init__(config, progress=progress)
        architecture = onet_config(config.config)
        self.gsn: GSN | None = None
        self.gsn_sha256 = ""
        self.banks: dict[int, LatentBank] = {}
        if architecture.encoder == "gsn":
            architecture = self._share_encoder(architecture)
        self._start(OccupancyNetwork(architecture))

    def _share_encoder(self, architecture: OnetConfig) -> OnetConfig:
        gsn, info = load_gsn(checkpoint_path(self.config.checkpoint))
        self.gsn, self.gsn_sha256 = gsn.to(self.fabric.device), str(info["sha256"])
        for data in [*self.sets, *([] if self.dev is None else [self.dev])]:
            copies = 1 if data is self.dev else max(1, self.config.copies)
            self.banks[id(data)] = latent_bank(
                data, self.gsn, self.gsn_sha256, copies, device=self.fabric.device, progress=self.progress
            )
        return replace(architecture, latent_size=gsn.config.latent_size, image_size=gsn.config.image_size)

    def _batches(self) -> Iterator[ImageBatch]:
        return surface_batches(self.sets, self.config.batch, self._draw, self.rng)

    def _draw(self, data: SurfaceDataset, objects: np.ndarray, rng: np.random.Generator) -> ImageBatch:
        views = rng.integers(data.views, size=len(objects))
        theta = torch.from_numpy(data.theta[objects, views]).float()
        bank = self.banks.get(id(data))
        if bank is not None:
            copy = rng.integers(bank.roll.shape[2], size=len(objects))
            seen = torch.from_numpy(bank.latents[objects, views, copy].astype(np.float32))
            roll, mirror = bank.roll[objects, views, copy], bank.mirror[objects, views, copy]
        else:
            roll, mirror = random_roll_mirror((len(objects),), rng)
            seen = augment_inputs(self._images(data, objects, views), roll, mirror, rng)
        rows = []
        for i, index in enumerate(objects.tolist()):
            unit_from_frame = data.unit_from_normalised[index, views[i]] @ np.linalg.inv(
                roll_and_mirror(roll[i], mirror[i])
            )
            rows.append(self._queries(data, index, unit_from_frame, rng))
        return ImageBatch(seen, theta, stack_queries(rows))

    def _images(self, data: SurfaceDataset, objects: np.ndarray, views: np.ndarray) -> Tensor:
        return resize_inputs(view_images(data, objects, views)[0], self.network.config.image_size)

    def _losses(self, batch: ImageBatch) -> tuple[dict[str, Tensor], Tensor]:
        device = self.fabric.device
        queries = batch.queries.to(device)
        loss = occupancy_loss(self.module(queries.points, batch.seen.to(device), batch.theta.to(device)), queries)
        return {"loss": loss}, loss

    @torch.no_grad()
    def _figures(self) -> dict[str, float]:
        """IoU on the views of dev, and the best threshold."""
        if self.dev is None:
            return {}
        network = self._averaged(OccupancyNetwork(self.network.config)).to(self.fabric.device)
        ious = [
            self._ious(network, index, view)
            for index in self._dev_objects().tolist()
            for view in range(min(2, self.dev.views))
        ]
        return iou_figures(np.stack(ious))

    def _ious(self, network: OccupancyNetwork, index: int, view: int) -> np.ndarray:
        data = self.dev
        assert data is not None
        objects, views = np.array([index]), np.array([view])
        theta = torch.from_numpy(data.theta[objects, views]).float()
        bank = self.banks.get(id(data))
        seen = (
            self._images(data, objects, views)
            if bank is None
            else torch.from_numpy(np.float32(bank.latents[objects, views, 0]))
        )
        return self._dev_ious(network, index, data.unit_from_normalised[index, view], seen, theta)

    def _facts(self) -> dict[str, Any]:
        return {**super()._facts(), "gsn_sha256": self.gsn_sha256}

    def _write_weights(self, info: Mapping[str, Any]) -> None:
        save_occupancy(self.weights, self.network, info, self.ema.state)
