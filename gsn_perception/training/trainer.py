"""Trainer of the Gaussian Sculpting Network (`gsn train`)."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import ClassVar

import torch
from torch import Tensor
from torch import nn
from tqdm import tqdm

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.gsn.config import GsnConfig
from gsn_perception.gsn.config import named_config
from gsn_perception.gsn.equivariance import extended_chamfer_distance
from gsn_perception.gsn.equivariance import roll_gaussians
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.network import roll_image
from gsn_perception.gsn.weights import load_matching_weights
from gsn_perception.gsn.weights import save_gsn
from gsn_perception.rendering import render
from gsn_perception.training.augment import augment_scene
from gsn_perception.training.augment import degrade_input
from gsn_perception.training.augment import random_roll
from gsn_perception.training.augment import roll_scene
from gsn_perception.training.augment import simulate_depth
from gsn_perception.training.config import TrainConfig
from gsn_perception.training.config import ViewsConfig
from gsn_perception.training.data import Batch
from gsn_perception.training.data import ViewDataset
from gsn_perception.training.data import first_views
from gsn_perception.training.data import random_batches
from gsn_perception.training.evaluate import evaluate
from gsn_perception.training.evaluate import write_sheet
from gsn_perception.training.loop import Loop
from gsn_perception.training.losses.multi_view import loss_parts
from gsn_perception.training.losses.multi_view import total
from gsn_perception.training.run_config import require_data
from gsn_perception.training.support import TensorOutputs
from gsn_perception.training.support import make_lpips
from gsn_perception.training.support import read_state


class GsnLoop(Loop[GSN]):
    """A resumable run of a GSN on data sets of views: data, network, augmentation, evaluation, weights.

    Args:
        config: Settings of the run.
        progress: Whether to show a progress bar.
        architecture: Architecture of the network, instead of the named one.
    """

    def __init__(self, config: ViewsConfig, *, progress: bool = True, architecture: GsnConfig | None = None) -> None:
        require_data(config, "gsn data")
        super().__init__(config, progress=progress)
        self.views_config = config
        self.sets = [ViewDataset(Path(d)) for d in config.data]
        self.dev = ViewDataset(config.dev) if config.dev is not None else None
        self.architecture = architecture or named_config(config.config)
        network = self._network()
        module = self._module(network)
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._start(network, module)

    def _network(self) -> GSN:
        """The network with its initial weights."""
        config, network = self.views_config, GSN(self.architecture)
        if config.init is not None:
            fresh = load_matching_weights(network, config.init)
            tqdm.write(f"start from {config.init}" + (f"; fresh: {', '.join(fresh)}" if fresh else ""))
        if config.imagenet is not None:
            network.encoder.load_imagenet(read_state(config.imagenet))
        return network

    @abstractmethod
    def _module(self, network: GSN) -> nn.Module:
        """The wrapper of the network that training steps call."""

    def _prepare(self, batch: Batch) -> tuple[Batch, Tensor]:
        """Augmented batch and network input [B,7,S,S]."""
        settings = self.views_config.augment
        batch = augment_scene(batch.to(self.fabric.device), settings, self.rng)
        depth = simulate_depth(batch, settings, self.rng) if self.network.config.depth else None
        batch, image = roll_scene(batch, random_roll(batch, settings, self.rng), depth)
        return batch, degrade_input(image, settings, self.rng).contiguous(memory_format=torch.channels_last)

    def _figures(self) -> dict[str, float]:
        """Figures of the averaged weights on dev, with a contact sheet."""
        if self.dev is None:
            return {}
        figures, sheet = evaluate(self._averaged(GSN(self.network.config)).to(self.fabric.device), self.dev)
        write_sheet(self.settings.out / f"sheet_{self.step:06d}.png", sheet)
        return figures

    def _facts(self) -> dict[str, Any]:
        return {"objects": [len(s) for s in self.sets]}

    def _write_weights(self, info: Mapping[str, Any]) -> None:
        save_gsn(self.settings.out / "gsn.safetensors", self.network, info, self.ema.state)


class Trainer(GsnLoop):
    """A resumable training run of a GSN.

    Args:
        config: Settings of the run.
        progress: Whether to show a progress bar.
        architecture: Architecture of the network, instead of the named one.
    """

    shown: ClassVar[str] = "l2"

    def __init__(self, config: TrainConfig, *, progress: bool = True, architecture: GsnConfig | None = None) -> None:
        self.config = config
        super().__init__(config, progress=progress, architecture=architecture)
        self.lpips = make_lpips(config, self.fabric.device)

    def _module(self, network: GSN) -> nn.Module:
        return TensorOutputs(network)

    def _batches(self) -> Iterator[Batch]:
        return random_batches(self.sets, self.config.batch, self.config.views, self._size, self.rng)

    def _losses(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        config = self.config
        batch, image = self._prepare(batch)
        stages = self._infer(image, batch.theta)
        gaussians = stages[-1]
        parts = self._parts(gaussians, batch)
        if len(stages) > 1 and config.loss.sculpted:
            parts["sculpted"] = total(self._parts(stages[0], first_views(batch, 2)), config.loss)
        if config.loss.ecd:
            parts["ecd"] = self._ecd(gaussians, image, batch.theta)
        return parts, total(parts, config.loss)

    def _infer(self, image: Tensor, theta: Tensor) -> list[Gaussians]:
        """The network's stages, float32."""
        tensors = [t.float() for t in self.module(image, theta)]
        return [Gaussians(*tensors[i : i + 5]) for i in range(0, len(tensors), 5)]

    def _parts(self, gaussians: Gaussians, batch: Batch) -> dict[str, Tensor]:
        rendering = render(gaussians, batch.cameras, background=torch.ones(3, device=self.fabric.device))
        parts = loss_parts(gaussians, rendering, batch, self.config.loss)
        if self.lpips is not None:
            parts["lpips"] = self.lpips(rendering.rgb, batch.rgb).mean()
        return parts

    def _ecd(self, gaussians: Gaussians, image: Tensor, theta: Tensor) -> Tensor:
        count = min(self.config.ecd_samples, len(image))
        angle = torch.from_numpy(self.rng.uniform(0, 2 * math.pi, count)).float().to(image.device)
        again = self._infer(roll_image(image[:count], angle), theta[:count])[-1]
        return extended_chamfer_distance(again, roll_gaussians(gaussians[:count], angle), self.config.ecd).mean()

    def _size(self) -> int:
        late = self.schedule_fraction >= 1 - self.config.final_share
        return self.config.final_size if late else self.config.size
