"""Metric scale (metres per normalised unit) and its uncertainty, from depth, size hint or support plane. No offset is fitted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.object_view import ObjectView
from gsn_perception.geometry.observation import Plane
from gsn_perception.geometry.reconstruction import ScaleSource

MIN_PIXELS = 20
_OPAQUE = 0.3
_FARTHEST = 20.0  # metres; largest plausible distance of the support plane
_VISIBLE = 0.1
_DIRECTIONS = 400
# fitted on development objects, 8 views each
_OF_SILHOUETTE = 0.96  # masks are up to a pixel too wide
_BEYOND_CENTRES = 1.09  # centres of Gaussians lie inside the surface, and hidden parts are predicted too short
_SIZE_SPREAD = 0.08
_SHAPE_SPREAD = 0.055  # of the scale from the splat's lower end: the error of its shape
_GRAZING = np.sin(np.deg2rad(10.0))


@dataclass(frozen=True, slots=True)
class Scale:
    """Metres per normalised unit, its standard deviation, and its source."""

    value: float
    sigma: float
    source: ScaleSource


def scale_from_depth(rendered: np.ndarray, alpha: np.ndarray, measured: np.ndarray, mask: np.ndarray) -> Scale:
    """The robust median of measured over rendered depth.

    Args:
        rendered: [S,S] accumulated depth of the splat in the virtual camera, normalised units.
        alpha: [S,S] opacity of the splat.
        measured: [S,S] depth in the virtual camera, metres, NaN unknown.
        mask: [S,S] coverage by the object.

    Raises:
        InputError: fewer than 20 pixels have both.
    """
    inside = cv2.erode((mask > 0.5).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if inside.sum() < MIN_PIXELS:
        inside = mask > 0.5  # thin things do not survive erosion
    usable = inside & (alpha > 0.5) & np.isfinite(measured)
    if usable.sum() < MIN_PIXELS:
        raise InputError(
            f"only {int(usable.sum())} pixels of the object have depth, {MIN_PIXELS} are needed; "
            "check that depth is registered and in range, or give a size hint"
        )
    ratio = measured[usable] * alpha[usable] / rendered[usable]
    value = float(np.median(ratio))
    return Scale(value, float(1.4826 * np.median(np.abs(ratio - value))), "depth")


def scale_from_size(
    gaussians: Gaussians, longest: float, view: ObjectView | None = None, alpha: np.ndarray | None = None
) -> Scale:
    """The scale from the largest distance between any two points of the object (size hint).

    The silhouette is known exactly and bounds that length from below. The splat within the silhouette adds the extent
    along the view. For an object seen end-on the length is only a prediction of the network.

    Args:
        gaussians: The normalised splat.
        longest: Metres.
        view: The virtual camera; without it only the splat is used.
        alpha: [S,S] coverage by the object in the virtual camera; needed with ``view``.

    Returns:
        The scale; its sigma is the spread of such estimates on objects outside the training set.

    Raises:
        InputError: the splat has no opaque content in the silhouette, or no extent.
    """
    means = gaussians.select(gaussians.opacities > _VISIBLE).means.detach().cpu().double().numpy()
    across = 0.0
    if view is not None and alpha is not None:
        means, across = _inside(means, view, alpha > 0.5), _silhouette_width(view, alpha > 0.5)
    if not len(means):
        raise InputError("the splat is empty (no Gaussian is opaque); check that the mask shows the object")
    guess = _BEYOND_CENTRES * max(_largest_width(means), _OF_SILHOUETTE * across)
    if not guess > 0:
        raise InputError(
            "the splat has no extent (its Gaussians lie in one point); check that the mask shows the object"
        )
    return Scale(longest / guess, _SIZE_SPREAD * longest / guess, "size_hint")


def _inside(means: np.ndarray, view: ObjectView, mask: np.ndarray) -> np.ndarray:
    """The normalised points [N,3] that project into the mask [S,S]."""
    seen = means + np.array([0.0, 0.0, view.distance])
    uv = np.floor(view.camera.project(np.maximum(seen, [-np.inf, -np.inf, 1e-6]))).astype(np.int64)
    framed = ((uv >= 0) & (uv < view.size)).all(axis=1) & (seen[:, 2] > 0)
    uv = np.clip(uv, 0, view.size - 1)
    return np.asarray(means[framed & mask[uv[:, 1], uv[:, 0]]])


def _silhouette_width(view: ObjectView, mask: np.ndarray) -> float:
    """Largest distance of two pixels of the mask [S,S] at the distance of the canonical cube's centre."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return 0.0
    corners = np.stack([columns, rows], axis=1)[:, None] + np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    hull = cv2.convexHull(corners.reshape(-1, 2).astype(np.int32))[:, 0]
    return _largest_width(view.camera.rays(hull.astype(np.float64)) * view.distance)


