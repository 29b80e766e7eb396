"""Random hostile inputs of the grasp node: clouds, markers, polygons."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from geometry_msgs.msg import Point
from geometry_msgs.msg import Point32
from rclpy.serialization import serialize_message
from sensor_msgs.msg import PointCloud2
from sensor_msgs.msg import PointField
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.ros.messages import meshes
from gsn_perception.ros.messages import plane
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.points import points_to_cloud

_SIZES = (0, 1, 2, 3, 13, 36, 2**16, 2**31, 2**32 - 1)
_NUMBERS = (0.0, 1.0, -1.0, 1e300, -1e300, float("nan"), float("inf"), float("-inf"))
_TETRAHEDRON = Mesh(np.eye(4, 3), np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]]))


def object_messages(rng: np.random.Generator) -> tuple[dict[str, Any], PointCloud2 | None]:
    """``points``, ``mesh`` and ``support_plane`` with a few random faults, and sometimes a scene."""
    header = make_header(int(rng.integers(1, 4)) * 10**9, "cam")
    count = int(rng.integers(0, 30))
    xyz = rng.normal(size=(count, 3)).astype(np.float32)
    points = Points(xyz, np.zeros((count, 3), np.float32), xyz, np.ones(count, np.float32))
    made: dict[str, Any] = {
        "points": points_to_cloud({int(rng.integers(0, 2**32)): points}, header),
        "mesh": meshes.meshes_to_markers({int(rng.integers(0, 2**31)): _TETRAHEDRON}, header),
        "support_plane": plane.plane_to_polygon(Plane(np.array([0.0, 0.0, 1.0]), -1.0), header),
    }
    scene = None
    if rng.random() < 0.3:
        scene = _break_cloud(rng, points_to_cloud({1: points}, header))
    for _ in range(rng.integers(0, 4)):
        name = str(rng.choice(list(made)))
        {"points": _break_cloud, "mesh": _break_mesh, "support_plane": _break_polygon}[name](rng, made[name])
    if rng.random() < 0.5:
        made["mesh"] = _broken_bytes(rng, serialize_message(made["mesh"]))  # as from a raw subscription
    return made, scene


def _broken_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    """Unchanged in half of the cases, else cut or with some bytes changed."""
    if rng.random() < 0.5:
        return data
    if rng.random() < 0.5:
        return data[: int(rng.integers(0, len(data)))]
    changed = np.frombuffer(data, np.uint8).copy()
    changed[rng.integers(0, len(changed), int(rng.integers(1, 9)))] = rng.choice([0, 1, 127, 128, 255])
    return changed.tobytes()


def _break_cloud(rng: np.random.Generator, cloud: PointCloud2) -> PointCloud2:
    for field in ("width", "height", "point_step", "row_step"):
        if rng.random() < 0.3:
            setattr(cloud, field, int(rng.choice(_SIZES)))
    if rng.random() < 0.2:
        cloud.is_bigendian = True
    if rng.random() < 0.3:
        cloud.data = array("B", rng.bytes(int(rng.integers(0, 2000))))
    if rng.random() < 0.3 and cloud.fields:
        kind, count = int(rng.integers(0, 256)), int(rng.choice(_SIZES))
        name = str(rng.choice(["x", "label", "", "x" * 100]))
        broken = PointField(name=name, offset=int(rng.choice(_SIZES)), datatype=kind, count=count)
        cloud.fields = [*cloud.fields[: int(rng.integers(0, len(cloud.fields)))], broken]
    if rng.random() < 0.2:
        cloud.header.frame_id = "other"
    return cloud


def _break_mesh(rng: np.random.Generator, message: Any) -> None:
    marker = Marker(action=int(rng.integers(0, 4)), type=int(rng.integers(0, 14)), id=int(rng.integers(-5, 5)))
    marker.header.frame_id = "cam"
    for _ in range(rng.integers(0, 10)):
        x, y, z = (float(v) for v in rng.choice(_NUMBERS, 3))
        marker.points.append(Point(x=x, y=y, z=z))
        if rng.random() < 0.8:
            marker.colors.append(ColorRGBA(r=float(rng.random())))
    message.markers = [marker, *message.markers[: int(rng.integers(0, 3))]]


def _break_polygon(rng: np.random.Generator, message: Any) -> None:
    values = np.clip(
        np.nan_to_num(rng.choice(_NUMBERS, (int(rng.integers(0, 6)), 3)), posinf=1e38, neginf=-1e38), -1e38, 1e38
    )
    message.polygon.points = [Point32(x=float(x), y=float(y), z=float(z)) for x, y, z in values]
    if len(values) and rng.random() < 0.3:
        message.polygon.points[0].x = float("nan")
