"""Runs a trainer on the command line: signals that save its state, and its last metrics."""

from __future__ import annotations

import signal
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path


def save_on_signals() -> None:
    """Let SIGINT and SIGTERM interrupt the training, which then saves its state for --resume.

    Background processes ignore SIGINT by default.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def run_to_end(train: Callable[[], Mapping[str, float]], weights: Path, *, decimals: int = 3) -> int:
    """Train to the end of the schedule, print the file of the weights and the last metrics; 0."""
    figures = train()
    print(f"weights: {weights}")
    for name, value in figures.items():
        print(f"{name:20s} {value:.{decimals}f}")
    return 0
