"""Crops stood upright before the network sees them, so that rolling the camera rolls the whole answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.moments import moment_roll
from gsn_perception.gsn.upright import Upright
from gsn_perception.gsn.upright import load_upright
from gsn_perception.io.checkpoints import shipped
from gsn_perception.pipeline.settings import UprightMode

_STEEP = math.sin(math.radians(8.0))  # nearer to straight down than this, the plane says little about the roll


@lru_cache(maxsize=4)
def shipped_upright(device: torch.device) -> Upright:
    """The shipped network that finds up, on a device."""
    return load_upright(shipped("upright")).to(device)


def plane_roll(view: ObjectView, plane: Plane) -> float | None:
    """Radians that stand a crop upright on a support plane; None where the camera looks straight down on it."""
    down = -(view.R_camera_virtual.T @ plane.normal)
    if math.hypot(down[0], down[1]) < _STEEP:
        return None
    return math.atan2(down[0], down[1])


def rolls(crops: Sequence[Crop], plane: Plane | None, mode: UprightMode, device: torch.device) -> list[float]:
    """The roll of every crop, radians.

    Args:
        crops: Of one frame.
        plane: The frame's support plane in the camera frame, where it is known.
        mode: See :class:`~gsn_perception.pipeline.settings.ReconstructorSettings`.
        device: Where the network runs.
    """
    if mode == "off":
        return [0.0] * len(crops)
    found = [plane_roll(crop.view, plane) if plane is not None and mode == "auto" else None for crop in crops]
    for i in (i for i, angle in enumerate(found) if angle is None):
        if mode == "network":
            found[i] = float(shipped_upright(device).roll(crops[i].tensors(device)[0])[0])
        else:
            found[i] = float(moment_roll(torch.from_numpy(crops[i].alpha)[None])[0])
    return [angle for angle in found if angle is not None]


def stand(observation: Observation, label: int, crop: Crop, roll: float) -> Crop:
    """The crop of ``label`` drawn anew from the frame with its content rolled (no second interpolation)."""
    if roll == 0.0:
        return crop
    return Crop.of(observation, np.asarray(observation.mask == label), crop.view.size, crop.view.rolled(roll))
