"""Which object of another view is an object of the reference view: by the cones of their masks and their colours.

Labels may differ from view to view. Two cones can belong to one object if there is a distance at which an object of the size
of the first cone is seen where the second cone is, and as large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation

NEAREST, FARTHEST = 0.08, 12.0  # metres
_DISTANCES = 240
_ASIDE = 0.35  # of the cone's half-angle: standard deviation of the direction of an object's middle
_SIZE = 0.35  # of the logarithm of the half-angle; objects are not balls
_COLOR = 0.12  # of the mean colour, in [0, 1]
_GATE = 9.0  # squared deviations; pairs beyond are different objects
_UNKNOWN = 0.5  # of the log distance, where nothing is known about the scale


@dataclass(frozen=True, slots=True, eq=False)
class SeenObject:
    """An object in one view.

    Attributes:
        label: Its value in the mask.
        view: The virtual camera around its mask.
        color: [3] mean RGB in [0, 1].
        whole: Whether all of it is visible: not cut by the image border.
        log_distance: Logarithm of the distance to its middle, metres, and its standard deviation; None if unknown.
    """

    label: int
    view: ObjectView
    color: np.ndarray
    whole: bool = True
    log_distance: tuple[float, float] | None = None

    @property
    def axis(self) -> np.ndarray:
        """[3] unit direction, camera frame."""
        return np.asarray(self.view.R_camera_virtual[:, 2])


def seen_object(observation: Observation, label: int, view: ObjectView, *, whole: bool = True) -> SeenObject:
    """An object of a frame with labels."""
    inside = np.asarray(observation.mask == label)
    return SeenObject(label, view, observation.image[inside].mean(axis=0) / 255.0, whole)


def associate(
    reference: list[SeenObject], others: list[SeenObject], T_reference_other: np.ndarray
) -> Mapping[int, int]:
    """Label of the reference view to the label of the same object in another view; at most one to one.

    Args:
        reference: Objects of the reference view.
        others: Objects of the other view.
        T_reference_other: [4,4] pose of the other camera in the reference camera's frame.
    """
    if not reference or not others:
        return {}
    cost = np.array([[_deviation(a, b, T_reference_other) for b in others] for a in reference])
    rows, columns = linear_sum_assignment(np.minimum(cost, _GATE))
    return {reference[i].label: others[j].label for i, j in zip(rows, columns, strict=True) if cost[i, j] < _GATE}


def _deviation(own: SeenObject, other: SeenObject, T_reference_other: np.ndarray) -> float:
    """Least sum of squared deviations over the distance of the object."""
    distances = np.geomspace(NEAREST, FARTHEST, _DISTANCES)
    rotation, eye = T_reference_other[:3, :3], T_reference_other[:3, 3]
    centre = (distances[:, None] * own.axis - eye) @ rotation  # [D,3] in the other camera's frame
    away = np.linalg.norm(centre, axis=1)
    angle = np.arccos(np.clip(centre @ other.axis / np.maximum(away, 1e-9), -1.0, 1.0))
    radius = distances * np.sin(own.view.theta)
    theta = np.arcsin(np.clip(radius / np.maximum(away, 1e-9), 0.0, 0.999))
    wide = 1.0 if other.whole and own.whole else 3.0  # a cut object shows a part of its cone
    squared = (angle / (wide * _ASIDE * np.maximum(theta, other.view.theta))) ** 2
    squared += (np.log(theta / other.view.theta) / (wide * _SIZE)) ** 2
    if own.log_distance is not None:
        middle, spread = own.log_distance
        squared += ((np.log(distances) - middle) / spread) ** 2
    color = float(((own.color - other.color) ** 2).sum()) / (3 * _COLOR**2)
    return float(squared.min()) + min(color, 4.0)
