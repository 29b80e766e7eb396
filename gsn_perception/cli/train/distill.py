"""`gsn train distill`: teach a Gaussian network with another encoder what a trained one gives its heads (a warm start)."""

from __future__ import annotations

import signal

from gsn_perception.training.distill import DistillConfig

Options = DistillConfig


def run(options: DistillConfig) -> int:
    """Distil to the end of the schedule and print the last metrics."""
    from gsn_perception.training.distill import Distiller

    # background processes ignore SIGINT by default; both signals save the state for --resume
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    figures = Distiller(options).run()
    print(f"weights: {options.out / 'gsn.safetensors'}")
    for name, value in figures.items():
        print(f"{name:20s} {value:.3f}")
    return 0
