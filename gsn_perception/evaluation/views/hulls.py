"""Hull baselines from one view without a network; they get the same input and scale as the other methods."""

from __future__ import annotations

import numpy as np

from gsn_perception.evaluation.metrics.distances import convex_hull
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.extraction.implicit_shape import closed_mesh
from gsn_perception.surface.fields.carver import Carver
from gsn_perception.surface.fields.observed import filled_view

_HALF = 0.5  # half depth of the canonical cube along the line of sight, where no plane limits the cone
_BOX = np.array([0.75, 0.75, _HALF + 0.02])


def measured_hull(observation: Observation, label: int = 1) -> Mesh:
    """The convex hull of the measured points of an object, camera frame.

    Raises:
        InputError: there is no depth, or too little of it.
    """
    if observation.depth is None or observation.mask is None:
        raise InputError("a hull of measured points needs depth and a mask; use rgbd input")
    points = observation.camera.back_project(observation.depth)[observation.mask == label]
    points = points[np.isfinite(points).all(axis=1)]
    near = np.abs(points[:, 2] - np.median(points[:, 2])) < 0.5 * np.median(points[:, 2]) if len(points) else []
    return convex_hull(points[near])


def visual_hull(crop: Crop, scale: Scale, plane: Plane | None, *, resolution: int = 64) -> Mesh:
    """The cone behind the silhouette cut by measured depth (gaps filled), support plane and canonical cube; camera frame.

    Args:
        crop: The object as seen by the camera.
        scale: Estimated metres per unit.
        plane: The support plane, camera frame.
        resolution: Cells along the longest side.

    Raises:
        InputError: the hull is empty.
    """
    to_camera = crop.view.similarity(scale.value)
    carver = Carver([filled_view(crop, scale)], truncation=0.05, whole=True)

    def field(points: np.ndarray) -> np.ndarray:
        value = np.minimum(carver(points), np.float32(_HALF) - np.abs(points[:, 2]))
        if plane is None:
            return value
        metres = points @ to_camera[:3, :3].T.astype(np.float32) + to_camera[:3, 3].astype(np.float32)
        return np.minimum(value, (plane.height(metres) / scale.value).astype(np.float32))

    shape = ImplicitShape(field, -_BOX, _BOX)
    return closed_mesh(shape, resolution=resolution, bisections=3).transform(to_camera)
