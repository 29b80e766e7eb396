"""`gsn train`: train a Gaussian Sculpting Network on pre-rendered views; other networks have sub-commands."""

from __future__ import annotations

import signal

from gsn_perception.training.config import TrainConfig

Options = TrainConfig
SUBCOMMANDS = {"surface": "train.surface", "scale": "train.scale", "distill": "train.distill"}
"""Sub-commands with a separate module and separate options."""


def run(options: TrainConfig) -> int:
    """Train to the end of the schedule and print the last metrics."""
    from gsn_perception.training.trainer import Trainer

    # background processes ignore SIGINT by default; both signals save the state for --resume
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    figures = Trainer(options).run()
    print(f"weights: {options.out / 'gsn.safetensors'}")
    for name, value in figures.items():
        print(f"{name:20s} {value:.3f}")
    return 0
