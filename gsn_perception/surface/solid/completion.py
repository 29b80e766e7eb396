"""The input cloud of learned fields: measured points, completed by guessed points elsewhere.

The guesses are the centres of a splat's opaque Gaussians, which lie on and a little below the surface (a network is
trained with them), or samples of a solid. They are dropped where the camera measured the surface and where it saw free
space; the remaining points are thinned to even spacing. Training clouds are made by the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.solid.spacing import beyond
from gsn_perception.surface.solid.spacing import farthest_points

NEAR = 0.03
"""Guessed points this close to a measured point are dropped, normalised units."""

OPAQUE = 0.3
"""Least opacity of the Gaussians whose centres complete a cloud."""

_IN_FRONT = 0.015  # in front of the measured surface, normalised units: free space
_DENSITY = 1  # candidates per kept point, of each kind


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
    """The guessed points of a frame from a GSN, for training learned fields.

    Attributes:
        view: The object view, with the pipeline's roll.
        scale: Estimated metres per normalised unit.
        guessed: [G,3] points of the whole object, normalised frame.
    """

    view: ObjectView
    scale: float
    guessed: np.ndarray


def opaque_centres(splat: Gaussians) -> np.ndarray:
    """Centres [G,3] float32 of an unbatched splat's opaque Gaussians."""
    return splat.means[splat.opacities >= OPAQUE].detach().cpu().float().numpy()


def union_cloud(
    observed: DepthView | None,
    guessed: np.ndarray | None,
    *,
    count: int,
    rng: np.random.Generator,
    near: float = NEAR,
    others: Sequence[DepthView] = (),
) -> Cloud:
    """``count`` evenly spaced points of the measured surface and, where nothing was measured, guessed ones.

    Args:
        observed: The input view: finite = measured, +inf = free space, NaN = unknown; None: no view.
        guessed: [G,3] points of the whole object in the same frame and units; None: measured points only.
        count: Number of points; they repeat where there are fewer.
        rng: Random generator.
        near: Guessed points within this distance of a measured point are dropped.
        others: Further views, as ``observed``; points within ``near`` of those measured before are dropped.

    Raises:
        InputError: there is no point at all.
    """
    limit = _DENSITY * count
    measured = np.zeros((0, 3), np.float32) if observed is None else observed.points()
    for view in others:  # only what the views before did not measure: they need not agree to a millimetre
        added = view.points()
        measured = np.concatenate([measured, added[beyond(added, measured, near)]])
    measured = measured[rng.permutation(len(measured))[:limit]]
    if guessed is None:
        guessed = np.zeros((0, 3), np.float32)
    guessed = guessed[rng.permutation(len(guessed))[:limit]].astype(np.float32)
    for seen in (observed, *others):
        guessed = guessed[~in_free_space(guessed, seen)]
    guessed = guessed[beyond(guessed, measured, near)]
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
