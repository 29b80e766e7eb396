"""Topics of the two nodes: names, message types, QoS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from geometry_msgs.msg import PolygonStamped
from geometry_msgs.msg import PoseArray
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import MarkerArray


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        name: Relative name.
        type: Message class.
        qos: ``sensor`` (best effort, volatile, depth 5), ``latched`` (reliable, transient local, depth 1), ``transforms``
            (of /tf: reliable, volatile, depth 100) or ``static_transforms`` (of /tf_static: reliable, transient local,
            depth 100).
    """

    name: str
    type: type
    qos: Literal["sensor", "latched", "transforms", "static_transforms"]

    @property
    def type_name(self) -> str:
        """Name of the message type, e.g. ``sensor_msgs/msg/Image``."""
        package = self.type.__module__.split(".", maxsplit=1)[0]
        return f"{package}/msg/{self.type.__name__}"


IMAGE = Topic("image", Image, "sensor")
IMAGE_COMPRESSED = Topic("image/compressed", CompressedImage, "sensor")
CAMERA_INFO = Topic("camera_info", CameraInfo, "sensor")
DEPTH = Topic("depth", Image, "sensor")
DEPTH_COMPRESSED = Topic("depth/compressedDepth", CompressedImage, "sensor")
DEPTH_FILE = Topic("depth/compressed", CompressedImage, "sensor")
MASK = Topic("mask", Image, "sensor")
MASK_COMPRESSED = Topic("mask/compressed", CompressedImage, "sensor")

GAUSSIANS = Topic("gaussians", PointCloud2, "latched")
POINTS = Topic("points", PointCloud2, "latched")
MESH = Topic("mesh", MarkerArray, "latched")
SUPPORT_PLANE = Topic("support_plane", PolygonStamped, "latched")
RENDER = Topic("render", Image, "sensor")

SCENE = Topic("scene", PointCloud2, "sensor")
GRASPS = Topic("grasps", PoseArray, "latched")
GRASP_TABLE = Topic("grasps/table", PointCloud2, "latched")
GRASPS_EARLY = Topic("grasps/early", PointCloud2, "sensor")
GRASP_MARKERS = Topic("grasps/markers", MarkerArray, "latched")

RECONSTRUCTION_INPUTS = (IMAGE, CAMERA_INFO, DEPTH, MASK)
RECONSTRUCTION_OUTPUTS = (GAUSSIANS, POINTS, MESH, SUPPORT_PLANE)
GRASP_INPUTS = (POINTS, MESH, SUPPORT_PLANE)
GRASP_OUTPUTS = (GRASPS, GRASP_TABLE, GRASP_MARKERS)
