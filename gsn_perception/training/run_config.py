"""Settings shared by every training run: data, output, schedule, optimiser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gsn_perception.geometry.errors import InputError


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One resumable run of a full schedule, whose length is `minutes` of wall clock or a number of `steps`."""

    data: tuple[Path, ...] = ()
    """Training dataset folders made by `gsn data`; objects of all are mixed."""
    dev: Path | None = None
    """Dataset folder to evaluate on during training; for occupancy networks it also sets the threshold."""
    out: Path = Path("runs/gsn")
    """Folder for checkpoints, TensorBoard logs and pictures."""
    config: str = "base"
    """Named configuration of the network."""
    init: Path | None = None
    """Weights of the same kind of network to start from (a warm start); random ones by default. A Gaussian network also
    takes weights of narrower heads or fewer inputs."""
    steps: int = 12000
    """Length of the schedule."""
    minutes: float = 0.0
    """Length of the schedule in minutes of wall clock instead; 0: `steps` counts."""
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
    """lightning-fabric precision; auto: bf16-mixed where the hardware supports bfloat16, else 32-true."""
    accelerator: str = "auto"
    """lightning-fabric accelerator: auto, cpu or cuda."""
    devices: int = 1
    """Number of processes."""
    seed: int = 0
    """Seed of all random numbers."""
    resume: bool = False
    """Continue from OUT/last.ckpt."""


def require_data(config: RunConfig, command: str) -> None:
    """Check that a run has training data.

    Args:
        config: The run.
        command: The command that builds such data.

    Raises:
        InputError: there is none.
    """
    if not config.data:
        raise InputError(f"no training data: give --data with one or more folders built by `{command}`")
