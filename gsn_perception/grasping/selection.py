"""The best grasps, none of them twice."""

from __future__ import annotations

import numpy as np

from gsn_perception.grasping.candidates.sampling import Poses


def select(poses: Poses, scores: np.ndarray, *, limit: int, translation: float, rotation: float) -> np.ndarray:
    """Greedy non-maximum suppression in SE(3).

    A grasp is dropped when a better one lies within ``translation`` metres *and* ``rotation`` radians of it; a
    parallel gripper turned by half a turn about its approach is the same gripper. Better is what scores more with the
    poses' lead added; of those that are left, the ones that score most are returned.

    Returns:
        [G] rows of ``poses``, those that score most first, at most ``limit``.
    """
    key = scores + poses.lead
    order = np.argsort(-key, kind="stable")
    kept: list[int] = []
    while len(order):
        row = order[0]
        if len(kept) >= limit and key[row] <= np.sort(scores[kept])[-limit]:
            break  # nothing that is left scores more than what there is
        kept.append(int(row))
        near = np.linalg.norm(poses.centers[order] - poses.centers[row], axis=1) < translation
        near[near] = rotation_between(poses.rotations[order[near]], poses.rotations[row]) < rotation
        near[0] = True
        order = order[~near]
    return np.array(sorted(kept, key=lambda row: -scores[row])[:limit], dtype=np.int64)


def rotation_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angles [...] in radians between grasp rotations [...,3,3], the fingers being interchangeable."""
    dots = (np.asarray(a) * np.asarray(b)).sum(axis=-2)  # x.x, y.y, z.z
    trace = np.maximum(dots.sum(axis=-1), dots[..., 2] - dots[..., 0] - dots[..., 1])
    return np.arccos(np.clip((trace - 1) / 2, -1, 1))
