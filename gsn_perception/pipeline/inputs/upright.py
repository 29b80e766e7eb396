"""Canonical roll of crops before the network, so that a roll of the camera rolls the whole result (setting ``upright``)."""

from __future__ import annotations

import math

import numpy as np
import torch

from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.moments import moment_roll
from gsn_perception.pipeline.settings import UprightMode

_STEEP = math.sin(math.radians(8.0))  # nearer to straight down than this, the plane does not define the roll


def rolled_crop(observation: Observation, mask: np.ndarray, view: ObjectView, mode: UprightMode) -> Crop:
    """The crop of an object through its view, rolled by ``mode``; only ``moments`` needs a first, unrolled crop.

    Args:
        observation: The frame, with its support plane where that is known.
        mask: [H,W] bool, the object.
        view: Not rolled.
        mode: See :class:`~gsn_perception.pipeline.settings.ReconstructorSettings`.
    """
    roll: float | None = None
    if mode == "moments":
        alpha = Crop.of(observation, mask, view.size, view).alpha
        roll = float(moment_roll(torch.from_numpy(alpha)[None])[0])
    elif mode == "auto" and observation.support_plane is not None:
        roll = plane_roll(view, observation.support_plane)
    return Crop.of(observation, mask, view.size, view if roll is None else view.rolled(roll))


def plane_roll(view: ObjectView, plane: Plane) -> float | None:
    """Roll in radians that makes a support plane's normal point up in the crop; None where the view is from above."""
    down = -(view.R_camera_virtual.T @ plane.normal)
    if math.hypot(down[0], down[1]) < _STEEP:
        return None
    return math.atan2(down[0], down[1])
