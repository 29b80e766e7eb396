"""A parallel-jaw grasp: pose of the tool centre point, opening, score."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from typing import Literal

import numpy as np

from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import split_similarity

GraspSource = Literal["mesh", "extruded"]


@dataclass(frozen=True, slots=True, eq=False)
class Grasp:
    """A pose of the tool centre point (TCP) midway between the fingertips, with an opening.

    Axes of the grasp frame: z = approach (towards the object), y = closing direction, x = y cross z.

    Attributes:
        T_frame_tcp: [4,4] rigid, metres; the frame is that of the reconstruction.
        width: Opening between the finger pads in metres before closing.
        score: In [0, 1], higher is better.
        label: Instance label of the object.
        source: Geometry used for planning: ``mesh``, or ``extruded`` (measured points extruded to the support plane).
        closed_width: Opening between the pads once closed on the object, metres; 0 where that is not known.
    """

    T_frame_tcp: np.ndarray
    width: float
    score: float
    label: int = 1
    source: GraspSource = "mesh"
    closed_width: float = 0.0

    def transform(self, T: np.ndarray) -> Grasp:
        """The same grasp in another frame: ``T`` [4,4] rigid, target from current."""
        rotation, translation, scale = split_similarity(T)
        pose = make_transform(rotation, translation, scale) @ self.T_frame_tcp
        pose[:3, :3] /= scale
        return replace(self, T_frame_tcp=pose, width=self.width * scale, closed_width=self.closed_width * scale)
