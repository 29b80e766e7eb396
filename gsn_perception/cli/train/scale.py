"""`gsn train scale`: train the network that corrects the scale from a support plane, on `gsn data --what scale`."""

from __future__ import annotations

import signal

from gsn_perception.training.scale.config import ScaleTrainConfig

Options = ScaleTrainConfig


def run(options: ScaleTrainConfig) -> int:
    """Train to the end of the schedule and print the last metrics."""
    from gsn_perception.training.scale.trainer import ScaleTrainer

    # background processes ignore SIGINT by default; both signals save the state for --resume
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    trainer = ScaleTrainer(options)
    figures = trainer.run()
    print(f"weights: {trainer.weights}")
    for name, value in figures.items():
        print(f"{name:20s} {value:.4f}")
    return 0
