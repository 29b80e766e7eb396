"""What the formats for splats have in common: one splat as checked numpy arrays, and what a format loses of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gsn_perception.geometry.errors import InputError

if TYPE_CHECKING:
    from gsn_perception.geometry.gaussians import Gaussians

SH_C0 = 0.28209479177387814  # the constant spherical harmonic, 1 / (2 sqrt(pi))


@dataclass(frozen=True, slots=True, eq=False)
class SplatValues:
    """N Gaussians as numpy arrays, finite, with unit quaternions.

    Attributes:
        means: [N,3] metres.
        scales: [N,3] standard deviations, metres.
        quats: [N,4] wxyz, of length 1.
        colors: [N,3] sRGB in [0, 1].
        opacities: [N] in [0, 1].
        confidence: [N] in [0, 1] or None.
    """

    means: np.ndarray
    scales: np.ndarray
    quats: np.ndarray
    colors: np.ndarray
    opacities: np.ndarray
    confidence: np.ndarray | None = None

    @classmethod
    def of(cls, gaussians: Gaussians) -> SplatValues:
        """The values of an unbatched splat.

        Raises:
            InputError: a batch, no Gaussian, or values that are not finite.
        """
        import torch

        if gaussians.opacities.dim() != 1:
            raise InputError("a file holds one splat; index the batch first")
        if not len(gaussians):
            raise InputError("the splat holds no Gaussian; there is nothing to write")
        splat = gaussians.detach().to("cpu", torch.float32)
        parts = [splat.means, splat.scales, splat.quats, splat.colors, splat.opacities[:, None]]
        broken = int((~torch.isfinite(torch.cat(parts, dim=1)).all(dim=1)).sum())
        if broken:
            raise InputError(
                f"the splat is damaged: {broken} of its Gaussians hold values that are not finite; take them out"
            )
        lengths = splat.quats.norm(dim=1, keepdim=True)
        still = torch.tensor([1.0, 0.0, 0.0, 0.0])  # a quaternion of zeros says nothing
        return cls(
            means=splat.means.numpy(),
            scales=splat.scales.clamp_min(0).numpy(),
            quats=torch.where(lengths > 0, splat.quats / lengths, still).numpy(),
            colors=splat.colors.clamp(0, 1).numpy(),
            opacities=splat.opacities.clamp(0, 1).numpy(),
            confidence=None if splat.confidence is None else splat.confidence.numpy(),
        )


@dataclass(frozen=True, slots=True)
class SplatLoss:
    """How far a file's Gaussians are from those written, at most.

    Attributes:
        position: Metres along an axis.
        scale: Share of a standard deviation, of those that are not drawn out.
        drawn_out: Gaussians with an axis below the thinnest that the format knows; they get that.
        angle: Radians between the axes.
        color: Difference of sRGB values in [0, 1].
        opacity: Difference.
        confidence: Whether it is left out.
    """

    position: float
    scale: float
    drawn_out: int
    angle: float
    color: float
    opacity: float
    confidence: bool

    @classmethod
    def between(cls, written: SplatValues, read: SplatValues, *, thinnest: float = 0.0) -> SplatLoss:
        """Of two splats with the same Gaussians in the same order; ``thinnest``: the least scale of the format, metres."""
        thick = written.scales >= thinnest
        ratio = np.abs(read.scales / np.maximum(written.scales, 1e-12) - 1)
        w, v = np.split(written.quats.astype(np.float64), [1], axis=1)
        other_w, other_v = np.split(read.quats.astype(np.float64), [1], axis=1)
        sine = np.linalg.norm(w * other_v - other_w * v - np.cross(v, other_v), axis=1)  # of half the angle between
        return cls(
            position=float(np.abs(read.means - written.means).max()),
            scale=float(ratio[thick].max(initial=0.0)),
            drawn_out=int((~thick).any(axis=1).sum()),
            angle=float(2 * np.arcsin(np.clip(sine, 0, 1)).max()),
            color=float(np.abs(read.colors - written.colors).max()),
            opacity=float(np.abs(read.opacities - written.opacities).max()),
            confidence=written.confidence is not None and read.confidence is None,
        )
