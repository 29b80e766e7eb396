"""`gsn train distill`: teach a Gaussian network with another encoder what a trained one gives its heads (a warm start)."""

from __future__ import annotations

from gsn_perception.cli.train.running import run_to_end
from gsn_perception.cli.train.running import save_on_signals
from gsn_perception.training.distill import DistillConfig

Options = DistillConfig


def run(options: DistillConfig) -> int:
    """Distil to the end of the schedule and print the last metrics."""
    from gsn_perception.training.distill import Distiller

    save_on_signals()
    return run_to_end(Distiller(options).run, options.out / "gsn.safetensors")
