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
    """Kinds of input clouds, and random augmentation of clouds and queries."""

    full: float = 0.3
    """Share of clouds that cover the whole surface, as from many views."""
    partial: float = 0.15
    """Share of clouds with the measured points of one view only; the others are completed if the dataset is."""
    noise: float = 0.005
    """Largest standard deviation of the noise of whole clouds, relative to the extent."""
    mirror: float = 0.5
    """Probability of mirroring left and right."""
    roll: float = 1.0
    """Probability of a random roll about the viewing axis."""
    scale: float = 0.04
    """Standard deviation of the logarithm of a common scale."""


@dataclass(frozen=True, slots=True)
class SurfaceTrainConfig(RunConfig):
    """A training run of a surface network, on folders made by `gsn data --what surface`."""

    model: SurfaceModel = "convonet"
    """onet: image to occupancy; convonet: cloud to occupancy; peif: cloud to displacements."""
    config: str = "lean"
    """Named configuration of the network."""
    out: Path = Path("runs/surface")
    """Folder for checkpoints and TensorBoard logs."""
    checkpoint: str | None = None
    """Weights (file or name of shipped ones) of the GSN whose latent conditions `onet`."""
    steps: int = 6000
    """Length of the schedule."""
    batch: int = 12
    """Objects per step."""
    queries: int = 1024
    """Query points per object (2048 in the papers)."""
    cloud: int = 2048
    """Points of an input cloud (3000 in the papers)."""
    dense: int = 10_000
    """For `peif`: largest number of points of a cloud; the smallest is `cloud`."""
    near: float = 0.5
    """Share of occupancy queries near the surface; the others are uniform in the box (1 in the papers)."""
    copies: int = 3
    """Augmented copies of each view with precomputed latents, for `onet` conditioned on a GSN."""
    augment: CloudAugmentation = field(default_factory=CloudAugmentation)
    """Augmentation of clouds."""
    dev_objects: int = 24
    """Largest number of dev objects that are evaluated."""
