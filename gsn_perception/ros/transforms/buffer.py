"""Transforms over time, which forget the past when time jumps back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.time import Time
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform

STEP_BACK = 1_000_000_000  # nanoseconds; messages of one frame that come out of order are nearer to each other


class TfBuffer:
    """tf2's buffer, fed from one thread and asked from others.

    When a simulator is reset or a bag starts anew, transforms of the time before lie in the future: tf2 would refuse the
    new ones or interpolate between both. They are forgotten when the clock jumps back (:meth:`jumped`), and when a
    transform is :data:`STEP_BACK` older than the last of its frame: it may come before the clock, or without one. Static
    transforms stay.

    Args:
        tf2: The module ``tf2_ros``.
        now: Nanoseconds on the node's clock.
        on_forget: Called with a sentence when transforms are forgotten.
    """

    def __init__(
        self, tf2: ModuleType, now: Callable[[], int], on_forget: Callable[[str], object] = lambda sentence: None
    ) -> None:
        self._core: Any = tf2.BufferCore()
        self._error: Any = tf2.TransformException
        self._now, self._on_forget = now, on_forget
        self._newest: dict[str, int] = {}  # stamps of what is in the buffer, by child frame
        self._changed = threading.Condition()
        self._has_jumped = False

    def add(self, transforms: Iterable[Any]) -> None:
        """Take the transforms of one message of /tf."""
        with self._changed:
            self._settle()
            for transform in transforms:
                stamp, child = transform.header.stamp, transform.child_frame_id
                when = stamp.sec * 1_000_000_000 + stamp.nanosec
                last = self._newest.get(child, when)
                if 0 < when < last - STEP_BACK:  # 0 is the stamp of who has no time yet
                    self._forget(f"the transform of {child} went back by {(last - when) / 1e9:.1f} s")
                    last = when
                self._newest[child] = max(last, when)
                self._core.set_transform(transform, "")
            self._changed.notify_all()

    def add_static(self, transforms: Iterable[Any]) -> None:
        """Take the transforms of one message of /tf_static."""
        with self._changed:
            for transform in transforms:
                self._core.set_transform_static(transform, "")
            self._changed.notify_all()

    def jumped(self) -> None:
        """The clock jumped; may be called from within the clock."""
        self._has_jumped = True

    def lookup(self, target: str, source: str, stamp: int, timeout: float) -> np.ndarray:
        """``T_target_source`` [4,4] at ``stamp`` nanoseconds.

        Waits for it ``timeout`` seconds of the wall clock, so that a paused bag can't hang it.

        Raises:
            InputError: it is not known by then; says why.
        """
        deadline = time.monotonic() + timeout
        when = Time(nanoseconds=stamp)
        with self._changed:
            while True:
                self._settle()
                try:
                    return transform_matrix(self._core.lookup_transform_core(target, source, when))
                except self._error as error:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise InputError(f"no transform from {source} to {target} at its stamp: {error}") from error
                self._changed.wait(left)

    def _settle(self) -> None:
        """Forget what the clock says is yet to come; what already is of the new time stays."""
        if not self._has_jumped:
            return
        self._has_jumped = False
        if max(self._newest.values(), default=0) > self._now() + STEP_BACK:
            self._forget("the clock jumped back")

    def _forget(self, why: str) -> None:
        self._core.clear()
        self._newest.clear()
        self._on_forget(f"{why}: the transforms heard before are forgotten")


def transform_matrix(message: TransformStamped) -> np.ndarray:
    """[4,4] of a transform message."""
    t, q = message.transform.translation, message.transform.rotation
    return make_transform(Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix(), np.array([t.x, t.y, t.z]))
