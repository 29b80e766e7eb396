"""Resumable training loop: schedule, averaged weights, checkpoints, progress bar. Subclasses define data and loss."""

from __future__ import annotations

import json
import math
import time
from abc import ABC
from abc import abstractmethod
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from typing import ClassVar
from typing import Generic
from typing import TypeVar

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch import nn
from tqdm import tqdm

from gsn_perception.geometry.errors import InputError
from gsn_perception.gsn.network import parameter_count
from gsn_perception.training.ema import Ema
from gsn_perception.training.run_config import RunConfig
from gsn_perception.training.support import ScalarLog
from gsn_perception.training.support import pick_precision

N = TypeVar("N", bound=nn.Module)


class Loop(ABC, Generic[N]):
    """A resumable run of one schedule; subclasses call :meth:`_start` with their network at the end of ``__init__``.

    Args:
        config: Settings of the run.
        progress: Whether to show a progress bar.
    """

    shown: ClassVar[str] = "loss"
    """Name of the loss part that the progress bar shows."""

    def __init__(self, config: RunConfig, *, progress: bool = True) -> None:
        self.settings, self.progress = config, progress
        precision = pick_precision() if config.precision == "auto" else config.precision
        self.fabric = Fabric(accelerator=config.accelerator, devices=config.devices, precision=precision)  # type: ignore[arg-type]
        self.fabric.launch()
        self.fabric.seed_everything(config.seed + self.fabric.global_rank, verbose=False)
        self.rng = np.random.default_rng([config.seed, self.fabric.global_rank])
        self.step, self.elapsed = 0, 0.0
        self.network: N
        self.module: Any
        self.optimiser: Any
        self.ema: Ema

    def _start(self, network: N, module: nn.Module | None = None) -> None:
        """Set up the optimiser and the average; if ``resume`` is set, load the state of the earlier run.

        Args:
            network: The network that is averaged and saved.
            module: The wrapper of the network that training steps call; the network itself by default.
        """
        config = self.settings
        module = network if module is None else module
        optimiser = torch.optim.AdamW(
            module.parameters(), lr=config.lr, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
        )
        self.network = network
        self.module, self.optimiser = self.fabric.setup(module, optimiser)
        self.ema = Ema(self.network, config.ema)
        if config.resume:
            self._resume()

    @abstractmethod
    def _batches(self) -> Iterator[Any]:
        """Endless batches."""

    @abstractmethod
    def _losses(self, batch: Any) -> tuple[dict[str, Tensor], Tensor]:
        """The parts of the loss of a batch, and the total that is minimised."""

    @abstractmethod
    def _figures(self) -> dict[str, float]:
        """Figures of the averaged weights on dev; empty without a dev set. Called on the first process only."""

    @abstractmethod
    def _write_weights(self, info: Mapping[str, Any]) -> None:
        """Save the averaged weights with their provenance."""

    def _facts(self) -> dict[str, Any]:
        """Further provenance of the saved weights, besides the schedule."""
        return {}

    def _averaged(self, network: N) -> N:
        """``network`` (new, of the same architecture) with the averaged weights, in eval mode."""
        network.load_state_dict(self.ema.state)
        return network.eval()

    @property
    def schedule_fraction(self) -> float:
        """Completed fraction of the schedule, in [0, 1]."""
        if self.settings.minutes > 0:
            return min(1.0, self.elapsed / (60 * self.settings.minutes))
        return min(1.0, self.step / self.settings.steps)

    def run(self) -> dict[str, float]:
        """Train to the end of the schedule; writes weights and the state for ``--resume`` to OUT.

        Returns:
            The last figures on dev (empty without a dev set).
        """
        config = self.settings
        config.out.mkdir(parents=True, exist_ok=True)
        (config.out / "config.json").write_text(json.dumps(asdict(config), default=str, indent=1))  # type: ignore[call-overload]
        figures: dict[str, float] = {}
        next_eval = self.elapsed + 60 * config.eval_minutes
        batches = self._batches()
        bar = tqdm(
            total=100.0,
            initial=100 * self.schedule_fraction,
            disable=not self.progress,
            unit="%",
            desc="train",
            ncols=110,
        )
        with ScalarLog(config.out if self.fabric.global_rank == 0 else None) as write:
            try:
                while self.schedule_fraction < 1:
                    self._timed_step(batches, bar, write)
                    if self.elapsed > next_eval:
                        figures = self._evaluate(write)
                        self._save(figures)
                        next_eval = self.elapsed + 60 * config.eval_minutes
            except KeyboardInterrupt:
                self._save(figures)  # so that --resume continues from here
                raise
            figures = self._evaluate(write)
            self._save(figures)
        bar.close()
        return figures

    def _timed_step(self, batches: Iterator[Any], bar: tqdm, write: ScalarLog) -> None:
        began = time.perf_counter()
        parts = self._step(batches)
        self.step += 1
        # one clock for all processes: with own clocks they would leave the loop at different steps and block each other
        self.elapsed += self.fabric.broadcast(time.perf_counter() - began)
        bar.update(100 * self.schedule_fraction - bar.n)
        if self.step % 50 == 0:
            values = {k: float(v.detach()) for k, v in parts.items()}
            bar.set_postfix({"step": self.step, self.shown: f"{values[self.shown]:.4f}"}, refresh=False)
            write({f"loss/{k}": v for k, v in values.items()}, self.step)

    def _step(self, batches: Iterator[Any]) -> dict[str, Tensor]:
        self.module.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.lr * self._rate()
        parts, loss = self._losses(next(batches))
        self.optimiser.zero_grad()
        self.fabric.backward(loss)
        clip = self.settings.clip
        norm = self.fabric.clip_gradients(self.module, self.optimiser, max_norm=clip, error_if_nonfinite=False)
        if norm is None or bool(torch.isfinite(norm)):
            self.optimiser.step()
            self.ema.update(self.network)
        return parts

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / max(self.settings.warmup, 1))
        return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.schedule_fraction)))

    def _evaluate(self, write: ScalarLog) -> dict[str, float]:
        if self.fabric.global_rank != 0:
            return {}
        figures = self._figures()
        if figures:
            write({f"dev/{k}": v for k, v in figures.items()}, self.step)
            tqdm.write(f"step {self.step}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
        return figures

    def _save(self, figures: dict[str, float]) -> None:
        """Save the averaged weights, and the state for ``--resume`` as OUT/last.ckpt."""
        if self.fabric.global_rank != 0:
            return
        info = {
            "steps": self.step,
            "minutes": round(self.elapsed / 60, 1),
            "seed": self.settings.seed,
            "parameters": parameter_count(self.network),
            **self._facts(),
            "dev": figures,
        }
        self._write_weights(info)
        state = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(), "ema": self.ema.state}
        counters = {"step": self.step, "elapsed": self.elapsed, "updates": self.ema.updates}
        part = self.settings.out / "last.part"
        torch.save({**state, **counters}, part)
        part.replace(self.settings.out / "last.ckpt")

    def _resume(self) -> None:
        path = self.settings.out / "last.ckpt"
        if not path.is_file():
            raise InputError(f"{path} does not exist, so there is nothing to resume; run without --resume first")
        state = torch.load(path, map_location=self.fabric.device, weights_only=True)
        try:
            self.network.load_state_dict(state["network"])
        except RuntimeError:
            raise InputError(f"{path} is of another network; resume with the options of that run") from None
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema.load(state["ema"], state["updates"])
        self.step, self.elapsed = state["step"], state["elapsed"]
        self.rng = np.random.default_rng([self.settings.seed, self.fabric.global_rank, self.step])
