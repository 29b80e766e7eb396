"""A gripper at a grasp as lines and boxes, for markers and images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.grasping.collision.collision import corners
from gsn_perception.grasping.gripper import Gripper

_EDGES = ((0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 3), (2, 6), (3, 7), (4, 5), (4, 6), (5, 7), (6, 7))
_STEM = 0.03  # metres of the line behind the palm


@dataclass(frozen=True, slots=True, eq=False)
class Glyph:
    """A gripper drawn in the frame of its grasp.

    Attributes:
        lines: [5,2,3] stem, palm, two fingers, and the closing line between the pads, metres.
        boxes: [B,8,3] corners of the gripper's boxes, metres; corner number = 4 x + 2 y + z, each low or high.
        edges: [12,2] corners joined by a box's edges.
    """

    lines: np.ndarray
    boxes: np.ndarray
    edges: np.ndarray


def glyph(gripper: Gripper, grasp: Grasp) -> Glyph:
    """The gripper at a grasp, in the grasp's frame."""
    half = grasp.width / 2
    back, front = -gripper.finger_depth, gripper.tip
    left, right = [0, half, back], [0, -half, back]
    lines = np.array(
        [
            [[0, 0, back - _STEM], [0, 0, back]],
            [left, right],
            [left, [0, half, front]],
            [right, [0, -half, front]],
            [[0, half, 0], [0, -half, 0]],
        ]
    )
    boxes = corners(gripper.boxes(np.array([grasp.width]))[0])
    T = grasp.T_frame_tcp
    return Glyph(transform_points(T, lines), transform_points(T, boxes), np.array(_EDGES))
