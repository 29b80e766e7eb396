"""Crops rolled alike before the network sees them, so that rolling the camera rolls the whole answer."""

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

_STEEP = math.sin(math.radians(8.0))  # nearer to straight down than this, the plane says little about the roll


def rolled_crop(observation: Observation, mask: np.ndarray, view: ObjectView, mode: UprightMode) -> Crop:
    """The object of ``mask`` [H,W] bool through its view, rolled as the mode says; drawn twice for moments alone.

    Args:
        observation: The frame, with its support plane where that is known.
        mask: The object.
        view: As the camera saw it.
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
    """Radians that stand a crop upright on a support plane; None where the camera looks straight down on it."""
    down = -(view.R_camera_virtual.T @ plane.normal)
    if math.hypot(down[0], down[1]) < _STEEP:
        return None
    return math.atan2(down[0], down[1])
