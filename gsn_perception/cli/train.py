"""`gsn train`: train a Gaussian Sculpting Network on pre-rendered views."""

from __future__ import annotations

from gsn_perception.training.config import TrainConfig

Options = TrainConfig


def run(options: TrainConfig) -> int:
    """Train to the end of the schedule and print the last figures."""
    from gsn_perception.training.trainer import Trainer

    figures = Trainer(options).run()
    print(f"weights: {options.out / 'gsn.safetensors'}")
    for name, value in figures.items():
        print(f"{name:20s} {value:.3f}")
    return 0
