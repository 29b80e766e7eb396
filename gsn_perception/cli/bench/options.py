"""Options shared by the parts of `gsn bench` that measure the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gsn_perception.cli.eval.options import Budget


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """Number of repeats, seed and output files."""

    budget: Budget = "full"
    """Number of repeats: smoke is a functional check, short repeats less than full."""
    threads: int = 0
    """Number of threads of torch and the kernels; 0 = all cores."""
    json: Path | None = None
    """Write all results to this file."""
    out: Path | None = None
    """Write a bar chart to this PNG."""
    seed: int = 0
    """Seed of the test data."""
