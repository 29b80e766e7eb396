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


def roll_of(crop: Crop, plane: Plane | None, mode: UprightMode) -> float:
    """The roll of a crop, radians.

    Args:
        crop: As the camera saw it.
        plane: The frame's support plane in the camera frame, where it is known.
        mode: See :class:`~gsn_perception.pipeline.settings.ReconstructorSettings`.
    """
    if mode == "moments":
        return float(moment_roll(torch.from_numpy(crop.alpha)[None])[0])
    upright = plane_roll(crop.view, plane) if plane is not None and mode == "auto" else None
    return 0.0 if upright is None else upright


def plane_roll(view: ObjectView, plane: Plane) -> float | None:
    """Radians that stand a crop upright on a support plane; None where the camera looks straight down on it."""
    down = -(view.R_camera_virtual.T @ plane.normal)
    if math.hypot(down[0], down[1]) < _STEEP:
        return None
    return math.atan2(down[0], down[1])


def stand(observation: Observation, label: int, crop: Crop, roll: float) -> Crop:
    """The crop of ``label`` drawn anew from the frame with its content rolled (no second interpolation)."""
    if roll == 0.0:
        return crop
    return Crop.of(observation, np.asarray(observation.mask == label), crop.view.size, crop.view.rolled(roll))
