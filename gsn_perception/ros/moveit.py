"""Reconstructed objects for MoveIt's planning scene; needs moveit_msgs."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import Point
from geometry_msgs.msg import Pose
from rclpy.lifecycle import LifecycleNode
from shape_msgs.msg import Mesh as MeshMessage
from shape_msgs.msg import MeshTriangle
from std_msgs.msg import Header

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.ros import optional
from gsn_perception.ros import qos
from gsn_perception.ros.messages.grasps import matrix_to_pose
from gsn_perception.ros.node.results import FrameResult


def collision_object_type() -> Any:
    """The message class moveit_msgs/CollisionObject.

    Raises:
        InputError: moveit_msgs is not installed.
    """
    return optional.require("moveit_msgs.msg").CollisionObject


class CollisionPublisher:
    """Publishes ``collision_object``: ADD per object, REMOVE for what the frame before had and this one has not.

    Raises:
        InputError: moveit_msgs is not installed.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._publisher = node.create_lifecycle_publisher(
            collision_object_type(), "collision_object", qos.reliable(32), qos_overriding_options=qos.overridable()
        )
        self._known: set[int] = set()

    def send(self, result: FrameResult) -> None:
        """One message a label."""
        now = set(result.meshes)
        for message in collision_objects(result.meshes, self._known - now, result.header):
            self._publisher.publish(message)
        self._known = now

    def close(self) -> None:
        """Give the publisher back."""
        self._node.destroy_lifecycle_publisher(self._publisher)


def collision_objects(meshes: Mapping[int, Mesh], gone: set[int], header: Header) -> list[Any]:
    """ADD for every mesh (id ``gsn_<label>``), REMOVE for the labels in ``gone``."""
    kind = collision_object_type()
    added = [
        kind(
            header=header, id=f"gsn_{label}", pose=_identity(), meshes=[mesh_message(mesh)],
            mesh_poses=[_identity()], operation=kind.ADD,
        )
        for label, mesh in meshes.items()
    ]  # fmt: skip
    removed = [kind(header=header, id=f"gsn_{label}", operation=kind.REMOVE) for label in sorted(gone)]
    return [*removed, *added]


def mesh_message(mesh: Mesh) -> MeshMessage:
    """shape_msgs/Mesh; it carries neither header nor colour, never publish it bare."""
    vertices = [Point(x=x, y=y, z=z) for x, y, z in mesh.vertices.astype(float).tolist()]
    triangles = [MeshTriangle(vertex_indices=face) for face in mesh.faces.astype("uint32")]
    return MeshMessage(vertices=vertices, triangles=triangles)


def grasp_messages(grasps: Sequence[Grasp], header: Header, *, tcp_offset: float) -> list[Any]:
    """moveit_msgs/Grasp in the same order: quality = score, approach along z.

    MoveIt wants the pose of the hand's link, not of the TCP: ``tcp_offset`` metres behind it along z.

    Raises:
        InputError: moveit_msgs is not installed.
    """
    kind = optional.require("moveit_msgs.msg").Grasp
    out = []
    for index, grasp in enumerate(grasps):
        message = kind(id=f"gsn_{grasp.label}_{index}", grasp_quality=grasp.score)
        message.grasp_pose.header = header
        approach = grasp.T_frame_tcp[:3, 2]
        hand = grasp.T_frame_tcp.copy()
        hand[:3, 3] -= tcp_offset * approach
        message.grasp_pose.pose = matrix_to_pose(hand)
        vector = message.pre_grasp_approach.direction
        vector.header = header
        vector.vector.x, vector.vector.y, vector.vector.z = (float(value) for value in approach)
        message.pre_grasp_approach.desired_distance, message.pre_grasp_approach.min_distance = 0.1, 0.05
        out.append(message)
    return out


def grasp_service_type() -> Any:
    """The service class moveit_msgs/GraspPlanning.

    Raises:
        InputError: moveit_msgs is not installed.
    """
    return optional.require("moveit_msgs.srv").GraspPlanning


def _identity() -> Pose:
    pose = Pose()
    pose.orientation.w = 1.0
    return pose
