"""Options of `gsn fit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """Over which values, on which objects."""

    objects: Path
    """Folder of objects (OBJ, PLY, STL or GLB) to fit on."""
    what: Literal["skin", "confidence"] = "skin"
    """skin: how the mesh wraps the splat; confidence: which Gaussians count as seen."""
    gains: tuple[float, ...] = (4.0,)
    """Values of SolidSettings.opacity_gain to try."""
    levels: tuple[float, ...] = (0.0, 0.012, 0.024)
    """Values of SolidSettings.level to try."""
    votes: tuple[int, ...] = (3,)
    """Values of SolidSettings.votes to try."""
    budget: Literal["smoke", "short", "full"] = "short"
    """How many objects: smoke 3, short 12, full all."""
    checkpoint: str | None = None
    """Weights (.safetensors) or the name of shipped ones."""
    write: bool = False
    """Store the best ones beside the weights, where whoever loads them finds them."""
    json: Path | None = None
    """Write every figure to this file."""
    seed: int = 0
    """Seed of views, sensor noise and samples."""
