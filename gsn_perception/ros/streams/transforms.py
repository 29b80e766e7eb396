"""Where results go when they are wanted in another frame than the camera's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from typing import Protocol

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.time import Time
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.ros import optional
from gsn_perception.ros.messages.headers import ns_to_stamp


class TransformSource(Protocol):
    """Gives ``T_target_source`` [4,4] at a stamp."""

    def lookup(self, target: str, source: str, stamp: int) -> np.ndarray:
        """``T_target_source`` [4,4] rigid at ``stamp`` nanoseconds.

        Raises:
            InputError: it is not known; says why.
        """
        ...

    def close(self) -> None:
        """Give subscriptions back."""
        ...


class FixedTransforms:
    """One transform that never changes, from the parameter ``camera_to_target``.

    Args:
        pose: x y z (metres) qx qy qz qw of the camera in the target frame.
    """

    def __init__(self, pose: Sequence[float]) -> None:
        self._matrix = pose_matrix(pose)

    def lookup(self, target: str, source: str, stamp: int) -> np.ndarray:
        """The matrix, whatever is asked; the identity where both frames are one."""
        return np.eye(4) if target == source else self._matrix

    def close(self) -> None:
        """Nothing to give back."""


class TfTransforms:
    """TF at the image's stamp.

    Args:
        node: Listens to /tf and /tf_static through it.
        timeout: Seconds to wait for a transform.

    Raises:
        InputError: tf2_ros is not installed.
    """

    def __init__(self, node: Node, timeout: float) -> None:
        tf2_ros = optional.require("tf2_ros")
        self._error: Any = tf2_ros.TransformException
        self._timeout = timeout
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)  # in a reentrant callback group of its own

    def lookup(self, target: str, source: str, stamp: int) -> np.ndarray:
        """See :class:`TransformSource`; waits on the wall clock, so that a paused bag can't hang it."""
        deadline = time.monotonic() + self._timeout
        when = Time.from_msg(ns_to_stamp(stamp))
        while True:
            try:
                return transform_matrix(self._buffer.lookup_transform(target, source, when))
            except self._error as error:
                if time.monotonic() >= deadline:
                    sentence = f"no transform from {source} to {target} at the image's stamp: {error}"
                    raise InputError(sentence) from error
            time.sleep(0.01)

    def close(self) -> None:
        """Stop listening."""
        self._listener.unregister()


def pose_matrix(pose: Sequence[float]) -> np.ndarray:
    """[4,4] of x y z qx qy qz qw.

    Raises:
        InputError: not seven finite numbers with a quaternion of length one.
    """
    values = np.asarray(pose, dtype=np.float64)
    if values.shape != (7,) or not np.isfinite(values).all() or abs(np.linalg.norm(values[3:]) - 1) > 1e-2:
        raise InputError("camera_to_target needs x y z qx qy qz qw with a quaternion of length one")
    return make_transform(Rotation.from_quat(values[3:]).as_matrix(), values[:3])


def transform_matrix(message: TransformStamped) -> np.ndarray:
    """[4,4] of a transform message."""
    t, q = message.transform.translation, message.transform.rotation
    return make_transform(Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix(), np.array([t.x, t.y, t.z]))
