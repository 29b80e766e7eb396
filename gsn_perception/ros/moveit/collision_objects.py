"""Publishes reconstructed objects and the table as moveit_msgs/CollisionObject for MoveIt's planning scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np
from geometry_msgs.msg import Point
from geometry_msgs.msg import Pose
from rclpy.callback_groups import CallbackGroup
from rclpy.lifecycle import LifecycleNode
from shape_msgs.msg import Mesh as MeshMessage
from shape_msgs.msg import MeshTriangle
from shape_msgs.msg import SolidPrimitive
from std_msgs.msg import Header

from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.pipeline.tracking import box_of
from gsn_perception.ros import optional
from gsn_perception.ros import qos
from gsn_perception.ros.messages.grasps import matrix_to_pose
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.moveit.planning_scene import Attached
from gsn_perception.ros.moveit.planning_scene import AttachedObjects
from gsn_perception.ros.moveit.planning_scene import Locate
from gsn_perception.ros.moveit.table import TableBox
from gsn_perception.ros.moveit.table import TableTracker
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.results.frame_result import FrameResult
from gsn_perception.ros.results.object_ids import number_of

TABLE_ID = "gsn_table"
_POINTS = 500  # vertices kept of an object, for its bounding box while it is attached


def collision_object_type() -> Any:
    """The message class moveit_msgs/CollisionObject.

    Raises:
        InputError: moveit_msgs is not installed.
    """
    return optional.require("moveit_msgs.msg", "publish_moveit").CollisionObject


@dataclass(frozen=True, slots=True, eq=False)
class _SceneObject:
    """An object in the planning scene: points [K,3] relative to its pose, and when it was last seen, nanoseconds."""

    points: np.ndarray
    seen: int


class CollisionPublisher:
    """Publishes ``collision_object``: ADD for every object, REMOVE for those not seen for ``moveit_keep`` seconds.

    MoveIt accepts an ADD for an id that is attached to the robot: the object is then twice in the scene, the robot is in
    collision with the object it holds, and displays show it as detached. So the attached objects are requested from
    MoveIt before every frame, and nothing is published about them until they are detached.

    Raises:
        InputError: moveit_msgs is not installed.
    """

    def __init__(self, node: LifecycleNode, group: CallbackGroup) -> None:
        self._node = node
        self._publisher = node.create_lifecycle_publisher(
            collision_object_type(), "collision_object", qos.reliable(32), qos_overriding_options=qos.overridable()
        )
        self._scene = AttachedObjects(node, group)
        self._attached: Mapping[str, Attached] = {}
        self._shown: dict[str, _SceneObject] = {}
        self._table = TableTracker()

    def attached_boxes(self, locate: Locate) -> dict[int, np.ndarray | None]:
        """Numbers of our attached objects, each with its bounding box [2,3] in the frame of the results.

        Args:
            locate: Pose [4,4] of a frame (of a link) in the frame of the results; None where it is unknown.
        """
        self._attached = self._scene.ask()
        boxes: dict[int, np.ndarray | None] = {}
        for name, item in self._attached.items():
            number, shown = number_of(name), self._shown.get(name)
            if number is None:
                continue
            T = None if shown is None else locate(item.link)
            boxes[number] = (
                None if shown is None or T is None else box_of(transform_points(T @ item.T_link_object, shown.points))
            )
        return boxes

    def send(self, result: FrameResult, settings: ReconstructionSettings) -> None:
        """Publish one message per object, except attached ones."""
        now = stamp_to_ns(result.header.stamp)
        added: list[Any] = []
        for label, mesh in result.meshes.items():
            name = result.id_of(label)
            if name in self._attached or not len(mesh.vertices):
                continue
            message, points = _object_message(name, mesh, result.header, settings.moveit_triangles)
            self._shown[name] = _SceneObject(points, now)
            added.append(message)
        slab = self._table.update(result) if settings.moveit_table else None
        if slab is not None:
            self._shown[TABLE_ID] = _SceneObject(np.zeros((0, 3)), now)
            added.append(table_message(slab, result.header))
        for name in self._expire(now, round(settings.moveit_keep * NANOSECONDS)):
            self._publisher.publish(removal(name, result.header))
        for message in added:
            self._publisher.publish(message)

    def clear(self, header: Header) -> None:
        """Remove all our objects that are not attached."""
        for name in self._expire(stamp_to_ns(header.stamp), -1):
            self._publisher.publish(removal(name, header))
        self._table = TableTracker()

    def close(self) -> None:
        """Destroy the publisher."""
        self._scene.close()
        self._node.destroy_lifecycle_publisher(self._publisher)

    def _expire(self, now: int, keep: int) -> list[str]:
        """Ids not seen for longer than ``keep`` nanoseconds, which are forgotten; attached objects count as seen."""
        for name in self._attached.keys() & self._shown.keys():
            self._shown[name] = replace(self._shown[name], seen=now)
        gone = [n for n, shown in self._shown.items() if n not in self._attached and abs(now - shown.seen) > keep]
        for name in gone:
            del self._shown[name]
        return sorted(gone)


def collision_object(name: str, mesh: Mesh, header: Header) -> Any:
    """ADD message of a mesh: the pose at the centre of its bounding box, the vertices relative to it."""
    kind = collision_object_type()
    centre = box_of(mesh.vertices).mean(axis=0)
    local = replace(mesh, vertices=mesh.vertices - centre)
    return kind(
        header=header, id=name, pose=matrix_to_pose(make_transform(np.eye(3), centre)), meshes=[mesh_message(local)],
        mesh_poses=[_identity()], operation=kind.ADD,
    )  # fmt: skip


def table_message(slab: TableBox, header: Header) -> Any:
    """ADD message of the table, a box."""
    kind = collision_object_type()
    box = SolidPrimitive(type=SolidPrimitive.BOX, dimensions=[float(edge) for edge in slab.size])
    return kind(
        header=header, id=TABLE_ID, pose=matrix_to_pose(slab.T_frame_slab), primitives=[box],
        primitive_poses=[_identity()], operation=kind.ADD,
    )  # fmt: skip


def removal(name: str, header: Header) -> Any:
    """REMOVE message of an object."""
    kind = collision_object_type()
    return kind(header=header, id=name, operation=kind.REMOVE)


def mesh_message(mesh: Mesh) -> MeshMessage:
    """shape_msgs/Mesh, which has neither header nor colour; for use inside another message."""
    vertices = [Point(x=x, y=y, z=z) for x, y, z in mesh.vertices.astype(float).tolist()]
    triangles = [MeshTriangle(vertex_indices=face) for face in mesh.faces.astype("uint32")]
    return MeshMessage(vertices=vertices, triangles=triangles)


def _object_message(name: str, mesh: Mesh, header: Header, triangles: int) -> tuple[Any, np.ndarray]:
    """The ADD message, and some points of the object relative to its pose."""
    from gsn_perception.surface.extraction.decimation import coarse

    message = collision_object(name, coarse(mesh, triangles), header)
    p = message.pose.position
    step = -(-len(mesh.vertices) // _POINTS)
    return message, mesh.vertices[::step] - np.array([p.x, p.y, p.z])


def _identity() -> Pose:
    pose = Pose()
    pose.orientation.w = 1.0
    return pose
