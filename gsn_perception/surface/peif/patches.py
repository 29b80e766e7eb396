"""Patches: the nearest points of a cloud to each query, and the pose of each patch (papers: PEIF section 2.1).

Positions are relative to the query, subtracted in double precision, so that a cloud far from the origin loses no
precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from gsn_perception.geometry import InputError
from gsn_perception.surface.peif.eigen import eigh3_entries

_LEAF = 16
_FLAT_RADIUS = 1e-8  # of the squared distance to the query: gives patches of one repeated point a size


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """The K nearest points of Q queries.

    Attributes:
        offsets: [Q,K,3] from the query to its neighbours, nearest first, in the cloud's units.
        weights: [Q,K] weights of the points in [0, 1]; all ones, or fading to 0 at the last point.
    """

    offsets: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.offsets)

    def to(self, device: torch.device) -> Patches:
        """On another device."""
        return Patches(self.offsets.to(device), self.weights.to(device))


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Centre, size and principal axes of Q patches.

    Attributes:
        points: [Q,K,3] relative to the patch's centre, in units of its radius.
        query: [Q,3] the query relative to the centre, in the same units.
        radius: [Q] root mean square distance of the points from their centre, in the cloud's units.
        weights: [Q,K] of the points.
        spectrum: [3,Q] eigenvalues of the points' covariance, largest first; their sum is 1.
        axes: [Q,3,3] its eigenvectors, one per column, signs arbitrary.
    """

    points: Tensor
    query: Tensor
    radius: Tensor
    weights: Tensor
    spectrum: Tensor
    axes: Tensor

    def gaps(self) -> Tensor:
        """[2,Q] eigengaps relative to the largest eigenvalue: between the first two and between the last two."""
        largest = self.spectrum[0].clamp_min(torch.finfo(self.spectrum.dtype).tiny)
        return (self.spectrum[:2] - self.spectrum[1:]) / largest


class PatchIndex:
    """A nearest-neighbour index of a cloud that returns patches.

    Args:
        cloud: [P,3] points in any units.

    Raises:
        InputError: it is not of that shape, or contains NaN or infinity.
    """

    def __init__(self, cloud: np.ndarray) -> None:
        self.points = np.ascontiguousarray(cloud, dtype=np.float64)
        if self.points.ndim != 2 or self.points.shape[1] != 3 or not np.isfinite(self.points).all():
            raise InputError(f"a cloud is [P,3] of finite numbers, not {self.points.shape}; drop unknown points first")
        self.tree = cKDTree(self.points, leafsize=_LEAF)

    def patches(self, queries: np.ndarray, count: int, *, fade: bool, dtype: torch.dtype = torch.float32) -> Patches:
        """The ``count`` nearest points of each query [Q,3].

        Args:
            queries: Positions in the cloud's frame.
            count: K, at least 4.
            fade: Whether weights fade to 0 at the last point (:func:`fading_weights`).
            dtype: Of the result.

        Raises:
            InputError: the cloud has fewer points than a patch, or a query is NaN or infinite.
        """
        if len(self.points) < count:
            raise InputError(f"the cloud has {len(self.points)} points and a patch {count}; give a denser cloud")
        queries = np.asarray(queries, dtype=np.float64).reshape(-1, 3)
        if not np.isfinite(queries).all():
            raise InputError("a position to ask the field at is NaN or infinite; drop it first")
        distances, index = self.tree.query(queries, count, workers=torch.get_num_threads())
        offsets = torch.from_numpy(self.points[index] - queries[:, None]).to(dtype)
        weights = fading_weights(torch.from_numpy(distances)).to(dtype) if fade else offsets.new_ones(index.shape)
        return Patches(offsets, weights)


def fading_weights(distances: Tensor) -> Tensor:
    """Weights [Q,K] that fall from 1 at the nearest point to 0 at the last, linearly in squared distance [Q,K].

    So a point enters or leaves the patch with weight 0 as the query moves, and ties for the last place have no effect.
    The query's height above the surface adds the same to all squared distances and cancels.
    """
    squared = distances**2
    span = squared[:, -1:] - squared[:, :1]
    some = span > 1e-12 * squared[:, -1:]
    return torch.where(some, (squared[:, -1:] - squared) / torch.where(some, span, torch.ones_like(span)), 1.0)


@torch.no_grad()
def pose(patches: Patches) -> Poses:
    """Centre, radius and principal axes of every patch; no gradient flows."""
    weights = patches.weights / patches.weights.sum(1, keepdim=True)
    centre = torch.bmm(weights[:, None], patches.offsets)[:, 0]  # [Q,3] from the query
    x, y, z = (patches.offsets - centre[:, None]).unbind(-1)  # [Q,K]
    wx, wy, wz = weights * x, weights * y, weights * z
    entries = torch.stack([(wx * x).sum(1), (wy * y).sum(1), (wz * z).sum(1), (wx * y).sum(1), (wx * z).sum(1),
                           (wy * z).sum(1)])  # fmt: skip
    spread = entries[:3].sum(0)
    tiny = torch.finfo(spread.dtype).tiny
    squared = spread + _FLAT_RADIUS * (centre * centre).sum(1)
    radius = squared.sqrt().clamp_min(tiny**0.5)
    values, vectors = eigh3_entries(entries / squared.clamp_min(tiny))
    points = torch.stack([x, y, z], -1) / radius[:, None, None]
    return Poses(points, -centre / radius[:, None], radius, patches.weights, values, vectors.permute(2, 1, 0))
