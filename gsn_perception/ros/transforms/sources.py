"""Sources of the transform between two frames: a fixed pose from a parameter, or TF."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from functools import partial
from typing import Any
from typing import Protocol

import numpy as np
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node

from gsn_perception.geometry import InputError
from gsn_perception.ros import optional
from gsn_perception.ros.interface import Topic
from gsn_perception.ros.parameters.pose import pose_matrix
from gsn_perception.ros.streams.subscriptions import SubscriptionSet
from gsn_perception.ros.transforms.buffer import TfBuffer
from gsn_perception.ros.transforms.messages import read_transforms


class TransformSource(Protocol):
    """Gives ``T_target_source`` [4,4] at a stamp."""

    def lookup(self, target: str, source: str, stamp: int) -> np.ndarray:
        """``T_target_source`` [4,4] rigid at ``stamp`` nanoseconds.

        Raises:
            InputError: it is not known; the sentence says why.
        """
        ...

    def close(self) -> None:
        """Destroy subscriptions."""
        ...


class FixedTransforms:
    """One transform that never changes, from a parameter.

    Args:
        pose: x y z (metres) qx qy qz qw of the source frame in the target frame.
        name: The parameter, for error messages.
    """

    def __init__(self, pose: Sequence[float], name: str = "camera_to_target") -> None:
        self._matrix = pose_matrix(pose, name)

    def lookup(self, target: str, source: str, stamp: int) -> np.ndarray:
        """The fixed matrix for any two frames; the identity for equal frames."""
        return np.eye(4) if target == source else self._matrix

    def close(self) -> None:
        """Nothing to do."""


class TfTransforms:
    """TF at a stamp, from /tf and /tf_static (remappable).

    A thread of its own polls both topics: through rclpy's executor, the /tf of a robot slows the worker several times.

    Args:
        node: Owns the subscriptions; its clock reports jumps.
        timeout: Longest wait for a transform, seconds.
        on_error: Called with the exception of a damaged message.

    Raises:
        InputError: tf2_ros is not installed.
    """

    def __init__(
        self, node: Node, timeout: float, on_error: Callable[[Exception], object] = lambda error: None
    ) -> None:
        tf2, kind = optional.require("tf2_ros"), optional.require("tf2_msgs.msg").TFMessage
        clock = node.get_clock()
        self._timeout = timeout
        self._buffer = TfBuffer(tf2, lambda: clock.now().nanoseconds, lambda why: node.get_logger().warning(why))
        threshold = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self._jumps = clock.create_jump_callback(threshold, post_callback=lambda jump: self._buffer.jumped())
        self._incompatible: list[str] = []
        self._subscription_set = SubscriptionSet(node, on_error)
        moving, static = Topic("/tf", kind, "transforms"), Topic("/tf_static", kind, "static_transforms")
        self._subscription_set.subscribe(moving, partial(_pass_on, kind, self._buffer.add), raw=True)
        self._subscription_set.subscribe(static, partial(_pass_on, kind, self._buffer.add_static), raw=True)

    def lookup(self, target: str, source: str, stamp: int) -> np.ndarray:
        """See :class:`TransformSource`; the wait is in wall time, also while a bag is paused."""
        try:
            return self._buffer.lookup(target, source, stamp, self._timeout)
        except InputError as error:
            self._subscription_set.check(self._on_incompatible)
            if not self._incompatible:
                raise
            raise InputError("; ".join([str(error), *self._incompatible])) from error

    def _on_incompatible(self, who: str, policy: str) -> None:
        sentence = f"{who} incompatible QoS ({policy})"
        if sentence not in self._incompatible:  # a publisher that restarts again and again
            self._incompatible.append(sentence)

    def close(self) -> None:
        """Destroy the subscriptions and the jump callback of the clock."""
        self._subscription_set.close()
        self._jumps.unregister()


def _pass_on(kind: type, add: Callable[[Sequence[Any]], None], message: bytes) -> None:
    add(read_transforms(message, kind))
