"""The parameters of the two nodes."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane
from gsn_perception.ros.parameters.declaration import named_values
from gsn_perception.ros.parameters.declaration import parameter

if TYPE_CHECKING:
    from gsn_perception.grasping.gripper import Gripper
    from gsn_perception.grasping.planner import PlannerSettings
    from gsn_perception.pipeline import ReconstructorSettings

_PIPELINE = (  # names shared with ReconstructorSettings
    "segmentation",
    "use_depth",
    "use_mask",
    "trust_support_plane",
    "mask_mode",
    "clean_masks",
    "max_extent",
    "upright",
    "unit_scale",
    "allow_cut",
    "min_mask_pixels",
    "max_objects",
    "min_depth",
    "max_depth",
    "opacity_threshold",
    "max_gaussians",
    "mesh_method",
    "mesh_weights",
    "mesh_resolution",
    "mesh_max_triangles",
    "seed",
)
_UNSET_POSE = (0.0,) * 7


def _check_device(device: str) -> None:
    if not (device in ("auto", "cpu", "cuda") or (device.startswith("cuda:") and device[5:].isdigit())):
        raise InputError(f"device is {device!r}; choose auto, cpu, cuda or cuda:N")


@dataclass(frozen=True, slots=True)
class ReconstructionSettings:
    """Parameters of the node ``reconstruction``."""

    autostart: bool = parameter(False, "configure and activate without a lifecycle manager", read_only=True)
    checkpoint: str = parameter("", "weights: a file, a shipped name, or empty for the shipped default", fixed=True)
    device: str = parameter("auto", "auto, cpu, cuda or cuda:N", fixed=True, check=_check_device)
    precision: str = parameter("float32", "arithmetic of the network", choices=("float32",), fixed=True)
    image_transport: str = parameter(
        "raw", "raw: `image`; compressed: `image/compressed`", choices=("raw", "compressed")
    )
    depth_transport: str = parameter(
        "raw",
        "raw: `depth`; compressedDepth: `depth/compressedDepth`; compressed: `depth/compressed`, a 16 bit PNG",
        choices=("raw", "compressedDepth", "compressed"),
    )
    mask_transport: str = parameter(
        "raw",
        "raw: `mask`; compressed: `mask/compressed`, a PNG; polygons: `mask` as yolo_msgs/DetectionArray",
        choices=("raw", "compressed", "polygons"),
    )
    rectify: bool = parameter(False, "the image is raw: undistort it by K and D; else it is rectified and P holds")
    use_depth: bool = parameter(True, "use `depth` where somebody publishes it")
    use_mask: bool = parameter(True, "use `mask` where somebody publishes it, else segment")
    segmentation: str = parameter(
        "auto",
        "how objects are found without a mask: plane needs depth, grabcut a roi",
        choices=("auto", "plane", "grabcut"),
    )
    roi: tuple[int, ...] = parameter(
        (0, 0, 0, 0), "x y w h in pixels around the object for grabcut; zeros: none", low=0
    )
    sync_slop: float = parameter(
        0.02, "largest difference of stamps between image, depth and mask, seconds", low=0, high=10
    )
    max_wait: float = parameter(
        2.0, "longest wait of an image for a depth or mask that somebody publishes, seconds of stamps", low=0, high=60
    )
    max_age: float = parameter(0.0, "frames older than this are dropped, seconds; 0: none is too old", low=0)
    max_rate: float = parameter(0.0, "at most this many frames a second, by their stamps; 0: no limit", low=0)
    min_depth: float = parameter(0.05, "depth below this is unknown, metres", low=0)
    max_depth: float = parameter(5.0, "depth above this is unknown, metres", low=0)
    mask_mode: str = parameter(
        "labels",
        "binary: every pixel above 0 is one object; labels: each value is an object",
        choices=("binary", "labels"),
    )
    mask_background: tuple[int, ...] = parameter(
        (0,),
        "labels of `mask` that are no objects, e.g. 0 and 1 for Isaac Sim, 255 for a body index map",
        any_length=True,
    )
    clean_masks: bool = parameter(
        True, "leave out of a given mask what is not the object by its depth or place, and move one that lags"
    )
    max_extent: float = parameter(
        0.6, "objects longer, or with no side below a third of it, get a remark, metres; 0: none does", low=0
    )
    max_objects: int = parameter(8, "objects a frame; the largest masks are taken", low=1, high=65535)
    min_mask_pixels: int = parameter(150, "smaller masks are refused", low=1)
    allow_cut: bool = parameter(False, "reconstruct objects that are cut by the image border")
    target_frame: str = parameter("", "frame of the results; empty: the camera's optical frame", fixed=True)
    tf_timeout: float = parameter(
        0.2, "longest wait for a transform at the image's stamp, seconds", low=0, high=10, fixed=True
    )
    camera_to_target: tuple[float, ...] = parameter(
        _UNSET_POSE, "x y z qx qy qz qw of the camera in target_frame, instead of TF; zeros: use TF", fixed=True
    )
    support_plane: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0, 0.0), "nx ny nz d of the plane under the objects, camera frame, n.x + d = 0; zeros: unknown"
    )
    trust_support_plane: bool = parameter(
        False, "keep the support_plane given although the depth shows another one under the objects"
    )
    target_is_level: bool = parameter(
        True, "z of target_frame points up: the support plane is looked for among level ones; false for tool frames"
    )
    size_hint: float = parameter(
        0.0,
        "metres between the two points of the object farthest apart (a carton's diagonal), where there is no depth; 0: unknown",
        low=0,
    )
    upright: str = parameter(
        "auto",
        "how crops are rolled before the network: auto upright on the support plane; moments by the silhouette",
        choices=("auto", "moments", "off"),
    )
    unit_scale: bool = parameter(False, "give normalised units instead of metres where nothing fixes the scale")
    opacity_threshold: float = parameter(1.0 / 255.0, "Gaussians below this opacity are dropped", low=0, high=1)
    max_gaussians: int = parameter(0, "at most so many Gaussians an object, the most opaque first; 0: all", low=0)
    mesh_method: str = parameter(
        "auto",
        "how the surface is made: from the splat, or by a learned field; auto: convonet with depth, else gaussians",
        choices=("auto", "gaussians", "onet", "convonet", "peif"),
        fixed=True,
        name="mesh.method",
    )
    mesh_weights: str = parameter(
        "", "weights of a learned field: a file, or empty for those that come along", fixed=True, name="mesh.weights"
    )
    mesh_resolution: int = parameter(
        64, "cells of the surface grid along an edge", low=16, high=256, name="mesh.resolution"
    )
    mesh_max_triangles: int = parameter(
        20000, "triangle budget of a mesh", low=100, high=500000, name="mesh.max_triangles"
    )
    trigger_timeout: float = parameter(10.0, "longest wait of `~/reconstruct` for a frame, seconds", low=0.1, high=600)
    publish_moveit: bool = parameter(False, "publish `collision_object` (needs moveit_msgs)", fixed=True)
    moveit_table: bool = parameter(False, "publish the support plane, too, as the box `gsn_table`")
    moveit_triangles: int = parameter(2000, "triangle budget of a mesh in `collision_object`", low=100, high=500000)
    moveit_keep: float = parameter(
        2.0, "seconds of stamps that an object not seen stays in the planning scene", low=0, high=3600
    )
    output_dir: str = parameter("gsn_output", "folder of `~/save`")
    seed: int = parameter(0, "of the random numbers", low=0)

    def check(self) -> None:
        """What the values must fulfil together."""
        if self.min_depth >= self.max_depth:
            raise InputError(f"min_depth {self.min_depth} is not below max_depth {self.max_depth}; give a range")
        if self.has_camera_pose:
            from gsn_perception.ros.transforms.sources import pose_matrix

            pose_matrix(self.camera_to_target)
            if not self.target_frame:
                raise InputError("camera_to_target is given but target_frame is empty; name the frame")
        if any(self.roi) and (self.roi[2] < 1 or self.roi[3] < 1):
            raise InputError(f"roi {list(self.roi)} is empty; give x y w h with w and h above zero")
        _ = self.plane

    @property
    def has_camera_pose(self) -> bool:
        """Whether ``camera_to_target`` is set."""
        return any(self.camera_to_target)

    @property
    def plane(self) -> Plane | None:
        """``support_plane`` as a value, None when unset."""
        if not any(self.support_plane):
            return None
        return Plane(np.array(self.support_plane[:3]), self.support_plane[3])

    def is_level(self, camera_frame: str) -> bool:
        """Whether the z axis of ``target_frame`` says where up is: an optical frame's points into the picture."""
        target = self.target_frame
        return self.target_is_level and target != camera_frame and not target.endswith("optical_frame")

    def pipeline(self) -> ReconstructorSettings:
        """What the pipeline is told."""
        from gsn_perception.pipeline import ReconstructorSettings

        return ReconstructorSettings(**named_values(self, {name: name for name in _PIPELINE}))


