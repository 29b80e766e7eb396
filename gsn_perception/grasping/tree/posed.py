"""A bounding tree seen from a pose; compiled.

A pose is a tuple of twelve numbers here, because views of arrays are counted references and cost more than the arithmetic.
"""

from __future__ import annotations

import numpy as np
from numba import njit

Pose = tuple[float, float, float, float, float, float, float, float, float, float, float, float]
Vector = tuple[float, float, float]


@njit(cache=True, nogil=True)
def pose_of(R: np.ndarray, t: np.ndarray, p: int) -> Pose:
    """Row ``p`` of rotations [P,3,3] (axes as columns) by rows, followed by that of origins [P,3], metres."""
    return (
        R[p, 0, 0],
        R[p, 0, 1],
        R[p, 0, 2],
        R[p, 1, 0],
        R[p, 1, 1],
        R[p, 1, 2],
        R[p, 2, 0],
        R[p, 2, 1],
        R[p, 2, 2],
        t[p, 0],
        t[p, 1],
        t[p, 2],
    )


@njit(cache=True, nogil=True)
def corner_in_pose(pose: Pose, corners: np.ndarray, item: int, k: int) -> Vector:
    """Corner ``k`` of an item of corners [N,K,3] in the axes of a pose."""
    x, y, z = corners[item, k, 0] - pose[9], corners[item, k, 1] - pose[10], corners[item, k, 2] - pose[11]
    return (
        pose[0] * x + pose[3] * y + pose[6] * z,
        pose[1] * x + pose[4] * y + pose[7] * z,
        pose[2] * x + pose[5] * y + pose[8] * z,
    )


@njit(cache=True, nogil=True)
def node_in_pose(pose: Pose, bounds: np.ndarray, node: int) -> tuple[float, float, float, float, float, float]:
    """Centre and half lengths of the box around a node of bounds [2 L,6], along the axes of a pose."""
    x, y, z = bounds[node, 0] + bounds[node, 3], bounds[node, 1] + bounds[node, 4], bounds[node, 2] + bounds[node, 5]
    x, y, z = 0.5 * x - pose[9], 0.5 * y - pose[10], 0.5 * z - pose[11]
    p, q, r = bounds[node, 3] - bounds[node, 0], bounds[node, 4] - bounds[node, 1], bounds[node, 5] - bounds[node, 2]
    return (
        pose[0] * x + pose[3] * y + pose[6] * z,
        pose[1] * x + pose[4] * y + pose[7] * z,
        pose[2] * x + pose[5] * y + pose[8] * z,
        0.5 * (abs(pose[0]) * p + abs(pose[3]) * q + abs(pose[6]) * r),
        0.5 * (abs(pose[1]) * p + abs(pose[4]) * q + abs(pose[7]) * r),
        0.5 * (abs(pose[2]) * p + abs(pose[5]) * q + abs(pose[8]) * r),
    )
