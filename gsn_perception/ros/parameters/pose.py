"""A pose given as a ROS parameter: x y z in metres, quaternion xyzw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import matrix_from_quat

UNSET_POSE = (0.0,) * 7
"""Default of a pose parameter: no pose is given."""


def pose_matrix(pose: Sequence[float], name: str = "camera_to_target") -> np.ndarray:
    """[4,4] of x y z qx qy qz qw.

    Raises:
        InputError: not seven finite numbers with a quaternion of length one.
    """
    values = np.asarray(pose, dtype=np.float64)
    if values.shape != (7,) or not np.isfinite(values).all() or abs(np.linalg.norm(values[3:]) - 1) > 1e-2:
        raise InputError(f"{name} needs x y z qx qy qz qw with a quaternion of length one")
    return make_transform(matrix_from_quat(values[[6, 3, 4, 5]]), values[:3])
