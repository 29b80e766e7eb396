"""The input cloud of learned fields: measured points, completed by samples of the splat's solid elsewhere.

Splat centres are not used: they fill the volume. Samples of the solid's surface are dropped where the camera measured the
surface and where it saw free space; the remaining points are thinned to even spacing. Training clouds are made by the
same function.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.solid.spacing import farthest_points

NEAR = 0.03
"""Samples of the solid this close to a measured point are dropped, normalised units."""

_IN_FRONT = 0.015  # in front of the measured surface, normalised units: free space
_DENSITY = 2  # candidates per kept point


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Surface points and whether each was measured.

    Attributes:
        points: [P,3] float32.
        observed: [P] bool, measured by the camera (else completed).
    """

    points: np.ndarray
    observed: np.ndarray

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True, eq=False)
class Completion:
    """The solid of a frame from a GSN, for training learned fields.

    Attributes:
        view: The object view, with the pipeline's roll.
        scale: Estimated metres per normalised unit.
        solid: The splat's closed surface, normalised frame.
    """

    view: ObjectView
    scale: float
    solid: Mesh


def union_cloud(
    observed: DepthView | None, solid: Mesh | None, *, count: int, rng: np.random.Generator, near: float = NEAR
) -> Cloud:
    """``count`` evenly spaced points of the measured surface and, where nothing was measured, of the solid.

    Args:
        observed: The input view: finite = measured, +inf = free space, NaN = unknown; None: no view.
        solid: The splat's closed surface in the same frame and units; None: measured points only.
        count: Number of points; they repeat where there are fewer.
        rng: Random generator.
        near: Samples of the solid within this distance of a measured point are dropped.

    Raises:
        InputError: there is no point at all.
    """
    limit = _DENSITY * count
    measured = np.zeros((0, 3), np.float32) if observed is None else observed.points()
    measured = measured[rng.permutation(len(measured))[:limit]]
    guessed = np.zeros((0, 3), np.float32)
    if solid is not None and len(solid.faces):
        guessed, _ = sample_surface(solid, limit, rng)
        guessed = guessed[~in_free_space(guessed, observed)]
        if len(measured) and len(guessed):
            guessed = guessed[cKDTree(measured).query(guessed)[0] > near]
    points = np.concatenate([measured, guessed])
    if not len(points):
        raise InputError("neither depth nor splat gives a surface point; check the mask, or give depth")
    flags = np.arange(len(points)) < len(measured)
    chosen = farthest_points(points, count, first=int(rng.integers(len(points))))
    return Cloud(points[chosen], flags[chosen])


def in_free_space(points: np.ndarray, view: DepthView | None) -> np.ndarray:
    """[P] bool: points [P,3] in front of the view's measured surface, or where its depth is +inf."""
    if view is None:
        return np.zeros(len(points), dtype=bool)
    T, camera = view.camera.camera_from_world, view.camera
    xyz = points.astype(np.float64) @ T[:3, :3].T + T[:3, 3]
    ahead = xyz[:, 2] > 0
    uv = np.floor(camera.project(np.where(ahead[:, None], xyz, 1.0))).astype(np.int64)
    inside = ahead & (uv >= 0).all(axis=1) & (uv[:, 0] < camera.width) & (uv[:, 1] < camera.height)
    depth = view.depth[np.clip(uv[:, 1], 0, camera.height - 1), np.clip(uv[:, 0], 0, camera.width - 1)]
    with np.errstate(invalid="ignore"):
        return inside & (xyz[:, 2] < depth - _IN_FRONT)  # NaN compares false
