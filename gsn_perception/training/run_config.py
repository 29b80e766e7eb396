"""What every training run can be told, whichever network it trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run: a full schedule, resumable, fit for `minutes` of wall clock or `steps`, whichever is asked for."""

    data: tuple[Path, ...] = ()
    """Training dataset folders made by `gsn data`; objects of all are mixed."""
    dev: Path | None = None
    """Dataset folder to evaluate on as training goes."""
    out: Path = Path("runs/gsn")
    """Where checkpoints, TensorBoard logs and pictures go."""
    steps: int = 12000
    """Length of the schedule."""
    minutes: float = 0.0
    """Fit the schedule into this many minutes of wall clock instead; 0 counts steps."""
    batch: int = 16
    """Objects per step."""
    lr: float = 1e-3
    """Peak learning rate (Adam, linear warm-up, cosine to 1 %)."""
    warmup: int = 150
    """Warm-up steps."""
    clip: float = 1.0
    """Gradient norm limit."""
    weight_decay: float = 0.0
    """Decoupled weight decay."""
    ema: float = 0.998
    """Decay of the averaged weights that are evaluated and saved."""
    eval_minutes: float = 10.0
    """Minutes between evaluations on dev."""
    precision: str = "auto"
    """lightning-fabric precision; auto: bf16-mixed where the processor computes in it, else 32-true."""
    accelerator: str = "auto"
    """lightning-fabric accelerator: auto, cpu or cuda."""
    devices: int = 1
    """Processes."""
    seed: int = 0
    """Seed of everything random."""
    resume: bool = False
    """Go on from OUT/last.ckpt."""
