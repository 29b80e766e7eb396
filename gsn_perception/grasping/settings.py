"""Settings of the grasp planner."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.grasping.scoring.score import ScoreModel


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """Settings of :class:`GraspPlanner`; metres and radians."""

    num_candidates: int = 512
    """Surface points from which contact pairs are cast in a round."""
    rounds: int = 4
    """Most rounds of that many points, after the lattice; another round starts while fewer than ``enough`` grasps are
    found."""
    enough: int = 5
    """See rounds."""
    approaches: int = 13
    """Approach directions per contact pair of a round."""
    lattice_approaches: int = 5
    """Approach directions per contact pair of the lattice, an odd number, the preferred one in the middle; 0: no
    lattice."""
    max_grasps: int = 20
    """Most grasps to return."""
    score_threshold: float = 0.2
    """Grasps that score less are dropped."""
    friction: float = 0.5
    """Coulomb coefficient between pads and object."""
    approach_cone: float = float(np.pi)
    """Largest angle between the approach and straight down (support plane known) or the camera's line of sight."""
    standoff: float = 0.08
    """Length of the straight approach that must be free."""
    openings: tuple[float, ...] = (0.012, 0.004)
    """Free opening beside the object on either side: the first value free of collisions is used, within the stroke."""
    margin: float = 0.001
    """Least distance of the gripper to the object; twice that and 1 mm must fit beside the object. See tight."""
    support_clearance: float = 0.003
    """Least height of the gripper over the support plane. See tight."""
    tight: bool = True
    """Where no grasp is found, plan once more without margin to the object and with 1 mm to the support plane."""
    scene_margin: float = 0.003
    """Least distance of the gripper to scene points."""
    own_points: float = 0.008
    """Scene points this close to the object or above the support plane belong to them."""
    pad_compliance: float = 0.0015
    """Compliance of the pads in contact."""
    workspace_min: tuple[float, float, float] | None = None
    """Lower corner of the box the TCP must lie in, in the mesh's frame."""
    workspace_max: tuple[float, float, float] | None = None
    """Upper corner of that box."""
    nms_translation: float = 0.015
    """Grasps nearer than this and nearer than nms_rotation to a better one are dropped."""
    nms_rotation: float = float(np.pi / 6)
    """See nms_translation."""
    seed: int = 0
    """Of the random points."""
    model: ScoreModel = field(default_factory=ScoreModel.fitted)
    """Of the score; by default the shipped weights."""
    extrude: bool = True
    """Where the mesh gives no grasp, plan on the measured points extruded to the support plane; these grasps have
    ``source: extruded``."""
    extruded_model: ScoreModel = field(default_factory=ScoreModel.fitted_extruded)
    """Of the score of these grasps."""

    def __post_init__(self) -> None:
        for name in (
            "num_candidates",
            "rounds",
            "enough",
            "approaches",
            "max_grasps",
            "friction",
            "approach_cone",
            "pad_compliance",
        ):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; give a value above zero")
        if self.lattice_approaches < 0 or (self.lattice_approaches and self.lattice_approaches % 2 == 0):
            raise InputError(f"lattice_approaches is {self.lattice_approaches}; give 0 or an odd number")
        for name in ("standoff", "margin", "support_clearance", "scene_margin", "own_points"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} is {getattr(self, name)}; give metres, zero or more")
        if not self.openings or min(self.openings) < 0:
            raise InputError(f"openings are {self.openings}; give room on either side in metres, the widest first")
        if not 0 <= self.score_threshold <= 1:
            raise InputError(f"score_threshold is {self.score_threshold}; give a value from 0 to 1")

    def without_margins(self) -> PlannerSettings:
        """The settings for the second attempt: (almost) no margins, so the surface must be accurate to a millimetre."""
        return replace(self, margin=0.0, support_clearance=min(self.support_clearance, 0.001), tight=False)

    def for_extruded(self) -> PlannerSettings:
        """The settings for measured points extruded to the plane."""
        return replace(self, model=self.extruded_model, extrude=False)
