"""ROS parameters of the node ``reconstruction``."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from gsn_perception.engines.names import ENGINES
from gsn_perception.engines.names import PRECISIONS
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane
from gsn_perception.ros.parameters.declaration import named_values
from gsn_perception.ros.parameters.declaration import parameter
from gsn_perception.ros.parameters.pose import UNSET_POSE
from gsn_perception.ros.parameters.pose import pose_matrix

if TYPE_CHECKING:
    from gsn_perception.pipeline import ReconstructorSettings


def _check_device(device: str) -> None:
    if not (device in ("auto", "cpu", "cuda") or (device.startswith("cuda:") and device[5:].isdigit())):
        raise InputError(f"device is {device!r}; choose auto, cpu, cuda or cuda:N")


@dataclass(frozen=True, slots=True)
class ReconstructionSettings:
    """Parameters of the node ``reconstruction``."""

    autostart: bool = parameter(False, "configure and activate without a lifecycle manager", read_only=True)
    checkpoint: str = parameter("", "weights: a file, a shipped name, or empty for the shipped default", fixed=True)
    device: str = parameter("auto", "auto, cpu, cuda or cuda:N", fixed=True, check=_check_device)
    engine: str = parameter(
        "auto",
        "library that runs the network: auto takes openvino on the CPU if it is installed, else torch",
        choices=ENGINES,
        fixed=True,
    )
    precision: str = parameter(
        "float32",
        "arithmetic of the network; bfloat16 is faster and needs hardware that has it",
        choices=PRECISIONS,
        fixed=True,
    )
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
    rectify: bool = parameter(False, "the image is raw: undistort it by K and D; else it is rectified and P is used")
    use_depth: bool = parameter(True, "use `depth` if it has a publisher")
    use_mask: bool = parameter(True, "use `mask` if it has a publisher, else segment")
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
        2.0, "longest wait of an image for depth or mask that has a publisher, seconds of stamps", low=0, high=60
    )
    wait_for_grasps: float = parameter(
        2.0,
        "longest wait of a frame until the grasps of the frame before are planned, seconds; 0: none waits",
        low=0,
        high=10,
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
        "labels of `mask` that are background, e.g. 0 and 1 for Isaac Sim, 255 for a body index map",
        any_length=True,
    )
    clean_masks: bool = parameter(
        True,
        "remove parts of a given mask that are not the object, by depth and position; shift a mask that lags behind",
    )
    max_extent: float = parameter(
        0.6, "objects longer, or with no side below a third of it, get a remark, metres; 0: none does", low=0
    )
    max_objects: int = parameter(
        8, "largest number of objects per frame; the largest masks are used", low=1, high=65535
    )
    min_mask_pixels: int = parameter(150, "smaller masks are refused", low=1)
    allow_cut: bool = parameter(False, "reconstruct objects that are cut by the image border")
    target_frame: str = parameter("", "frame of the results; empty: the camera's optical frame", fixed=True)
    tf_timeout: float = parameter(
        0.2, "longest wait for a transform at the image's stamp, seconds", low=0, high=10, fixed=True
    )
    camera_to_target: tuple[float, ...] = parameter(
        UNSET_POSE, "x y z qx qy qz qw of the camera in target_frame, instead of TF; zeros: use TF", fixed=True
    )
    fuse_views: int = parameter(
        0,
        "earlier views of a moving camera that are fused with each frame; 0: those of `~/add_view` only",
        low=0,
        high=8,
    )
    fuse_frame: str = parameter(
        "", "static frame of TF in which the camera's pose is looked up; empty: target_frame", fixed=True
    )
    fuse_min_baseline: float = parameter(
        0.03, "least distance of the camera between fused views, metres", low=0.001, high=10
    )
    fuse_window: float = parameter(10.0, "earlier views are at most this old, seconds of stamps", low=0, high=3600)
    fuse_position_error: float = parameter(
        0.002, "standard deviation of a pose's position per axis, metres", low=0, high=1
    )
    fuse_rotation_error: float = parameter(
        0.00873, "standard deviation of a pose's rotation per axis, radians", low=0, high=1
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
    plane_scale: str = parameter(
        "auto",
        "scale from the plane without depth: learned by a network; quantile: the splat's lower end on the plane",
        choices=("auto", "learned", "quantile"),
    )
    plane_offset_error: float = parameter(
        0.0, "standard deviation of the camera's distance from the plane, metres, for the scale without depth", low=0
    )
    plane_tilt_error: float = parameter(
        0.0, "standard deviation of the plane's direction, degrees, for the scale without depth", low=0, high=45
    )
    unit_scale: bool = parameter(False, "results in normalised units instead of metres if the scale is unknown")
    refine_ms: float = parameter(
        0.0,
        "time per frame to refine the splats against their input view, milliseconds; 0: they stay as the network made them",
        low=0,
        high=10000,
    )
    refine_steps: int = parameter(40, "largest number of steps of this refinement per object", low=1, high=1000)
    opacity_threshold: float = parameter(1.0 / 255.0, "Gaussians below this opacity are dropped", low=0, high=1)
    max_gaussians: int = parameter(0, "largest number of Gaussians per object, the most opaque first; 0: all", low=0)
    mesh_method: str = parameter(
        "auto",
        "how the surface is made: from the splat, or by a learned field; auto: convonet with depth, else gaussians",
        choices=("auto", "gaussians", "onet", "convonet", "peif"),
        fixed=True,
        name="mesh.method",
    )
    mesh_weights: str = parameter(
        "", "weights of a learned field: a file, or empty for the shipped ones", fixed=True, name="mesh.weights"
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
    seed: int = parameter(0, "seed of the random numbers", low=0)

    def check(self) -> None:
        """Check the values that depend on each other.

        Raises:
            InputError: one sentence.
        """
        if self.min_depth >= self.max_depth:
            raise InputError(f"min_depth {self.min_depth} is not below max_depth {self.max_depth}; give a range")
        if self.has_camera_pose:
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
        """``support_plane`` as a :class:`Plane`, None when unset."""
        if not any(self.support_plane):
            return None
        return Plane(np.array(self.support_plane[:3]), self.support_plane[3])

    def is_level(self, camera_frame: str) -> bool:
        """Whether the z axis of ``target_frame`` points up; false for optical frames, whose z axis is the viewing direction."""
        target = self.target_frame
        return self.target_is_level and target != camera_frame and not target.endswith("optical_frame")

    def pipeline(self) -> ReconstructorSettings:
        """The settings of the pipeline, from the parameters that have their names."""
        from gsn_perception.pipeline import ReconstructorSettings

        own, wanted = ({field.name for field in fields(kind)} for kind in (type(self), ReconstructorSettings))
        return ReconstructorSettings(**named_values(self, {name: name for name in own & wanted}))
