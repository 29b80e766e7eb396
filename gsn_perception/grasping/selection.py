"""Selection of the best grasps: non-maximum suppression in SE(3)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numba import njit

from gsn_perception.geometry import Grasp
from gsn_perception.grasping.candidates.sampling import Poses

_ROUNDING = 1e-6  # metres and radians


def select(poses: Poses, scores: np.ndarray, *, limit: int, translation: float, rotation: float) -> np.ndarray:
    """Greedy non-maximum suppression in SE(3).

    A grasp is dropped when a better one is within ``translation`` metres *and* ``rotation`` radians of it; a half turn of
    the gripper about its approach gives the same grasp. Better means a higher score plus bonus. Of the remaining grasps
    those with the highest scores are returned. Candidates are swept in steps that divide usual limits, so many are exactly
    at the limit; they are not within it, whatever their rounding.

    Returns:
        [G] rows of ``poses``, highest score first, at most ``limit``.
    """
    key = scores + poses.bonus
    R, t, points = (np.ascontiguousarray(a, dtype=np.float64) for a in (poses.rotations, poses.centers, scores))
    order = np.argsort(-key, kind="stable")
    cosine = float(np.cos(np.clip(rotation - _ROUNDING, 0, np.pi)))
    kept = _suppressed(R, t, points, key, order, limit, (translation - _ROUNDING, cosine))
    return np.asarray(kept[np.argsort(-scores[kept], kind="stable")][:limit])


@njit(cache=True, nogil=True)
def _suppressed(R, t, scores, key, order, limit, within):  # noqa: ANN001, ANN202  # pragma: no cover
    """Rows kept by suppression, ascending; ``within``: distance in metres, and cosine of the angle."""
    translation, cosine = within
    kept, best = np.empty(len(order), np.int64), np.full(limit, -np.inf)  # best: highest scores kept, ascending
    alive, count = np.ones(len(order), np.bool_), 0
    for first in range(len(order)):
        row = order[first]
        if not alive[first]:
            continue
        if key[row] <= best[0]:
            break  # no remaining grasp has a higher score than the kept ones
        kept[count] = row
        count += 1
        best[0] = max(best[0], scores[row])
        best.sort()
        for other in range(first + 1, len(order)):
            i = order[other]
            x, y, z = t[i, 0] - t[row, 0], t[i, 1] - t[row, 1], t[i, 2] - t[row, 2]
            if alive[other] and math.sqrt(x * x + y * y + z * z) < translation:
                dots = (
                    R[i, 0, 0] * R[row, 0, 0] + R[i, 1, 0] * R[row, 1, 0] + R[i, 2, 0] * R[row, 2, 0],
                    R[i, 0, 1] * R[row, 0, 1] + R[i, 1, 1] * R[row, 1, 1] + R[i, 2, 1] * R[row, 2, 1],
                    R[i, 0, 2] * R[row, 0, 2] + R[i, 1, 2] * R[row, 1, 2] + R[i, 2, 2] * R[row, 2, 2],
                )
                trace = max(dots[0] + dots[1], -dots[0] - dots[1]) + dots[2]  # also with the fingers exchanged
                alive[other] = (trace - 1) / 2 <= cosine
    return np.sort(kept[:count])


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
