"""Settings of a training run of the scale network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gsn_perception.training.run_config import RunConfig


@dataclass(frozen=True, slots=True)
class ScaleTrainConfig(RunConfig):
    """A training run of the network that corrects the scale from a support plane."""

    out: Path = Path("runs/scale")
    """Folder for checkpoints and TensorBoard logs."""
    batch: int = 32
    """Views per step."""
    lr: float = 2e-3
    """Peak learning rate (Adam, linear warm-up, cosine to 1 %)."""
    weight_decay: float = 1e-3
    """Decoupled weight decay."""
    exact: float = 0.35
    """Share of views whose plane is exact."""
    offset_error: tuple[float, float] = (5e-4, 0.02)
    """Range of the standard deviation of the camera's height above the other planes, relative to that height."""
    tilt_error: tuple[float, float] = (0.05, 2.0)
    """Range of the standard deviation of the other planes' direction, degrees."""
    guess_error: float = 0.03
    """Standard deviation of errors added to the guessed scale, normalised units along the view."""
    relief_error: float = 1.0
    """Size of errors added to the splats' depth: on unseen objects they are larger than on training objects."""
    surface_weight: float = 0.5
    """Weight of the scale by the visible side beside that by the box centre."""
