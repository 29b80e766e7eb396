"""`gsn train`: train a Gaussian Sculpting Network on pre-rendered views; other networks have sub-commands."""

from __future__ import annotations

from gsn_perception.cli.train.running import run_to_end
from gsn_perception.cli.train.running import save_on_signals
from gsn_perception.training.config import TrainConfig

Options = TrainConfig
SUBCOMMANDS = {"surface": "train.surface", "scale": "train.scale", "distill": "train.distill"}
"""Sub-commands with a separate module and separate options."""


def run(options: TrainConfig) -> int:
    """Train to the end of the schedule and print the last metrics."""
    from gsn_perception.training.trainer import Trainer

    save_on_signals()
    return run_to_end(Trainer(options).run, options.out / "gsn.safetensors")
