"""``PosedView``: one frame of a camera that moves, with its pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry.transforms import invert
from gsn_perception.geometry.transforms import split_similarity

POSITION_ERROR = 0.002
"""Metres; default standard deviation of a pose's position along each axis."""
ROTATION_ERROR = float(np.deg2rad(0.5))
"""Radians; default standard deviation of a pose's rotation about each axis."""
_FARTHEST = 100.0  # metres between two cameras: more is a pose in millimetres


@dataclass(frozen=True, slots=True, eq=False)
class PosedView:
    """One frame and where its camera was.

    Attributes:
        observation: The frame.
        T_reference_camera: [4,4] rigid pose of the camera's optical frame, metres, in one frame that all views share and
            that did not move: the robot's base, a calibration board, or the optical frame of one of the views.
        position_error: Standard deviation of the pose's position per axis, metres; 0: exact.
        rotation_error: Standard deviation of the pose's rotation per axis, radians; 0: exact.

    Raises:
        InputError: the pose is not rigid or not finite, or an error is negative.
    """

    observation: Observation
    T_reference_camera: np.ndarray
    position_error: float = POSITION_ERROR
    rotation_error: float = ROTATION_ERROR

    def __post_init__(self) -> None:
        try:
            pose = np.array(self.T_reference_camera, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError("the pose of a view is not numeric; give a rigid 4x4 matrix in metres") from None
        if pose.shape != (4, 4) or not np.isfinite(pose).all() or not np.allclose(pose[3], [0, 0, 0, 1]):
            raise InputError(
                f"the pose of a view has shape {pose.shape} or is not finite or no transform; give a rigid 4x4 matrix in metres"
            )
        scale = split_similarity(pose)[2]
        if abs(scale - 1) > 1e-3:
            raise InputError(f"the pose of a view scales by {scale:.3g}; give a rigid 4x4 matrix in metres")
        object.__setattr__(self, "T_reference_camera", pose)
        for name in ("position_error", "rotation_error"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"{name} of a view is {value}; give a standard deviation that is not negative")


def relative_poses(views: Sequence[PosedView], reference: int) -> list[np.ndarray]:
    """The poses [4,4] of all views in the optical frame of the reference view.

    Raises:
        InputError: there is no view, no view of that index, or two cameras are implausibly far apart.
    """
    if not views:
        raise InputError("there is no view to fuse; give at least one frame with its pose")
    if not -len(views) <= reference < len(views):
        raise InputError(f"there is no view {reference}; {len(views)} views are given, counted from 0")
    own = invert(views[reference].T_reference_camera)
    poses = [own @ view.T_reference_camera for view in views]
    far = max(float(np.linalg.norm(pose[:3, 3])) for pose in poses)
    if far > _FARTHEST:
        raise InputError(f"two cameras are {far:.0f} m apart; give poses in metres, all in one frame")
    return poses