def _largest_width(points: np.ndarray) -> float:
    """Largest distance between two of the points [N,3], to 1 %: their widest projection over many directions."""
    step = np.arange(_DIRECTIONS) + 0.5
    height = 1.0 - step / _DIRECTIONS  # a half sphere
    ring, turn = np.sqrt(1.0 - height**2), np.pi * (1.0 + 5.0**0.5) * step
    directions = np.stack([ring * np.cos(turn), ring * np.sin(turn), height])
    return float(np.ptp(points @ directions, axis=0).max())


def scale_from_plane(gaussians: Gaussians, view: ObjectView, plane: Plane) -> Scale:
    """The scale from the support plane (camera frame): the splat's lower quantile along the normal lies on the plane.

    Raises:
        InputError: the camera looks along the plane, or the plane does not pass below the object.
    """
    axis = view.R_camera_virtual[:, 2]
    if abs(float(axis @ plane.normal)) < _GRAZING:
        raise InputError("the camera sees the support plane at a grazing angle, so it can't fix the scale; give depth")
    means = opaque_points(gaussians)
    unit = (means + np.array([0.0, 0.0, view.distance])) @ view.R_camera_virtual.T  # camera frame for s = 1
    lowest = np.quantile(unit @ plane.normal, [0.005, 0.02, 0.05])
    scales = -plane.offset / lowest
    if not np.isfinite(scales).all() or (scales <= 0).any():
        raise InputError(
            f"the support plane (d {plane.offset:.3g}) does not pass below the object but behind the camera: the sign of "
            "its normal or of d is flipped; give it so that n.x + d = 0 in camera frame and n points to the objects' side"
        )
    if abs(plane.offset) > _FARTHEST:
        raise InputError(
            f"the support plane is {abs(plane.offset):.4g} m from the camera; if d is in millimetres, "
            f"give {plane.offset / 1000:.4g}"
        )
    value = float(scales[1])
    return Scale(value, max(float(np.ptp(scales) / 2), _SHAPE_SPREAD * value), "support_plane")


def reconcile_scales(hinted: Scale, standing: Scale) -> Scale:
    """The mean of both scales, weighted by their certainty, if they agree within three standard deviations; else the hint's.

    Args:
        hinted: From a size hint.
        standing: From the support plane.

    Returns:
        Its source is the support plane if it was used.
    """
    apart = math.log(standing.value / hinted.value)
    spreads = (standing.sigma / standing.value) ** 2, (hinted.sigma / hinted.value) ** 2
    if apart**2 > 9 * sum(spreads):
        return hinted
    share = spreads[0] / max(sum(spreads), 1e-12)  # of the hint
    value = standing.value * math.exp(-share * apart)
    return Scale(value, value * math.sqrt((1 - share) * spreads[0]), "support_plane")


def opaque_points(gaussians: Gaussians) -> np.ndarray:
    """The centres [N,3] float64 of the opaque Gaussians.

    Raises:
        InputError: there are none.
    """
    means = gaussians.means[gaussians.opacities > _OPAQUE]
    if not len(means):
        raise InputError("the splat is empty (no Gaussian is opaque); check that the mask shows the object")
    return np.asarray(means.detach().cpu().double().numpy())
