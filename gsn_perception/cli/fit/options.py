"""Options of `gsn fit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """Values to try and objects to fit on."""

    objects: Path
    """Folder of objects (OBJ, PLY, STL or GLB) to fit on."""
    what: Literal["skin", "confidence", "scale"] = "skin"
    """skin: parameters of surface extraction from the splat; confidence: which Gaussians count as visible; scale: the
    standard deviation of the learned scale from a support plane."""
    views: int = 8
    """For `scale`: views per object."""
    gains: tuple[float, ...] = (4.0,)
    """Values of SolidSettings.opacity_gain to try."""
    levels: tuple[float, ...] = (0.0, 0.012, 0.024)
    """Values of SolidSettings.level to try."""
    votes: tuple[int, ...] = (3,)
    """Values of SolidSettings.votes to try."""
    budget: Literal["smoke", "short", "full"] = "short"
    """Number of objects: smoke 3, short 12, full all."""
    checkpoint: str | None = None
    """Weights (.safetensors) or the name of shipped ones."""
    write: bool = False
    """Store the best values in the JSON file of the weights, from which they are loaded."""
    json: Path | None = None
    """Write all results to this file."""
    seed: int = 0
    """Seed of views, sensor noise and samples."""
