"""`gsn train scale`: train the network that corrects the scale from a support plane, on `gsn data --what scale`."""

from __future__ import annotations

from gsn_perception.cli.train.running import run_to_end
from gsn_perception.cli.train.running import save_on_signals
from gsn_perception.training.scale.config import ScaleTrainConfig

Options = ScaleTrainConfig


def run(options: ScaleTrainConfig) -> int:
    """Train to the end of the schedule and print the last metrics."""
    from gsn_perception.training.scale.trainer import ScaleTrainer

    save_on_signals()
    trainer = ScaleTrainer(options)
    return run_to_end(trainer.run, trainer.weights, decimals=4)
