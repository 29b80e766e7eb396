"""Modules of a PEIF network (papers: PEIF section 2.2), and a moving least-squares plane that is not in the paper."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor
from torch import nn

_SHARPNESS = 6.0  # initial sharpness of the kernel, per squared radius of the patch
_SOFTNESS = 0.1  # initial softness of the projector, in traces of the covariance
_POINT = 1e-9  # squared radii; points closer together than this span no plane


def point_wise(*widths: int) -> nn.Sequential:
    """Linear layers with ReLU after each, applied to every point (1x1 convolutions)."""
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [nn.Linear(narrow, wide), nn.ReLU()]
    return nn.Sequential(*layers)


class PatchFeatures(nn.Module):
    """PFEM: features of a patch for its query, by attention over all points and over the K_d most attended ones.

    The paper does not give K_d and the weights of the sparse half. Here the weight of a point is its attention minus that
    of the first point left out, so that a point enters and leaves with weight 0.
    """

    def __init__(self, width: int, selected: int) -> None:
        super().__init__()
        self.selected = selected
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.mix = nn.Parameter(torch.tensor([0.5, 0.5]))  # lambda 1 and 2
        with torch.no_grad():
            self.query.weight.mul_(width**-0.5)  # no 1/sqrt(D) in the published softmax; this starts like one

    def forward(self, query: Tensor, points: Tensor, weights: Tensor) -> Tensor:
        """[F,D] from features of queries [F,D] and of points [F,K,D], and the points' weights [F,K]."""
        # (q W_Q)(p W_O)^T = ((q W_Q) W_O^T) p^T: one vector per query instead of one per point
        wanted = self.query(query) @ self.key.weight
        logits = torch.bmm(points, wanted[:, :, None])[:, :, 0]
        attention = torch.softmax(logits, 1) * weights
        attention = attention / attention.sum(1, keepdim=True).clamp_min(1e-12)
        whole = self.value(torch.bmm(attention[:, None], points)[:, 0])
        threshold = attention.topk(self.selected + 1, 1)[0][:, -1:]
        excess = (attention - threshold).clamp_min(0.0)
        sparse = torch.bmm((excess / excess.sum(1, keepdim=True).clamp_min(1e-12))[:, None], points)[:, 0]
        return self.mix[0] * whole + self.mix[1] * sparse


class Memory(nn.Module):
    """IPGE: a patch's feature expressed by banks of learned patch features."""

    def __init__(self, banks: int, items: int, width: int) -> None:
        super().__init__()
        self.banks = nn.Parameter(torch.randn(banks, items, width) / width**0.5)

    def forward(self, feature: Tensor) -> Tensor:
        """[F,D]: sum over the banks of softmax(f M^T) M, for features [F,D]."""
        total = torch.zeros_like(feature)
        for bank in self.banks:
            total = total + torch.softmax(feature @ bank.T, 1) @ bank
        return total


class Interpolation(nn.Module):
    """The displacement to a moving least-squares plane through a patch's points.

    The points are weighted by a Gaussian kernel around the query, whose width is predicted per patch (wide in noise,
    narrow at edges), times a weight predicted from the relation of each point to the query. The vector to their mean is
    kept across the plane and removed along it: it is multiplied by the resolvent ``s (C + s I)^-1`` of their covariance
    C, a smooth, equivariant projector that needs no eigenvectors.
    """

    def __init__(self, width: int, fused: int) -> None:
        super().__init__()
        self.logit = nn.Linear(width, 1)
        self.shape = nn.Linear(fused, 2)  # logarithms of the kernel's sharpness and of s / trace C
        with torch.no_grad():
            self.logit.weight.mul_(0.1)
            self.shape.weight.mul_(0.1)
            self.shape.bias.copy_(torch.tensor([math.log(_SHARPNESS), math.log(_SOFTNESS)]))

    def forward(self, relation: Tensor, fused: Tensor, gaps: Tensor, weights: Tensor, beyond: Tensor) -> Tensor:
        """Displacements [F,3] from the queries.

        Args:
            relation: [F,K,D] features of the points relative to the query.
            fused: [F,N] features of the patches.
            gaps: [F,K,3] vectors from the clamped query to the points.
            weights: [F,K] of the points.
            beyond: [F,3] vectors from the query to the clamped query.
        """
        sharpness, softness = self.shape(fused).clamp(-6.0, 6.0).exp().unbind(1)
        squared = (gaps * gaps).sum(-1)
        kernel = sharpness[:, None] * (squared - squared.amin(1, keepdim=True))
        share = torch.softmax(self.logit(relation)[:, :, 0] - kernel, 1) * weights
        share = share / share.sum(1, keepdim=True).clamp_min(1e-12)
        mean = torch.bmm(share[:, None], gaps)[:, 0]
        apart = gaps - mean[:, None]
        covariance = torch.bmm((share[:, :, None] * apart).transpose(1, 2), apart)
        return _across(covariance, softness, mean + beyond)


def _across(covariance: Tensor, softness: Tensor, vector: Tensor) -> Tensor:
    """``s (C + s I)^-1 v`` for symmetric C [F,3,3], s [F] in traces of C and v [F,3]; v itself where C is 0."""
    trace = covariance.diagonal(dim1=1, dim2=2).sum(1).clamp_min(_POINT)
    unit = covariance / trace[:, None, None]
    a, b, c = unit[:, 0, 0] + softness, unit[:, 1, 1] + softness, unit[:, 2, 2] + softness
    d, e, f = unit[:, 0, 1], unit[:, 0, 2], unit[:, 1, 2]
    xx, yy, zz = b * c - f * f, a * c - e * e, a * b - d * d
    xy, xz, yz = e * f - d * c, d * f - b * e, d * e - a * f
    determinant = a * xx + d * xy + e * xz
    x, y, z = vector.unbind(1)
    solved = torch.stack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z], 1)
    return (softness / determinant)[:, None] * solved
