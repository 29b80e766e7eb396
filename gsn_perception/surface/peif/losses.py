"""Training losses of PEIF networks (papers: PEIF section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor

BETA = 0.1  # weight of the memory loss in the paper


def displacement_loss(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean absolute error over all components of displacements [...,3]."""
    return (predicted - true).abs().mean()


def memory_loss(banks: Tensor) -> Tensor:
    """Similarity of the items of a bank: the mean positive inner product of two items, summed over the banks [N,C,D]."""
    items = banks.shape[1]
    if items < 2:
        return banks.sum() * 0.0
    products = torch.bmm(banks, banks.mT).clamp_min(0.0)
    own = products.diagonal(dim1=1, dim2=2).sum(1)
    return ((products.sum((1, 2)) - own) / (items * (items - 1))).sum()
