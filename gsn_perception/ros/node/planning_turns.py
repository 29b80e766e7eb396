"""Reconstruction and planning in turns: the next frame is begun when the grasps of the last one are there.

Both need all cores. Side by side, the planning of one frame and the meshes of the next slow each other down, and every
grasp comes later than it could. A frame that is begun later is a newer one, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gsn_perception.ros.messages.cdr import CdrReader
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.node.reconstruction_worker import FrameJob
from gsn_perception.ros.streams.latest_slot import LatestItemWorker


class PlanningTurns:
    """Says how long the next frame has to wait for the grasps of the last one.

    Nothing waits until a grasp node has answered a frame of this node, nor after it left one unanswered, until it
    answers again. So a grasp node that is absent, inactive or slow costs at most one wait.

    Args:
        limit: The longest wait, seconds, asked each time.
        on_turn: Called when a wait may be over, in the thread of :meth:`take`.
    """

    def __init__(self, limit: Callable[[], float], on_turn: Callable[[], object]) -> None:
        self._limit, self._on_turn = limit, on_turn
        self._lock = threading.Lock()
        self._open: tuple[int, float] | None = None  # the frame that is planned: its stamp, when it was published
        self._answers = False  # whether a grasp node answers

    def reset(self) -> None:
        """Forget what was published and answered."""
        with self._lock:
            self._open, self._answers = None, False

    def publishing(self, stamp: int) -> None:
        """The results of a frame are about to be published."""
        with self._lock:
            self._open = stamp, time.monotonic()

    def take(self, message: bytes) -> None:
        """Take a serialised PoseArray of ``grasps``.

        Raises:
            InputError: it is damaged.
        """
        sec, nanosec = (int(x) for x in CdrReader(message).get("iI"))
        with self._lock:
            if self._open is None or self._open[0] != sec * NANOSECONDS + nanosec:
                return
            self._open, self._answers = None, True
        self._on_turn()

    def wait(self) -> float:
        """Seconds that the next frame still has to wait; 0: none."""
        with self._lock:
            if self._open is None or not self._answers:
                return 0.0
            rest = self._open[1] + self._limit() - time.monotonic()
            self._answers = rest > 0
            return max(rest, 0.0)


class FrameWorker(LatestItemWorker[FrameJob]):
    """Reconstructs the newest frame when it is its turn.

    Args:
        work: See :class:`LatestItemWorker`.
        on_error: See :class:`LatestItemWorker`.
        limit: See :class:`PlanningTurns`.
    """

    def __init__(
        self, work: Callable[[FrameJob], None], on_error: Callable[[Exception], None], limit: Callable[[], float]
    ) -> None:
        self.turns = PlanningTurns(limit, self.wake)
        super().__init__(work, on_error, self.turns.wait)
