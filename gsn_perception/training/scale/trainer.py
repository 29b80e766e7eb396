"""Trainer of the scale network on views of objects on a table, with planes that err."""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.gsn.plane_scale.maps import plane_maps
from gsn_perception.gsn.plane_scale.network import CONFIGS
from gsn_perception.gsn.plane_scale.network import ScaleNetwork
from gsn_perception.gsn.plane_scale.weights import KIND
from gsn_perception.gsn.plane_scale.weights import save_scale_network
from gsn_perception.io.checkpoints import load_checkpoint
from gsn_perception.training.batches import ObjectSampler
from gsn_perception.training.batches import prefetched
from gsn_perception.training.loop import Loop
from gsn_perception.training.run_config import require_data
from gsn_perception.training.scale.batches import PlaneErrors
from gsn_perception.training.scale.batches import ScaleBatch
from gsn_perception.training.scale.batches import augmented
from gsn_perception.training.scale.batches import scale_batch
from gsn_perception.training.scale.calibration import corrections
from gsn_perception.training.scale.calibration import error_figures
from gsn_perception.training.scale.calibration import sigma_factor
from gsn_perception.training.scale.config import ScaleTrainConfig
from gsn_perception.training.scale.data import ScaleDataset

_FREEDOM = 5.0  # of the Student distribution whose likelihood is the loss: a few views are far off


class ScaleTrainer(Loop[ScaleNetwork]):
    """A resumable training run of the scale network.

    Args:
        config: Settings of the run.
        progress: Whether to show a progress bar.

    Raises:
        InputError: there are no data, no configuration of that name, or the initial weights don't fit.
    """

    def __init__(self, config: ScaleTrainConfig, *, progress: bool = True) -> None:
        require_data(config, "gsn data --what scale")
        if config.config not in CONFIGS:
            raise InputError(f"no scale network is named {config.config!r}; choose one of {', '.join(CONFIGS)}")
        super().__init__(config, progress=progress)
        self.config = config
        self.sets = [ScaleDataset(Path(d)) for d in config.data]
        self.dev = ScaleDataset(config.dev) if config.dev is not None else None
        network = ScaleNetwork(CONFIGS[config.config])
        if config.init is not None:
            try:
                network.load_state_dict(dict(load_checkpoint(config.init, KIND).state))
            except RuntimeError as error:
                raise InputError(f"{config.init} has other layers than this network; give its own --config") from error
        self.factors = (1.0, 1.0)
        self._start(network.to(memory_format=torch.channels_last))  # type: ignore[call-overload]

    @property
    def weights(self) -> Path:
        """Output file of the averaged weights."""
        return self.config.out / "scale.safetensors"

    def _batches(self) -> Iterator[ScaleBatch]:
        sampler = ObjectSampler(self.sets)

        def draw() -> ScaleBatch:
            data, objects = sampler.draw(self.config.batch, self.rng, repeat=True)
            rng = np.random.default_rng(self.rng.integers(1 << 62))
            views = rng.integers(data.views, size=len(objects))
            batch = scale_batch(data, objects, views, self._errors(len(objects), rng), rng)
            return ScaleBatch(augmented(batch.crops, rng), batch.truth)

        return prefetched(repeat(draw))

    def _errors(self, count: int, rng: np.random.Generator) -> PlaneErrors:
        config = self.config
        wrong = rng.random(count) >= config.exact

        def drawn(limits: tuple[float, float]) -> np.ndarray:
            values = np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]), count))
            return np.asarray(np.where(wrong & (rng.random(count) < 0.8), values, 0.0))

        offset, tilt = drawn(config.offset_error), np.deg2rad(drawn(config.tilt_error))
        return PlaneErrors(offset, tilt, config.guess_error, config.relief_error)

    def _losses(self, batch: ScaleBatch) -> tuple[dict[str, Tensor], Tensor]:
        device = self.fabric.device
        maps, scalars = (t.to(device) for t in plane_maps(batch.crops))
        shift, log_sigma = self.module(maps.contiguous(memory_format=torch.channels_last), scalars)
        distance = (0.5 / torch.sin(batch.crops.theta)).to(device)[:, None]
        likelihood = student_loss(shift - batch.truth.to(device) * distance, log_sigma).mean(0)
        total = likelihood[0] + self.config.surface_weight * likelihood[1]
        return {"loss": total, "centre": likelihood[0], "surface": likelihood[1]}, total

    @torch.no_grad()
    def _figures(self) -> dict[str, float]:
        """Errors on dev with exact planes, and the factors that make the standard deviations honest there."""
        if self.dev is None:
            return {}
        network = self._averaged(ScaleNetwork(self.network.config)).to(self.fabric.device)
        found = corrections(network, self.dev)
        self.factors = (sigma_factor(found, 0), sigma_factor(found, 1))
        names = ("", "surface_")
        return {f"{names[i]}{k}": v for i in (0, 1) for k, v in error_figures(found, i, self.factors[i]).items()}

    def _facts(self) -> dict[str, Any]:
        made_by = sorted({str(data.header["inferred_by"]) for data in self.sets})
        views = [len(data) * data.views for data in self.sets]
        return {
            "views": views,
            "config_name": self.config.config,
            "gsn_sha256": made_by[0] if len(made_by) == 1 else "",
            "sigma_factors": list(self.factors),
        }

    def _write_weights(self, info: Mapping[str, Any]) -> None:
        save_scale_network(self.weights, self.network, info, self.ema.state)


def student_loss(error: Tensor, log_sigma: Tensor) -> Tensor:
    """Negative logarithm of Student's density of errors, up to a constant; elementwise."""
    spread = (error * torch.exp(-log_sigma)) ** 2 / _FREEDOM
    return log_sigma + 0.5 * (_FREEDOM + 1) * torch.log1p(spread) + 0.5 * math.log(_FREEDOM)
