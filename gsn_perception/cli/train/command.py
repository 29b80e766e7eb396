"""`gsn train`: train a Gaussian Sculpting Network on pre-rendered views; `gsn train surface` trains surface networks."""

from __future__ import annotations

import signal

from gsn_perception.training.config import TrainConfig

Options = TrainConfig
BESIDE = {"surface": "train.surface"}
"""Words after the command that have a module, and so options, of their own."""


def run(options: TrainConfig) -> int:
    """Train to the end of the schedule and print the last figures."""
    from gsn_perception.training.trainer import Trainer

    # a run in the background ignores SIGINT; both signals save what is needed for --resume
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    figures = Trainer(options).run()
    print(f"weights: {options.out / 'gsn.safetensors'}")
    for name, value in figures.items():
        print(f"{name:20s} {value:.3f}")
    return 0
