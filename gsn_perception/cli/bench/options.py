"""What the parts of `gsn bench` that measure the pipeline are all told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gsn_perception.cli.eval.options import Budget


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How thoroughly, on what, and where the figures go."""

    budget: Budget = "full"
    """How thoroughly: smoke shows that it runs, short repeats less than full."""
    threads: int = 0
    """Threads torch and the kernels may use; 0 = all cores."""
    json: Path | None = None
    """Write every figure to this file."""
    out: Path | None = None
    """Write a bar chart to this PNG."""
    seed: int = 0
    """Seed of what is measured on."""
