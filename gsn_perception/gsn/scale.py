"""Metric scale: one number, s in metres per normalised unit, and how sure it is. No offset is ever fitted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.object_view import ObjectView
from gsn_perception.geometry.observation import Plane
from gsn_perception.geometry.observation import ScaleSource

MIN_PIXELS = 20
_OPAQUE = 0.3
_FARTHEST = 20.0  # metres; no table is farther from the camera that sees things on it
_GRAZING = np.sin(np.deg2rad(10.0))


@dataclass(frozen=True, slots=True)
class Scale:
    """Metres per normalised unit, one standard deviation of it, and what fixed it."""

    value: float
    sigma: float
    source: ScaleSource


def scale_from_depth(rendered: np.ndarray, alpha: np.ndarray, measured: np.ndarray, mask: np.ndarray) -> Scale:
    """The robust median of measured over rendered depth.

    Args:
        rendered: [S,S] accumulated depth of the splat in the virtual camera, normalised units.
        alpha: [S,S] its opacity.
        measured: [S,S] depth in the virtual camera, metres, NaN unknown.
        mask: [S,S] share of the object.

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


def scale_from_size(gaussians: Gaussians, longest: float) -> Scale:
    """From the object's longest extent in metres: that of the opaque Gaussians' centres and one deviation around.

    Raises:
        InputError: the splat has no opaque content.
    """
    low, high = _extent(gaussians)
    return Scale(longest / float((high - low).max()), float("nan"), "size_hint")


def scale_from_plane(gaussians: Gaussians, view: ObjectView, plane: Plane) -> Scale:
    """From the plane the object stands on (camera frame): the splat's lower quantile along the normal meets it.

    Raises:
        InputError: the camera looks along the plane, or the plane does not pass below the object.
    """
    axis = view.R_camera_virtual[:, 2]
    if abs(float(axis @ plane.normal)) < _GRAZING:
        raise InputError("the camera sees the support plane at a grazing angle, so it can't fix the scale; give depth")
    means = _opaque(gaussians).means.detach().cpu().double().numpy()
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
    return Scale(float(scales[1]), float(np.ptp(scales) / 2), "support_plane")


def _opaque(gaussians: Gaussians) -> Gaussians:
    opaque = gaussians.select(gaussians.opacities > _OPAQUE)
    if not len(opaque):
        raise InputError("the splat is empty (no Gaussian is opaque); check that the mask shows the object")
    return opaque


def _extent(gaussians: Gaussians) -> tuple[torch.Tensor, torch.Tensor]:
    opaque = _opaque(gaussians)
    reach = torch.diagonal(opaque.covariances(), dim1=-2, dim2=-1).sqrt()
    low = torch.quantile(opaque.means - reach, 0.01, dim=0)
    high = torch.quantile(opaque.means + reach, 0.99, dim=0)
    return low, high
