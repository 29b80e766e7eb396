"""A sweep of gripper poses about each contact pair."""

from __future__ import annotations

import numpy as np

from gsn_perception.grasping.candidates.sampling import ContactPairs
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.gripper import Gripper


def sweep_poses(
    pairs: ContactPairs, gripper: Gripper, *, preferred: np.ndarray | None, half_range: float, steps: int, spare: float
) -> Poses:
    """Gripper poses with the pads' centres on the contacts and approach directions swept about the closing axis.

    Args:
        pairs: C contact pairs.
        gripper: Sets the widest opening.
        preferred: [3] unit; the sweep starts at the approach closest to it. None starts at the pair's tangent.
        half_range: Radians to either side of the start; pi sweeps the full circle.
        steps: Directions per pair.
        spare: Free opening to leave beside the object where the gripper allows it, metres, sum of both sides.

    Returns:
        C * steps poses, ordered by pair.
    """
    closing = pairs.axes
    start = pairs.tangents
    if preferred is not None:
        wanted = preferred - (closing @ preferred)[:, None] * closing
        length = np.linalg.norm(wanted, axis=1, keepdims=True)
        start = np.where(length > 0.1, wanted / np.maximum(length, 1e-30), start)
    full = half_range >= np.pi
    angles = np.linspace(-half_range, half_range, steps, endpoint=not full)
    if full:
        angles = angles + np.pi  # begin at the preferred direction
    other = np.cross(closing, start)
    approach = np.cos(angles)[None, :, None] * start[:, None] + np.sin(angles)[None, :, None] * other[:, None]
    y = np.repeat(closing, steps, axis=0)
    z = approach.reshape(-1, 3)
    rotations = np.stack([np.cross(y, z), y, z], axis=2)
    widths = np.minimum(pairs.widths + spare, gripper.max_width)
    rows = np.repeat(np.arange(len(pairs)), steps)
    return Poses(rotations, pairs.points.mean(axis=1)[rows], widths[rows], rows, pairs.bonus[rows])
