"""Transform buffer on tf2 that is cleared when time jumps back."""

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

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import matrix_from_quat

STEP_BACK = 1_000_000_000  # nanoseconds; transforms of one frame that arrive out of order differ by less


class TfBuffer:
    """A tf2 buffer that one thread fills and others query.

    When a simulator is reset or a bag starts again, the old transforms lie in the future: tf2 would reject the new ones
    or interpolate between old and new. The buffer is cleared when the clock jumps back (:meth:`jumped`), and when a
    transform is :data:`STEP_BACK` older than the last one of its frame, since it may come before the clock, or without
    one. Static transforms stay.

    Args:
        tf2: The module ``tf2_ros``.
        now: Returns the time of the node's clock, nanoseconds.
        on_clear: Called with a sentence when the buffer is cleared.
    """

    def __init__(
        self, tf2: ModuleType, now: Callable[[], int], on_clear: Callable[[str], object] = lambda sentence: None
    ) -> None:
        self._core: Any = tf2.BufferCore()
        self._error: Any = tf2.TransformException
        self._now, self._on_clear = now, on_clear
        self._newest: dict[str, int] = {}  # newest stamp in the buffer, by child frame
        self._changed = threading.Condition()
        self._has_jumped = False

    def add(self, transforms: Iterable[Any]) -> None:
        """Add the transforms of one message of /tf."""
        with self._changed:
            self._clear_after_jump()
            for transform in transforms:
                stamp, child = transform.header.stamp, transform.child_frame_id
                when = stamp.sec * 1_000_000_000 + stamp.nanosec
                last = self._newest.get(child, when)
                if 0 < when < last - STEP_BACK:  # 0 is a stamp from before a simulated clock runs
                    self._clear(f"the transform of {child} went back by {(last - when) / 1e9:.1f} s")
                    last = when
                self._newest[child] = max(last, when)
                self._core.set_transform(transform, "")
            self._changed.notify_all()

    def add_static(self, transforms: Iterable[Any]) -> None:
        """Add the transforms of one message of /tf_static."""
        with self._changed:
            for transform in transforms:
                self._core.set_transform_static(transform, "")
            self._changed.notify_all()

    def jumped(self) -> None:
        """Note that the clock jumped; may be called from a callback of the clock."""
        self._has_jumped = True

    def lookup(self, target: str, source: str, stamp: int, timeout: float) -> np.ndarray:
        """``T_target_source`` [4,4] at ``stamp`` nanoseconds.

        Waits at most ``timeout`` seconds of the wall clock, also while a bag is paused.

        Raises:
            InputError: it is not known by then; the sentence says why.
        """
        deadline = time.monotonic() + timeout
        when = Time(nanoseconds=stamp)
        with self._changed:
            while True:
                self._clear_after_jump()
                try:
                    return transform_matrix(self._core.lookup_transform_core(target, source, when))
                except self._error as error:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise InputError(f"no transform from {source} to {target} at its stamp: {error}") from error
                self._changed.wait(left)

    def _clear_after_jump(self) -> None:
        """Clear the buffer after a jump if it holds transforms from the future; else they are of the new time."""
        if not self._has_jumped:
            return
        self._has_jumped = False
        if max(self._newest.values(), default=0) > self._now() + STEP_BACK:
            self._clear("the clock jumped back")

    def _clear(self, why: str) -> None:
        self._core.clear()
        self._newest.clear()
        self._on_clear(f"{why}: the transforms received before are forgotten")


def transform_matrix(message: TransformStamped) -> np.ndarray:
    """[4,4] of a transform message."""
    t, q = message.transform.translation, message.transform.rotation
    return make_transform(matrix_from_quat(np.array([q.w, q.x, q.y, q.z])), np.array([t.x, t.y, t.z]))
