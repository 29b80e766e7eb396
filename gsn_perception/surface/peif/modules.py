"""The parts of a PEIF network (papers: PEIF section 2.2): SRM and PFEM's point-wise networks, IPGE's memory."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch import nn


def point_wise(*widths: int) -> nn.Sequential:
    """Linear layers with ReLU after each, applied to every point alike (1x1 convolutions)."""
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [nn.Linear(narrow, wide), nn.ReLU()]
    return nn.Sequential(*layers)


class PatchFeatures(nn.Module):
    """PFEM: what a query sees of its patch, by attention over all points and over the few that matter most.

    The published text leaves K_d and the weights of the sparse half open. Here these are how far a point's attention
    exceeds that of the first point left out, so that a point enters and leaves with weight 0.
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
        # (q W_Q)(p W_O)^T = ((q W_Q) W_O^T) p^T: one vector a query instead of one a point
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
    """IPGE: banks of learned patch features that a patch's own is expressed in."""

    def __init__(self, banks: int, items: int, width: int) -> None:
        super().__init__()
        self.banks = nn.Parameter(torch.randn(banks, items, width) / width**0.5)

    def forward(self, feature: Tensor) -> Tensor:
        """[F,D]: sum over the banks of softmax(f M^T) M, for features [F,D]."""
        total = torch.zeros_like(feature)
        for bank in self.banks:
            total = total + torch.softmax(feature @ bank.T, 1) @ bank
        return total
