"""ROS parameters of the node ``grasp``."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from math import pi
from typing import TYPE_CHECKING

from gsn_perception.geometry import InputError
from gsn_perception.ros.parameters.declaration import named_values
from gsn_perception.ros.parameters.declaration import parameter
from gsn_perception.ros.parameters.pose import UNSET_POSE
from gsn_perception.ros.parameters.pose import pose_matrix

if TYPE_CHECKING:
    from gsn_perception.grasping.gripper import Gripper
    from gsn_perception.grasping.planner import PlannerSettings


@dataclass(frozen=True, slots=True)
class GraspSettings:
    """Parameters of the node ``grasp``."""

    autostart: bool = parameter(False, "configure and activate without a lifecycle manager", read_only=True)
    gripper_name: str = parameter("panda", "a shipped gripper or a YAML file of one", name="gripper.name")
    gripper_max_width: float = parameter(
        0.0, "largest opening used, metres; 0: that of the gripper", low=0, name="gripper.max_width"
    )
    gripper_joints: tuple[str, ...] = parameter(
        ("",),
        "finger joints that grasps for MoveIt and Isaac name; empty: those of the gripper file",
        name="gripper.joints",
        any_length=True,
    )
    num_candidates: int = parameter(
        512, "surface points per round, if lines through the object give too few grasps", low=1, high=100000
    )
    max_grasps: int = parameter(20, "largest number of grasps per object", low=1, high=1000)
    score_threshold: float = parameter(0.2, "grasps that score less are dropped", low=0, high=1)
    approach_cone: float = parameter(
        pi, "largest angle between the approach and straight down (or the line of sight), radians", low=0.01, high=pi
    )
    friction: float = parameter(0.5, "Coulomb coefficient between pads and object", low=0.01, high=5)
    tight: bool = parameter(True, "if no grasp is found, try once more with almost no margins")
    workspace_min: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0),
        "lower corner of the box of the TCP in the objects' frame, metres; with workspace_max all zero: no box",
    )
    workspace_max: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0), "upper corner of that box; the objects' frame is target_frame, else the camera's, metres"
    )
    use_scene: bool = parameter(True, "avoid collisions with the points on `scene` if it has a publisher")
    scene_max_age: float = parameter(1.0, "a scene cloud this much older than the objects is not used, seconds", low=0)
    scene_to_target: tuple[float, ...] = parameter(
        UNSET_POSE,
        "x y z qx qy qz qw of the scene's frame in the objects' frame, instead of TF; zeros: use TF",
        fixed=True,
    )
    tf_timeout: float = parameter(
        0.2, "longest wait for a transform at the scene's stamp, seconds", low=0, high=10, fixed=True
    )
    target: str = parameter(
        "", "plan on this object only, by id (`gsn_3`) or label (`3`); the others are obstacles; empty: all"
    )
    plan_first: str = parameter(
        "largest",
        "the object that is planned first, whose grasps come first on `grasps/early`; nearest: to the frame's origin",
        choices=("largest", "nearest"),
    )
    trigger_timeout: float = parameter(30.0, "longest wait of `~/plan` for its plan, seconds", low=0.1, high=600)
    moveit_service: bool = parameter(False, "offer `plan_grasps` (needs moveit_msgs)", fixed=True)
    output_dir: str = parameter("gsn_output", "folder of `~/save`")
    seed: int = parameter(0, "seed of these points", low=0)

    def check(self) -> None:
        """Check the values that depend on each other.

        Raises:
            InputError: one sentence.
        """
        if self.has_workspace and not all(a < b for a, b in zip(self.workspace_min, self.workspace_max, strict=True)):
            raise InputError(
                "workspace_min is not below workspace_max on every axis; give two corners of a box in the objects' frame "
                "(target_frame of the reconstruction node, else the camera's)"
            )
        if any(self.scene_to_target):
            pose_matrix(self.scene_to_target, "scene_to_target")
        _ = self.gripper()

    @property
    def has_workspace(self) -> bool:
        """Whether the workspace box is set."""
        return any(self.workspace_min) or any(self.workspace_max)

    def gripper(self) -> Gripper:
        """The gripper, by the parameters.

        Raises:
            InputError: there is no such gripper, or ``gripper.max_width`` is outside its range.
        """
        from gsn_perception.grasping.gripper import Gripper

        is_file = self.gripper_name.endswith((".yaml", ".yml"))
        gripper = Gripper.load(self.gripper_name) if is_file else Gripper.named(self.gripper_name)
        names = [name for name in self.gripper_joints if name]
        gripper = gripper.with_joints(names) if names else gripper
        if not self.gripper_max_width:
            return gripper
        if not gripper.min_width < self.gripper_max_width <= gripper.max_width:
            raise InputError(
                f"gripper.max_width is {self.gripper_max_width}; {gripper.name} opens from "
                f"{gripper.min_width} to {gripper.max_width} m"
            )
        return replace(gripper, max_width=self.gripper_max_width)

    def planner(self) -> PlannerSettings:
        """The settings of the planner."""
        from gsn_perception.grasping.planner import PlannerSettings

        names = ("num_candidates", "max_grasps", "score_threshold", "approach_cone", "friction", "tight", "seed")
        box = {}
        if self.has_workspace:
            box = {"workspace_min": self.workspace_min, "workspace_max": self.workspace_max}
        return PlannerSettings(**named_values(self, {name: name for name in names}), **box)  # type: ignore[arg-type]
