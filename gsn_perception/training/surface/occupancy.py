"""Base of the trainers of occupancy networks: queries, loss, and IoU over thresholds."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
from gsn_perception.surface.learned.onet import OccupancyNetwork
from gsn_perception.training.surface.base import SurfaceTrainer
from gsn_perception.training.surface.data import SurfaceDataset
from gsn_perception.training.surface.sampling import Queries
from gsn_perception.training.surface.sampling import apply_similarity
from gsn_perception.training.surface.sampling import draw_queries

THRESHOLDS = np.round(np.arange(0.15, 0.86, 0.05), 2)
N = TypeVar("N", OccupancyNetwork, ConvolutionalOccupancyNetwork)


class OccupancyTrainer(SurfaceTrainer[N]):
    """Trainer of an occupancy network; see :class:`~gsn_perception.training.surface.base.SurfaceTrainer`."""

    def _queries(
        self, data: SurfaceDataset, index: int, unit_from_frame: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        config, half = self.config, self.network.config.half
        return draw_queries(data, index, unit_from_frame, count=config.queries, near=config.near, half=half, rng=rng)

    def _dev_ious(self, network: N, index: int, unit_from_frame: np.ndarray, *seen: Tensor) -> np.ndarray:
        """IoU [T] at every threshold of a dev object, over its uniform samples.

        Args:
            network: In eval mode.
            index: Of the object.
            unit_from_frame: [4,4] from the network's frame to the object's unit frame.
            seen: Further arguments of the network, [1,...] each.
        """
        assert self.dev is not None
        device = self.fabric.device
        points, inside = self.dev.row("points", index), self.dev.row("inside", index)
        uniform = len(points) // 2
        asked = apply_similarity(np.linalg.inv(unit_from_frame), points[:uniform])
        logits = network(*(t.to(device) for t in (torch.from_numpy(asked)[None], *seen)))[0]
        return threshold_ious(logits, torch.from_numpy(np.array(inside[:uniform])).to(device))


def occupancy_loss(logits: Tensor, queries: Queries) -> Tensor:
    """Mean binary cross-entropy of logits [B,Q] over the points with known occupancy."""
    each = binary_cross_entropy_with_logits(logits, queries.inside, weight=queries.weight, reduction="sum")
    return each / queries.weight.sum().clamp_min(1.0)


def threshold_ious(logits: Tensor, inside: Tensor) -> np.ndarray:
    """IoU [T] of one object's logits [Q] with the true occupancy [Q] bool at each of ``THRESHOLDS``."""
    levels = torch.from_numpy(np.log(THRESHOLDS) - np.log1p(-THRESHOLDS)).to(logits)
    found = logits[None] > levels[:, None]
    both, either = (found & inside).sum(1), (found | inside).sum(1)
    return (both / either.clamp_min(1)).double().cpu().numpy()


def iou_figures(ious: np.ndarray, prefix: str = "iou") -> dict[str, float]:
    """From ious [N,T]: the largest mean IoU over thresholds, the mean IoU at 0.5, and the best threshold."""
    means = ious.mean(axis=0)
    best = int(means.argmax())
    return {prefix: float(means[best]), f"{prefix}_at_half": float(means[7]), "threshold": float(THRESHOLDS[best])}
