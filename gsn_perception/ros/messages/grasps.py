"""Converts grasps to PoseArray, a table in a PointCloud2, and markers. Quaternions in messages are xyzw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Point
from geometry_msgs.msg import Pose
from geometry_msgs.msg import PoseArray
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import ColorRGBA
from std_msgs.msg import Header
from visualization_msgs.msg import Marker
from visualization_msgs.msg import MarkerArray

from gsn_perception.geometry import Grasp
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import matrix_from_quat
from gsn_perception.geometry.transforms import quat_from_matrix
from gsn_perception.ros.messages import clouds
from gsn_perception.ros.messages.meshes import delete_all

_TABLE = ("x", "y", "z", "qx", "qy", "qz", "qw", "width", "score", "label")
_FINGER = 0.04  # metres, length of a drawn finger
_STEM = 0.05


def matrix_to_pose(matrix: np.ndarray) -> Pose:
    """Pose message from a rigid transform [4,4]."""
    x, y, z = (float(value) for value in matrix[:3, 3])
    qw, qx, qy, qz = (float(value) for value in quat_from_matrix(matrix[:3, :3]))
    pose = Pose()
    pose.position.x, pose.position.y, pose.position.z = x, y, z
    pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w = qx, qy, qz, qw
    return pose


def pose_to_matrix(pose: Pose) -> np.ndarray:
    """Rigid transform [4,4] from a pose message with a unit quaternion."""
    q = pose.orientation
    rotation = matrix_from_quat(np.array([q.w, q.x, q.y, q.z]))
    return make_transform(rotation, np.array([pose.position.x, pose.position.y, pose.position.z]))


def grasps_to_poses(grasps: Sequence[Grasp], header: Header) -> PoseArray:
    """The TCP poses, in the grasps' order (best first)."""
    return PoseArray(header=header, poses=[matrix_to_pose(g.T_frame_tcp) for g in grasps])


def grasps_to_table(grasps: Sequence[Grasp], header: Header) -> PointCloud2:
    """One row per grasp, in the same order: x y z qx qy qz qw width score label."""
    dtype = np.dtype([(name, "<u4" if name == "label" else "<f4") for name in _TABLE])
    rows = np.zeros(len(grasps), dtype)
    for row, grasp in zip(rows, grasps, strict=True):
        quat = quat_from_matrix(grasp.T_frame_tcp[:3, :3])[[1, 2, 3, 0]]
        values = (*grasp.T_frame_tcp[:3, 3], *quat, grasp.width, grasp.score, grasp.label)
        for name, value in zip(_TABLE, values, strict=True):
            row[name] = value
    return clouds.to_message(rows, header)


def table_to_grasps(table: PointCloud2) -> list[Grasp]:
    """The grasps of a table, in its order.

    Raises:
        InputError: a column is missing or the message is damaged.
    """
    rows = clouds.from_message(table, *_TABLE)
    if not len(rows):
        return []
    rotations = matrix_from_quat(clouds.columns(rows, "qw", "qx", "qy", "qz"))
    positions = clouds.columns(rows, "x", "y", "z")
    return [
        Grasp(make_transform(R, t), float(row["width"]), float(row["score"]), int(row["label"]))
        for R, t, row in zip(rotations, positions, rows, strict=True)
    ]


def grasps_to_markers(grasps: Sequence[Grasp], header: Header) -> MarkerArray:
    """DELETEALL, then one LINE_LIST with a gripper symbol per grasp, red (score 0) to green (score 1)."""
    marker = Marker(header=header, ns="grasps", id=0, type=Marker.LINE_LIST, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.scale.x = 0.002
    marker.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
    points: list[Point] = []
    colors: list[ColorRGBA] = []
    for grasp in grasps:
        corners = _glyph(grasp.width) @ grasp.T_frame_tcp[:3, :3].T + grasp.T_frame_tcp[:3, 3]
        points += [Point(x=float(x), y=float(y), z=float(z)) for x, y, z in corners]
        score = float(np.clip(grasp.score, 0, 1))
        colors += [ColorRGBA(r=1 - score, g=score, b=0.1, a=1.0)] * len(corners)
    marker.points, marker.colors = points, colors
    return MarkerArray(markers=[delete_all(header), marker] if points else [delete_all(header)])


def _glyph(width: float) -> np.ndarray:
    """End points [8,3] of the symbol's line segments in the grasp frame: two fingers and a stem along z, a bridge along y."""
    y, z = width / 2, -_FINGER
    segments = [(0, -y, 0), (0, -y, z), (0, y, 0), (0, y, z), (0, -y, z), (0, y, z), (0, 0, z), (0, 0, z - _STEM)]
    return np.array(segments, dtype=np.float64)
