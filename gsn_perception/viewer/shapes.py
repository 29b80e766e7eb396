"""Grippers as triangle meshes for the viewer: forks of square bars, and boxes."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.glyph import glyph

_BOX = np.array(  # of corners numbered 4 x + 2 y + z, counter-clockwise seen from outside
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4]]
    + [[1, 5, 7], [1, 7, 3]]
)


def fork(gripper: Gripper, grasp: Grasp, thickness: float) -> tuple[np.ndarray, np.ndarray]:
    """Stem, palm and fingers as bars: vertices [32,3] in the grasp's frame, metres, and faces [48,3]."""
    return bars(glyph(gripper, grasp).lines[:4], thickness)


def boxes(gripper: Gripper, grasp: Grasp) -> tuple[np.ndarray, np.ndarray]:
    """The gripper's boxes: vertices [8B,3], faces [12B,3]."""
    corners = glyph(gripper, grasp).boxes
    faces = np.concatenate([_BOX + 8 * number for number in range(len(corners))])
    return corners.reshape(-1, 3), faces


def bars(lines: np.ndarray, thickness: float) -> tuple[np.ndarray, np.ndarray]:
    """Segments [S,2,3] as square bars, visible and clickable from all sides: vertices [8S,3], faces [12S,3]."""
    vertices, faces = [], []
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * thickness / 2
    sides = [[i, (i + 1) % 4, 4 + (i + 1) % 4, i, 4 + (i + 1) % 4, 4 + i] for i in range(4)]
    bar = np.array([*sides, [0, 2, 1, 0, 3, 2], [4, 5, 6, 4, 6, 7]]).reshape(-1, 3)
    for number, (start, end) in enumerate(lines):
        along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
        first = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
        first = first / np.linalg.norm(first)
        axes = np.stack([first, np.cross(along, first), along], axis=1)
        for point, shift in ((start, -1), (end, 1)):
            local = np.concatenate([square, np.full((4, 1), shift * thickness / 2)], axis=1)
            vertices.append(transform_points(make_transform(axes, point), local))
        faces.append(bar + 8 * number)
    return np.concatenate(vertices), np.concatenate(faces)
