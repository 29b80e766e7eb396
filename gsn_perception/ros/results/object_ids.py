"""Object ids that are stable over frames, e.g. ``gsn_3``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gsn_perception.pipeline.tracking import Tracker
from gsn_perception.pipeline.tracking import box_of
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.results.frame_result import FrameResult

_PREFIX = "gsn_"


class ObjectIds:
    """Assigns ids to the objects of consecutive frames, see :class:`~gsn_perception.pipeline.tracking.Tracker`."""

    def __init__(self) -> None:
        self._tracker = Tracker()

    def assign(self, result: FrameResult, carried: Mapping[int, np.ndarray | None]) -> FrameResult:
        """The result with its ``ids``.

        Args:
            result: The result of one frame.
            carried: Numbers of objects that the robot holds, see :meth:`Tracker.update`.
        """
        boxes = {label: box_of(mesh.vertices) for label, mesh in result.meshes.items() if len(mesh.vertices)}
        numbers = self._tracker.update(stamp_to_ns(result.header.stamp), result.header.frame_id, boxes, carried)
        return replace(result, ids={label: name_of(number) for label, number in numbers.items()})


def name_of(number: int) -> str:
    """The id of an object, from its number."""
    return f"{_PREFIX}{number}"


def number_of(name: str) -> int | None:
    """The number in an id of this package, None for other ids."""
    digits = name.removeprefix(_PREFIX)
    return int(digits) if name.startswith(_PREFIX) and digits.isdecimal() else None
