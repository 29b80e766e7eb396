"""The Extended Chamfer Distance between splats (GSN section III-C).

The published formula is not known. It is read here as a symmetric Chamfer match by position whose matched pairs are
compared in position, covariance, colour and opacity; covariances instead of (scale, quaternion), which are ambiguous
under permutation of the axes. Indices can't be compared: the lattice is only fourfold symmetric.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.transforms import quat_multiply


@dataclass(frozen=True, slots=True)
class EcdWeights:
    """Weights of the parts of the Extended Chamfer Distance; lengths are in normalised units."""

    position: float = 1.0
    """On squared distances."""
    covariance: float = 100.0
    """On squared Frobenius distances of covariances (of the order 1e-4 each)."""
    color: float = 0.1
    """On squared RGB distances."""
    opacity: float = 0.1
    """On squared opacity differences."""


def roll_gaussians(gaussians: Gaussians, angle: float) -> Gaussians:
    """A batch of splats turned by ``angle`` radians about the normalised frame's z axis, differentiable."""
    c, s = math.cos(angle), math.sin(angle)
    like = {"dtype": gaussians.means.dtype, "device": gaussians.device}
    R = torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], **like)
    quat = torch.tensor([math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)], **like)
    return Gaussians(
        means=gaussians.means @ R.T,
        scales=gaussians.scales,
        quats=quat_multiply(quat, gaussians.quats),
        colors=gaussians.colors,
        opacities=gaussians.opacities,
        confidence=gaussians.confidence,
    )


def extended_chamfer_distance(a: Gaussians, b: Gaussians, weights: EcdWeights | None = None) -> Tensor:
    """Symmetric ECD [B] between batches of splats [B,N] and [B,M]."""
    weights = weights or EcdWeights()
    with torch.no_grad():
        distances = torch.cdist(a.means, b.means)
        nearest_b, nearest_a = distances.argmin(2), distances.argmin(1)
    features_a, features_b = _features(a, weights), _features(b, weights)
    forward = (features_a - _gather(features_b, nearest_b)).square().sum(-1).mean(1)
    backward = (features_b - _gather(features_a, nearest_a)).square().sum(-1).mean(1)
    return 0.5 * (forward + backward)


def _features(g: Gaussians, weights: EcdWeights) -> Tensor:
    """[B,N,16]: parts scaled so that squared distances add up with their weights."""
    parts = (
        math.sqrt(weights.position) * g.means,
        math.sqrt(weights.covariance) * g.covariances().flatten(-2),
        math.sqrt(weights.color) * g.colors,
        math.sqrt(weights.opacity) * g.opacities[..., None],
    )
    return torch.cat(parts, -1)


def _gather(features: Tensor, index: Tensor) -> Tensor:
    return features.gather(1, index[..., None].expand(-1, -1, features.shape[-1]))
