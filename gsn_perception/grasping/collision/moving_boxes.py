"""The boxes of a gripper as functions of its opening, for compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gsn_perception.grasping.gripper import Gripper


class MovingBoxes(NamedTuple):
    """Boxes that follow the opening.

    Attributes:
        closed: [B,2,3] lower and upper corners at opening 0, in the grasp frame, metres.
        sides: [B] 1 or -1 where a box moves along y by half of the opening, 0 where it does not move.
    """

    closed: np.ndarray
    sides: np.ndarray

    @classmethod
    def of(cls, gripper: Gripper, *, swept: float = 0.0) -> MovingBoxes:
        """The gripper's boxes; ``swept`` as in :meth:`Gripper.boxes`."""
        closed, opened = gripper.boxes(np.array([0.0, 2.0]), swept=swept)
        return cls(closed, np.round(opened[:, 0, 1] - closed[:, 0, 1]))


@njit(cache=True, nogil=True)
def open_boxes(closed, sides, width, out):  # noqa: ANN001, ANN201  # pragma: no cover
    """The boxes at an opening, into ``out`` [B,2,3]."""
    for b in range(len(out)):
        for end in range(2):
            for a in range(3):
                out[b, end, a] = closed[b, end, a]
            out[b, end, 1] += sides[b] * (width / 2)
