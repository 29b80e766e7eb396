"""Settings of a training run of a surface network (onet, convonet, peif)."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Literal

from gsn_perception.training.run_config import RunConfig

SurfaceModel = Literal["onet", "convonet", "peif"]


@dataclass(frozen=True, slots=True)
class CloudAugmentation:
    """What clouds are made of, and random changes of clouds and queries alike."""

    full: float = 0.3
    """Part of the clouds that are the whole surface, as from many views."""
    partial: float = 0.15
    """Part of the clouds that are what one view measured, alone; the others are completed where the data are."""
    noise: float = 0.005
    """Largest standard deviation of the noise of whole clouds, shares of the extent."""
    mirror: float = 0.5
    """Probability of mirroring left and right."""
    roll: float = 1.0
    """Probability of a random roll about the viewing axis."""
    scale: float = 0.04
    """Standard deviation of the logarithm of a common scale."""


@dataclass(frozen=True, slots=True)
class SurfaceTrainConfig(RunConfig):
    """A run of a surface network, on folders made by `gsn data --what surface`."""

    model: SurfaceModel = "convonet"
    """onet: image to occupancy; convonet: cloud to occupancy; peif: cloud to displacements."""
    config: str = "lean"
    """Named configuration of the network."""
    out: Path = Path("runs/surface")
    """Where checkpoints and TensorBoard logs go."""
    checkpoint: str | None = None
    """Weights of the Gaussian network whose latent conditions `onet` (or the name of shipped ones)."""
    steps: int = 6000
    """Length of the schedule."""
    batch: int = 12
    """Objects per step."""
    queries: int = 1024
    """Query points an object (2048 in the papers)."""
    cloud: int = 2048
    """Points of an input cloud (3000 in the papers)."""
    dense: int = 10_000
    """Most points of a cloud for `peif`, whose clouds have between `cloud` and so many."""
    near: float = 0.5
    """Part of the occupancy queries about the surface; the others are uniform in the box (1 in the papers)."""
    copies: int = 3
    """Augmented copies of each view whose latents are made once, for `onet` conditioned on a Gaussian network."""
    augment: CloudAugmentation = field(default_factory=CloudAugmentation)
    """Clouds and their changes."""
    dev_objects: int = 24
    """Objects of dev that are evaluated, at most."""
