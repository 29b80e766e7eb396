"""Converts grasps to moveit_msgs/Grasp and fills the response of the service ``plan_grasps``."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from std_msgs.msg import Header

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Plane
from gsn_perception.grasping import Gripper
from gsn_perception.ros import optional
from gsn_perception.ros.messages.grasps import matrix_to_pose
from gsn_perception.ros.node.plan_requests import PlanAnswer

_DESIRED, _LEAST = 0.1, 0.05  # metres of the straight approach and retreat
_SECONDS = 1  # duration of a finger movement, which MoveIt needs


def service_type() -> Any:
    """The service class moveit_msgs/GraspPlanning.

    Raises:
        InputError: moveit_msgs is not installed.
    """
    return optional.require("moveit_msgs.srv", "moveit_service").GraspPlanning


def fill(response: Any, answer: PlanAnswer, gripper: Gripper, source: str) -> None:
    """Write an answer into a response of ``plan_grasps``.

    MoveItErrorCodes of ROS 2 Humble has no fields for the sentence and the source.
    """
    code, result = response.error_code, answer.result
    code.val = getattr(code, answer.code)
    for field, text in (("message", answer.sentence), ("source", source)):
        if hasattr(code, field):
            setattr(code, field, text)
    if result is not None and answer.success:
        response.grasps = grasp_messages(
            result.grasps, result.header, gripper, plane=result.support_plane, names=result.names
        )


def grasp_messages(
    grasps: Sequence[Grasp],
    header: Header,
    gripper: Gripper,
    *,
    plane: Plane | None = None,
    names: Mapping[int, str] = MappingProxyType({}),
) -> list[Any]:
    """moveit_msgs/Grasp in the same order.

    - ``grasp_pose``: pose of the gripper's ``hand.frame``, ``tcp_offset`` behind the TCP: MoveIt needs the link by which
      the gripper is mounted;
    - ``grasp_quality``: the score;
    - ``pre_grasp_posture``: the finger joints at the opening ``width``, ``grasp_posture``: at the one that touches the object,
      with ``max_force`` shared as effort; empty where the gripper names no joints;
    - ``pre_grasp_approach`` along the approach, ``post_grasp_retreat`` up from the plane (back along the approach without one),
      ``post_place_retreat`` back along the approach.

    Args:
        grasps: Grasps of one frame.
        header: Header of the grasps.
        gripper: The gripper of the plan.
        plane: Support plane, in the same frame.
        names: Label to object id, with which the grasp ids begin.

    Raises:
        InputError: moveit_msgs is not installed.
    """
    return [
        _message(grasp, f"{names.get(grasp.label, f'gsn_{grasp.label}')}_{index}", header, gripper, plane)
        for index, grasp in enumerate(grasps)
    ]


def _message(grasp: Grasp, name: str, header: Header, gripper: Gripper, plane: Plane | None) -> Any:
    message = optional.require("moveit_msgs.msg", "moveit_service").Grasp(id=name, grasp_quality=float(grasp.score))
    message.grasp_pose.header = header
    message.grasp_pose.pose = matrix_to_pose(grasp.T_frame_tcp @ gripper.T_tcp_hand)
    _posture(message.pre_grasp_posture, gripper, grasp.width, header)
    _posture(message.grasp_posture, gripper, grasp.closed_width, header, effort=gripper.max_force)
    approach = grasp.T_frame_tcp[:3, 2]
    _set_translation(message.pre_grasp_approach, approach, header)
    _set_translation(message.post_grasp_retreat, -approach if plane is None else plane.normal, header)
    _set_translation(message.post_place_retreat, -approach, header)
    return message


def _set_translation(translation: Any, direction: np.ndarray, header: Header) -> None:
    """Fill a GripperTranslation."""
    translation.direction.header = header
    vector = translation.direction.vector
    vector.x, vector.y, vector.z = (float(value) for value in direction)
    translation.desired_distance, translation.min_distance = _DESIRED, _LEAST


def _posture(trajectory: Any, gripper: Gripper, width: float, header: Header, *, effort: float | None = None) -> None:
    """Fill a JointTrajectory with one point."""
    positions = gripper.joint_positions(width)
    if not positions:
        return
    point = optional.require("trajectory_msgs.msg", "moveit_service").JointTrajectoryPoint()
    point.positions = list(positions.values())
    if effort is not None:
        point.effort = [effort / len(positions)] * len(positions)
    point.time_from_start.sec = _SECONDS
    trajectory.header.stamp = header.stamp
    trajectory.joint_names = list(positions)
    trajectory.points = [point]
