"""What MoveIt says is attached to the robot."""

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
_PATIENCE = 0.5  # seconds; move_group answers in some milliseconds unless it is busy


@dataclass(frozen=True, slots=True, eq=False)
class Attached:
    """An object that the robot holds.

    Attributes:
        link: It is fixed to.
        T_link_object: [4,4] pose of the object in the link's frame, metres.
    """

    link: str
    T_link_object: np.ndarray


class AttachedObjects:
    """Asks move_group by its service ``get_planning_scene``.

    ``monitored_planning_scene`` would tell the same, but only as differences to what a late subscriber never got, and with
    every mesh of the scene in them.

    Args:
        node: Makes the client.
        group: Of the answers; another thread than the one that asks must serve it.

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
        """Id to object; the last answer where move_group takes longer than half a second, none where it does not run."""
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
                f"move_group did not say within {_PATIENCE} s what is attached to the robot; its last answer is taken",
                throttle_duration_sec=10.0,
            )
            return self._last
        self._last = _objects(future.result())
        return self._last

    def close(self) -> None:
        """Give the client back."""
        self._node.destroy_client(self._client)


def _objects(response: Any) -> dict[str, Attached]:
    """Of an answer."""
    return {
        item.object.id: Attached(item.object.header.frame_id or item.link_name, pose_to_matrix(item.object.pose))
        for item in response.scene.robot_state.attached_collision_objects
    }
