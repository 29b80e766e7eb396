"""The Extended Chamfer Distance between splats (GSN section III-C).

The exact formula is not published. ``nearest`` implements it as a symmetric Chamfer distance: Gaussians are matched by
position, and matched pairs are compared in position, covariance, colour and opacity. Covariances replace (scale,
quaternion), which are ambiguous under permutation of the axes. Matching by index is not possible, because the lattice has
only fourfold symmetry.

``nearest`` has two weaknesses that blur splats: distant unrelated pairs contribute without bound, and many Gaussians can
share one partner. ``density`` (after Wu et al., "Density-aware Chamfer Distance", NeurIPS 2021) matches by all parts,
bounds the contribution of each pair, divides it by the number of Gaussians with the same partner, and weights Gaussians
by opacity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.gaussians import quat_multiply
from gsn_perception.geometry.gaussians import quat_to_matrix


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
    matching: Literal["nearest", "density"] = "nearest"
    """nearest: the published form (see the module); density: the density-aware form, in [0, 1]."""
    reach: float = 0.003
    """Weighted squared distance at which a pair contributes 63 % of its maximum to the density-aware form."""


def roll_gaussians(gaussians: Gaussians, angle: Tensor) -> Gaussians:
    """Splats [B,N] rotated by ``angle`` [B] radians about the normalised frame's z axis; differentiable."""
    angle = angle.to(gaussians.means)
    zero = torch.zeros_like(angle)
    quat = torch.stack([torch.cos(angle / 2), zero, zero, torch.sin(angle / 2)], -1)[:, None]  # [B, 1, 4]
    return replace(
        gaussians,
        means=gaussians.means @ quat_to_matrix(quat[:, 0]).transpose(-1, -2),
        quats=quat_multiply(quat, gaussians.quats),
    )


def extended_chamfer_distance(a: Gaussians, b: Gaussians, weights: EcdWeights | None = None) -> Tensor:
    """Symmetric ECD [B] between batches of splats [B,N] and [B,M]."""
    weights = weights or EcdWeights()
    if weights.matching == "density":
        return _density_aware(a, b, weights)
    with torch.no_grad():
        distances = torch.cdist(a.means, b.means)
        nearest_b, nearest_a = distances.argmin(2), distances.argmin(1)
    features_a, features_b = _features(a, weights), _features(b, weights)
    forward = (features_a - _gather(features_b, nearest_b)).square().sum(-1).mean(1)
    backward = (features_b - _gather(features_a, nearest_a)).square().sum(-1).mean(1)
    return 0.5 * (forward + backward)


def _density_aware(a: Gaussians, b: Gaussians, weights: EcdWeights) -> Tensor:
    """[B] in [0, 1]; 0 between equal splats without duplicates."""
    features_a, features_b = _features(a, weights), _features(b, weights)
    with torch.no_grad():
        distances = torch.cdist(features_a, features_b)
        nearest_b, nearest_a = distances.argmin(2), distances.argmin(1)
    forward = _bounded(features_a, features_b, nearest_b, a.opacities, weights.reach)
    backward = _bounded(features_b, features_a, nearest_a, b.opacities, weights.reach)
    return 0.5 * (forward + backward)


def _bounded(own: Tensor, other: Tensor, nearest: Tensor, opacities: Tensor, reach: float) -> Tensor:
    """[B] mean over a splat's Gaussians of ``1 - exp(-d^2 / reach) / n``; n Gaussians share the partner."""
    squared = (own - _gather(other, nearest)).square().sum(-1)
    count = torch.zeros(other.shape[:2], device=own.device).scatter_add_(1, nearest, torch.ones_like(squared))
    share = opacities.detach() / opacities.detach().sum(1, keepdim=True).clamp_min(1e-6)
    return (share * (1 - torch.exp(-squared / reach) / count.gather(1, nearest))).sum(1)


def _features(g: Gaussians, weights: EcdWeights) -> Tensor:
    """[B,N,16] features whose squared distances are the weighted sums of the parts."""
    parts = (
        math.sqrt(weights.position) * g.means,
        math.sqrt(weights.covariance) * g.covariances().flatten(-2),
        math.sqrt(weights.color) * g.colors,
        math.sqrt(weights.opacity) * g.opacities[..., None],
    )
    return torch.cat(parts, -1)


def _gather(features: Tensor, index: Tensor) -> Tensor:
    return features.gather(1, index[..., None].expand(-1, -1, features.shape[-1]))
