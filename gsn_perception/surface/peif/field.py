"""A point cloud and a PEIF network as a displacement field."""

from __future__ import annotations

import numpy as np
import torch

from gsn_perception.geometry import InputError
from gsn_perception.surface.peif.frames import frames_of
from gsn_perception.surface.peif.network import PeifNetwork
from gsn_perception.surface.peif.patches import PatchIndex
from gsn_perception.surface.peif.patches import pose

_SEARCH = 8192  # queries per neighbour search
_BATCH = 256  # patches per forward pass: their features fit the cache of a core


class PeifField:
    """Points [Q,3] to displacements [Q,3] that lead from each to the nearest surface, on the CPU.

    A :class:`~gsn_perception.surface.fields.field.DisplacementField`. Unsigned: it does not distinguish inside from
    outside, see :class:`~gsn_perception.surface.fields.displacement.SignedField`.

    Args:
        network: In any mode; used without gradients, not changed.
        cloud: [P,3] points of the surface, any frame and units (the lean network does not depend on either).
        confidence: [P] of each point, e.g. 1 observed and 0 completed, or None.

    Raises:
        InputError: the cloud is not of that shape, contains NaN or infinity, or has fewer points than a patch.
    """

    def __init__(self, network: PeifNetwork, cloud: np.ndarray, confidence: np.ndarray | None = None) -> None:
        self._network = network
        self._index = PatchIndex(cloud)
        needed = network.config.neighbours
        if len(self._index.points) < needed:
            raise InputError(
                f"the cloud has {len(self._index.points)} points and a patch {needed}; give a denser cloud"
            )
        if confidence is not None and np.shape(confidence) != (len(self._index.points),):
            raise InputError(
                f"confidence is {np.shape(confidence)} for {len(self._index.points)} points; give one number a point"
            )
        self._confidence = None if confidence is None else np.asarray(confidence, dtype=np.float32)

    @property
    def points(self) -> np.ndarray:
        """[P,3] float64 the cloud."""
        return self._index.points

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Displacements [Q,3] float32 from positions [Q,3] to the surface, in the cloud's frame and units."""
        points = np.asarray(points).reshape(-1, 3)
        out = np.empty((len(points), 3), dtype=np.float32)
        for start in range(0, len(points), _SEARCH):
            out[start : start + _SEARCH] = self._some(points[start : start + _SEARCH])
        return out

    @torch.inference_mode()
    def _some(self, points: np.ndarray) -> np.ndarray:
        network = self._network
        weight = network.memory.banks
        patches = self._index.patches(
            points, network.config.neighbours, fade=network.config.fade, dtype=weight.dtype
        ).to(weight.device)
        poses = pose(patches)
        return network.displacements(poses, frames_of(poses), batch=_BATCH).float().cpu().numpy()

    def confidence(self, points: np.ndarray) -> np.ndarray | None:
        """[Q] float32 confidence of the cloud's point nearest to each position [Q,3]; None where none was given."""
        if self._confidence is None:
            return None
        return self._confidence[self._index.tree.query(np.asarray(points).reshape(-1, 3))[1]]
