"""``Look``: one object in one view of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.gsn.crop import Crop


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One object in one view.

    Attributes:
        view: The object view of the network's crop.
        splat: The network's splat of this view, normalised; None where the object is cut or too small here.
        crop: The object with room around it.
        whole: Whether the view shows all of the object.
        T_reference_camera: [4,4] pose of the camera in the reference camera's frame.
        position_error: Standard deviation of the pose per axis, metres.
        rotation_error: The same in radians.
    """

    view: ObjectView
    splat: Gaussians | None
    crop: Crop
    whole: bool
    T_reference_camera: np.ndarray
    position_error: float = 0.0
    rotation_error: float = 0.0

    @property
    def axis(self) -> np.ndarray:
        """[3] direction of the object in the camera's frame."""
        return np.asarray(self.view.R_camera_virtual[:, 2])