@dataclass(frozen=True, slots=True)
class GraspSettings:
    """Parameters of the node ``grasp``."""

    autostart: bool = parameter(False, "configure and activate without a lifecycle manager", read_only=True)
    gripper_name: str = parameter("panda", "a shipped gripper or a YAML file of one", name="gripper.name")
    gripper_max_width: float = parameter(
        0.0, "opening used at most, metres; 0: the gripper's own", low=0, name="gripper.max_width"
    )
    gripper_joints: tuple[str, ...] = parameter(
        ("",),
        "finger joints that grasps for MoveIt and Isaac name; empty: those of the gripper file",
        name="gripper.joints",
        any_length=True,
    )
    num_candidates: int = parameter(
        512, "surface points a round, where lines through the object give too few grasps", low=1, high=100000
    )
    max_grasps: int = parameter(20, "grasps an object at most", low=1, high=1000)
    score_threshold: float = parameter(0.2, "grasps that score less are dropped", low=0, high=1)
    approach_cone: float = parameter(
        pi, "largest angle between the approach and straight down (or the line of sight), radians", low=0.01, high=pi
    )
    friction: float = parameter(0.5, "Coulomb coefficient between pads and object", low=0.01, high=5)
    tight: bool = parameter(True, "where nothing is found, try once more with next to no margins")
    workspace_min: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0),
        "lower corner of the box of the TCP in the objects' frame, metres; with workspace_max all zero: no box",
    )
    workspace_max: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0), "upper corner of that box; the objects' frame is target_frame, else the camera's, metres"
    )
    use_scene: bool = parameter(True, "stay clear of the points on `scene` where somebody publishes it")
    scene_max_age: float = parameter(1.0, "a scene cloud this much older than the objects is not used, seconds", low=0)
    scene_to_target: tuple[float, ...] = parameter(
        _UNSET_POSE,
        "x y z qx qy qz qw of the scene's frame in the objects' frame, instead of TF; zeros: use TF",
        fixed=True,
    )
    tf_timeout: float = parameter(
        0.2, "longest wait for a transform at the scene's stamp, seconds", low=0, high=10, fixed=True
    )
    target: str = parameter(
        "", "plan on this object alone, by its id (`gsn_3`) or label (`3`); the others are kept clear of; empty: all"
    )
    trigger_timeout: float = parameter(30.0, "longest wait of `~/plan` for its plan, seconds", low=0.1, high=600)
    moveit_service: bool = parameter(False, "offer `plan_grasps` (needs moveit_msgs)", fixed=True)
    output_dir: str = parameter("gsn_output", "folder of `~/save`")
    seed: int = parameter(0, "of these points", low=0)

    def check(self) -> None:
        """What the values must fulfil together."""
        if self.has_workspace and not all(a < b for a, b in zip(self.workspace_min, self.workspace_max, strict=True)):
            raise InputError(
                "workspace_min is not below workspace_max on every axis; give two corners of a box in the objects' frame "
                "(target_frame of the reconstruction node, else the camera's)"
            )
        if any(self.scene_to_target):
            from gsn_perception.ros.transforms.sources import pose_matrix

            pose_matrix(self.scene_to_target, "scene_to_target")
        _ = self.gripper()

    @property
    def has_workspace(self) -> bool:
        """Whether the workspace box is set."""
        return any(self.workspace_min) or any(self.workspace_max)

    def gripper(self) -> Gripper:
        """The gripper the parameters name.

        Raises:
            InputError: there is none of that name, or its opening is limited to less than it closes on.
        """
        from dataclasses import replace

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
        """What the planner is told."""
        from gsn_perception.grasping.planner import PlannerSettings

        names = ("num_candidates", "max_grasps", "score_threshold", "approach_cone", "friction", "tight", "seed")
        box = {}
        if self.has_workspace:
            box = {"workspace_min": self.workspace_min, "workspace_max": self.workspace_max}
        return PlannerSettings(**named_values(self, {name: name for name in names}), **box)  # type: ignore[arg-type]
