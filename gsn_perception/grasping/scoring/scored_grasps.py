"""Grasp candidates with force closure, their features and scores, before selection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping.candidates.sampling import Poses


@dataclass(frozen=True, slots=True, eq=False)
class ScoredGrasps:
    """Candidates that press within the friction cones.

    Attributes:
        poses: P grasp poses.
        figures: [P,11] features, columns :data:`gsn_perception.grasping.scoring.features.FEATURES`.
        scores: [P] in (0, 1).
        closed: [P] widths at which both pads touch, metres.
    """

    poses: Poses
    figures: np.ndarray
    scores: np.ndarray
    closed: np.ndarray

    @classmethod
    def cat(cls, parts: list[ScoredGrasps]) -> ScoredGrasps:
        """Concatenate, in order."""
        names = ("figures", "scores", "closed")
        return cls(
            Poses.cat([p.poses for p in parts]), *(np.concatenate([getattr(p, n) for p in parts]) for n in names)
        )

    def grasps(self, rows: np.ndarray, label: int) -> tuple[Grasp, ...]:
        """Grasps of the given rows [G], in their order."""
        poses = self.poses.select(rows)
        return tuple(
            Grasp(make_transform(R, center), float(width), float(score), label, closed_width=float(closed))
            for R, center, width, score, closed in zip(
                poses.rotations, poses.centers, poses.widths, self.scores[rows], self.closed[rows], strict=True
            )
        )
