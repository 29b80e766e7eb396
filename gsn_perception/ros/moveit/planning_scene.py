"""Client of MoveIt's planning scene: the objects that are attached to the robot."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.callback_groups import CallbackGroup
from rclpy.lifecycle import LifecycleNode

from gsn_perception.ros import optional
from gsn_perception.ros.messages.grasps import pose_to_matrix

Locate = Callable[[str], np.ndarray | None]
_PATIENCE = 0.5  # longest wait, seconds; move_group usually answers in milliseconds


@dataclass(frozen=True, slots=True, eq=False)
class Attached:
    """An object that is attached to the robot.

    Attributes:
        link: The link that it is attached to.
        T_link_object: [4,4] pose of the object in the link's frame, metres.
    """

    link: str
    T_link_object: np.ndarray


class AttachedObjects:
    """Requests the attached objects by move_group's service ``get_planning_scene``.

    The topic ``monitored_planning_scene`` has them, too, but only as differences that a late subscriber has missed, and
    with every mesh of the scene.

    Args:
        node: Owns the client.
        group: Callback group of the responses; another thread than the calling one must serve it.

    Raises:
        InputError: moveit_msgs is not installed.
    """

    def __init__(self, node: LifecycleNode, group: CallbackGroup) -> None:
        self._node = node
        self._kind = optional.require("moveit_msgs.srv", "publish_moveit").GetPlanningScene
        self._components = optional.require("moveit_msgs.msg", "publish_moveit").PlanningSceneComponents
        self._client = node.create_client(self._kind, "get_planning_scene", callback_group=group)
        self._last: Mapping[str, Attached] = {}

    def ask(self) -> Mapping[str, Attached]:
        """Id to object; the last response if move_group takes longer than 0.5 s, empty if it does not run."""
        if not self._client.service_is_ready():
            self._last = {}
            return self._last
        request = self._kind.Request()
        request.components.components = self._components.ROBOT_STATE_ATTACHED_OBJECTS
        answered = threading.Event()
        future = self._client.call_async(request)
        future.add_done_callback(lambda done: answered.set())
        if not answered.wait(_PATIENCE):
            self._client.remove_pending_request(future)
            self._node.get_logger().warning(
                f"move_group did not answer within {_PATIENCE} s which objects are attached; its last answer is used",
                throttle_duration_sec=10.0,
            )
            return self._last
        self._last = _objects(future.result())
        return self._last

    def close(self) -> None:
        """Destroy the client."""
        self._node.destroy_client(self._client)


def _objects(response: Any) -> dict[str, Attached]:
    """Id to object of a response."""
    return {
        item.object.id: Attached(item.object.header.frame_id or item.link_name, pose_to_matrix(item.object.pose))
        for item in response.scene.robot_state.attached_collision_objects
    }
