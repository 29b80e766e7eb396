"""Exhaustive search for a grasp that holds, on the true mesh of an object at rest: can it be grasped at all?"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from gsn_perception.evaluation.grasps.planners.methods import TABLE
from gsn_perception.evaluation.grasps.trials import RestingObject
from gsn_perception.evaluation.physics.judge import Judge
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import PlannerSettings


@dataclass(frozen=True, slots=True)
class Search:
    """The result of an exhaustive search.

    Attributes:
        graspable: Whether a grasp held.
        tried: Number of executed grasps.
        candidates: Number of different candidates.
    """

    graspable: bool
    tried: int
    candidates: int


def search(resting: RestingObject, judge: Judge, *, limit: int = 60, seed: int = 0) -> Search:
    """Execute grasps on the true mesh until one holds.

    There are many candidates (2048 points, 25 approaches each), almost without margins and with any score, thinned to
    1 cm and 20 degrees, best first.

    Args:
        resting: The object.
        judge: Its judge.
        limit: Most grasps to execute.
        seed: Of the sampling.
    """
    settings = replace(
        PlannerSettings(),
        num_candidates=2048,
        approaches=25,
        max_grasps=limit,
        score_threshold=0.0,
        lattice_approaches=0,
        enough=limit,
        tight=False,
        margin=0.0,
        support_clearance=0.001,
        nms_translation=0.01,
        nms_rotation=float(np.deg2rad(20)),
        seed=seed,
    )
    grasps = GraspPlanner(judge.gripper, settings).plan_mesh(resting.mesh, support_plane=TABLE)
    for tried, grasp in enumerate(grasps, start=1):
        if judge(grasp, resting.T_world_object).held:
            return Search(True, tried, len(grasps))
    return Search(False, len(grasps), len(grasps))
