"""The training loop."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file
from torch import Tensor
from tqdm import tqdm

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.gsn.config import GsnConfig
from gsn_perception.gsn.config import named_config
from gsn_perception.gsn.equivariance import extended_chamfer_distance
from gsn_perception.gsn.equivariance import roll_gaussians
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.network import parameter_count
from gsn_perception.gsn.network import roll_image
from gsn_perception.gsn.weights import save_gsn
from gsn_perception.gsn.weights import start_from
from gsn_perception.rendering import render
from gsn_perception.training.augment import augment_scene
from gsn_perception.training.augment import degrade_input
from gsn_perception.training.augment import measure_depth
from gsn_perception.training.augment import random_roll
from gsn_perception.training.augment import roll_scene
from gsn_perception.training.config import TrainConfig
from gsn_perception.training.data import Batch
from gsn_perception.training.data import ViewDataset
from gsn_perception.training.data import first_views
from gsn_perception.training.data import random_batches
from gsn_perception.training.ema import Ema
from gsn_perception.training.evaluate import evaluate
from gsn_perception.training.evaluate import write_sheet
from gsn_perception.training.losses import loss_parts
from gsn_perception.training.losses import total
from gsn_perception.training.support import PlainTensors
from gsn_perception.training.support import Scalars
from gsn_perception.training.support import pick_precision
from gsn_perception.training.support import wanted_lpips


class Trainer:
    """A resumable run of one schedule.

    Args:
        config: What to do.
        progress: Whether to show a progress bar.
        architecture: Of the network, instead of the named one.
    """

    def __init__(self, config: TrainConfig, *, progress: bool = True, architecture: GsnConfig | None = None) -> None:
        if not config.data:
            raise InputError("no training data: give --data with one or more folders built by `gsn data`")
        self.config, self.progress = config, progress
        precision = pick_precision() if config.precision == "auto" else config.precision
        self.fabric = Fabric(accelerator=config.accelerator, devices=config.devices, precision=precision)  # type: ignore[arg-type]
        self.fabric.launch()
        self.fabric.seed_everything(config.seed + self.fabric.global_rank, verbose=False)
        self.rng = np.random.default_rng([config.seed, self.fabric.global_rank])
        self.sets = [ViewDataset(Path(d)) for d in config.data]
        self.dev = ViewDataset(config.dev) if config.dev is not None else None
        self.lpips = wanted_lpips(config, self.fabric.device)
        self.architecture = architecture or named_config(config.config)
        self.network = self._network()
        module = PlainTensors(self.network)
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = torch.optim.AdamW(
            module.parameters(), lr=config.lr, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
        )
        self.module, self.optimiser = self.fabric.setup(module, optimiser)
        self.ema = Ema(self.network, config.ema)
        self.step, self.elapsed = 0, 0.0
        if config.resume:
            self._resume()

    def _network(self) -> GSN:
        network = GSN(self.architecture)
        if self.config.init is not None:
            fresh = start_from(network, self.config.init)
            tqdm.write(f"start from {self.config.init}" + (f"; fresh: {', '.join(fresh)}" if fresh else ""))
        if self.config.imagenet is not None:
            network.encoder.load_imagenet(load_file(self.config.imagenet))
        return network

    @property
    def share(self) -> float:
        """How much of the schedule is done, in [0, 1]."""
        if self.config.minutes > 0:
            return min(1.0, self.elapsed / (60 * self.config.minutes))
        return min(1.0, self.step / self.config.steps)

    def run(self) -> dict[str, float]:
        """Train to the end of the schedule; weights go to OUT/gsn.safetensors.

        Returns:
            The last figures on dev (empty without a dev set).
        """
        config = self.config
        config.out.mkdir(parents=True, exist_ok=True)
        (config.out / "config.json").write_text(json.dumps(asdict(config), default=str, indent=1))
        figures: dict[str, float] = {}
        next_eval = self.elapsed + 60 * config.eval_minutes
        batches = random_batches(self.sets, config.batch, config.views, self._size, self.rng)
        bar = tqdm(total=100.0, initial=100 * self.share, disable=not self.progress, unit="%", desc="train", ncols=110)
        with self._writer() as write:
            try:
                while self.share < 1:
                    self._timed_step(batches, bar, write)
                    if self.elapsed > next_eval:
                        figures = self._evaluate(write)
                        self._save(figures)
                        next_eval = self.elapsed + 60 * config.eval_minutes
            except KeyboardInterrupt:
                self._save(figures)  # so that --resume goes on from here
                raise
            figures = self._evaluate(write)
            self._save(figures)
        bar.close()
        return figures

    def _timed_step(self, batches: Iterator[Batch], bar: tqdm, write: Scalars) -> None:
        began = time.perf_counter()
        parts = self._step(batches)
        self.step += 1
        # one clock for all processes: each would leave the loop at a step of its own, and the others wait for ever
        self.elapsed += self.fabric.broadcast(time.perf_counter() - began)
        bar.update(100 * self.share - bar.n)
        if self.step % 50 == 0:
            values = {k: float(v.detach()) for k, v in parts.items()}
            bar.set_postfix(step=self.step, l2=f"{values['l2']:.4f}", refresh=False)
            write({f"loss/{k}": v for k, v in values.items()}, self.step)

    def _step(self, batches: Iterator[Batch]) -> dict[str, Tensor]:
        config = self.config
        self.module.train()
        for group in self.optimiser.param_groups:
            group["lr"] = config.lr * self._rate()
        batch, image = self._prepare(next(batches))
        stages = self._infer(image, batch.theta)
        gaussians = stages[-1]
        parts = self._parts(gaussians, batch)
        if len(stages) > 1 and config.loss.sculpted:
            parts["sculpted"] = total(self._parts(stages[0], first_views(batch, 2)), config.loss)
        if config.loss.ecd:
            parts["ecd"] = self._ecd(gaussians, image, batch.theta)
        loss = total(parts, config.loss)
        self.optimiser.zero_grad()
        self.fabric.backward(loss)
        norm = self.fabric.clip_gradients(self.module, self.optimiser, max_norm=config.clip, error_if_nonfinite=False)
        if norm is None or bool(torch.isfinite(norm)):
            self.optimiser.step()
            self.ema.update(self.network)
        return parts

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

    def _prepare(self, batch: Batch) -> tuple[Batch, Tensor]:
        """Augmented batch and network input [B,7,S,S]."""
        settings = self.config.augment
        batch = augment_scene(batch.to(self.fabric.device), settings, self.rng)
        depth = measure_depth(batch, settings, self.rng) if self.network.config.depth else None
        batch, image = roll_scene(batch, random_roll(batch, settings, self.rng), depth)
        return batch, degrade_input(image, settings, self.rng).contiguous(memory_format=torch.channels_last)

    def _ecd(self, gaussians: Gaussians, image: Tensor, theta: Tensor) -> Tensor:
        count = min(self.config.ecd_samples, len(image))
        angle = torch.from_numpy(self.rng.uniform(0, 2 * math.pi, count)).float().to(image.device)
        again = self._infer(roll_image(image[:count], angle), theta[:count])[-1]
        return extended_chamfer_distance(again, roll_gaussians(gaussians[:count], angle), self.config.ecd).mean()

    def _size(self) -> int:
        late = self.share >= 1 - self.config.final_share
        return self.config.final_size if late else self.config.size

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / max(self.config.warmup, 1))
        return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.share)))

    def _average(self) -> GSN:
        """The averaged weights as a network."""
        average = GSN(self.network.config).to(self.fabric.device)
        average.load_state_dict(self.ema.state)
        return average

    def _evaluate(self, write: Scalars) -> dict[str, float]:
        """Figures of the averaged weights on dev, with a contact sheet; nothing without a dev set."""
        if self.fabric.global_rank != 0 or self.dev is None:
            return {}
        figures, sheet = evaluate(self._average(), self.dev)
        write({f"dev/{k}": v for k, v in figures.items()}, self.step)
        write_sheet(self.config.out / f"sheet_{self.step:06d}.png", sheet)
        tqdm.write(f"step {self.step}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()))
        return figures

    def _save(self, figures: dict[str, float]) -> None:
        """Averaged weights as OUT/gsn.safetensors, and everything needed to go on as OUT/last.ckpt."""
        if self.fabric.global_rank != 0:
            return
        info = {
            "steps": self.step,
            "minutes": round(self.elapsed / 60, 1),
            "seed": self.config.seed,
            "parameters": parameter_count(self.network),
            "objects": [len(s) for s in self.sets],
            "dev": figures,
        }
        save_gsn(self.config.out / "gsn.safetensors", self.network, info, self.ema.state)
        state = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(), "ema": self.ema.state}
        counters = {"step": self.step, "elapsed": self.elapsed, "updates": self.ema.updates}
        part = self.config.out / "last.part"
        torch.save({**state, **counters}, part)
        part.replace(self.config.out / "last.ckpt")

    def _resume(self) -> None:
        path = self.config.out / "last.ckpt"
        if not path.is_file():
            raise InputError(f"{path} does not exist, so there is nothing to resume; run without --resume first")
        state = torch.load(path, map_location=self.fabric.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema.load(state["ema"], state["updates"])
        self.step, self.elapsed = state["step"], state["elapsed"]
        self.rng = np.random.default_rng([self.config.seed, self.fabric.global_rank, self.step])

    def _writer(self) -> Scalars:
        return Scalars(self.config.out if self.fabric.global_rank == 0 else None)
