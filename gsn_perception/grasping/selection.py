"""Selection of the best grasps: non-maximum suppression in SE(3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.grasping.candidates.sampling import Poses


def select(poses: Poses, scores: np.ndarray, *, limit: int, translation: float, rotation: float) -> np.ndarray:
    """Greedy non-maximum suppression in SE(3).

    A grasp is dropped when a better one is within ``translation`` metres *and* ``rotation`` radians of it; a half turn of
    the gripper about its approach gives the same grasp. Better means a higher score plus bonus. Of the remaining grasps
    those with the highest scores are returned.

    Returns:
        [G] rows of ``poses``, highest score first, at most ``limit``.
    """
    key = scores + poses.bonus
    order = np.argsort(-key, kind="stable")
    kept: list[int] = []
    while len(order):
        row = order[0]
        if len(kept) >= limit and key[row] <= np.sort(scores[kept])[-limit]:
            break  # no remaining grasp has a higher score than the kept ones
        kept.append(int(row))
        near = np.linalg.norm(poses.centers[order] - poses.centers[row], axis=1) < translation
        near[near] = rotation_between(poses.rotations[order[near]], poses.rotations[row]) < rotation
        near[0] = True
        order = order[~near]
    return np.array(sorted(kept, key=lambda row: -scores[row])[:limit], dtype=np.int64)


def rotation_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angles [...] in radians between grasp rotations [...,3,3], modulo the exchange of the two fingers."""
    dots = (np.asarray(a) * np.asarray(b)).sum(axis=-2)  # x.x, y.y, z.z
    trace = np.maximum(dots.sum(axis=-1), dots[..., 2] - dots[..., 0] - dots[..., 1])
    return np.arccos(np.clip((trace - 1) / 2, -1, 1))


def pre_grasp(grasp: Grasp, standoff: float) -> Grasp:
    """The grasp moved back along its approach by ``standoff`` metres."""
    pose = grasp.T_frame_tcp.copy()
    pose[:3, 3] -= standoff * pose[:3, 2]
    return replace(grasp, T_frame_tcp=pose)
