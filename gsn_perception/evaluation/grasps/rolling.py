"""Roll equivariance of grasps: the same object from a camera rolled about its axis, compared in the world frame."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gsn_perception.evaluation.grasps.planners.method_context import MethodContext
from gsn_perception.evaluation.grasps.planners.methods import RGBD
from gsn_perception.evaluation.grasps.planners.methods import answer
from gsn_perception.evaluation.grasps.trials import ELEVATION
from gsn_perception.evaluation.grasps.trials import RestingObject
from gsn_perception.evaluation.grasps.trials import make_trial
from gsn_perception.geometry import Grasp
from gsn_perception.grasping.selection import rotation_between

STEP = np.deg2rad(15.0)
_NEAR, _ALIKE, _AMONG = 0.005, np.deg2rad(5.0), 10


def roll_figures(
    resting: RestingObject,
    camera: int,
    context: MethodContext,
    *,
    seed: int,
    steps: Iterable[int] = range(1, 24),
    elevation: tuple[float, float] = ELEVATION,
) -> list[dict[str, float]]:
    """How the grasps of a rolled camera differ from those of the upright camera, one row per step of 15 degrees.

    The whole pipeline gets the rolled image with its own sample of the depth noise.

    Args:
        resting: The object.
        camera: Number of the view.
        context: Pipeline and planner.
        seed: Of the view.
        steps: Multiples of 15 degrees.
        elevation: Range of the camera's elevation, degrees.

    Returns:
        ``roll`` in degrees; ``regret``: the score of the upright best minus that of the rolled best (0 for no grasp);
        ``twin``: whether one of the ten best rolled grasps is within 5 mm and 5 degrees of the upright best, modulo the
        exchange of the fingers. Empty where the upright camera finds no grasp.
    """
    upright = answer(RGBD, make_trial(resting, camera, seed, elevation=elevation), context).grasps
    if not upright:
        return []
    rows = []
    for step in steps:
        trial = make_trial(resting, camera, seed, roll=step * STEP, elevation=elevation)
        rolled = answer(RGBD, trial, context).grasps
        best = rolled[0].score if rolled else 0.0
        rows.append(
            {
                "roll": 15.0 * step,
                "regret": max(upright[0].score - best, 0.0),
                "twin": float(has_twin(upright[0], rolled)),
            }
        )
    return rows


def has_twin(grasp: Grasp, others: tuple[Grasp, ...], among: int = _AMONG) -> bool:
    """Whether one of the first ``among`` grasps is equal within 5 mm and 5 degrees."""
    for other in others[:among]:
        near = np.linalg.norm(other.T_frame_tcp[:3, 3] - grasp.T_frame_tcp[:3, 3]) < _NEAR
        if near and rotation_between(other.T_frame_tcp[:3, :3], grasp.T_frame_tcp[:3, :3]) < _ALIKE:
            return True
    return False
