"""The input view as a depth view: free space beside the silhouette and in front of the measured depth."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.surface.fields.depth_views import DepthView

_NOTHING = 0.02
_REACH = 0.6
_AHEAD = 3.0  # units: a bottle seen from above stands out of the canonical cube towards the camera
_RIM = 3.0


def observed_view(crop: Crop, scale: Scale, *, rim: bool = True) -> DepthView:
    """The crop as a depth view in the normalised frame, for space carving.

    Pixels beside the mask are free space (+inf), unless another object or the image border hides them. Pixels inside the
    mask have the measured depth where the scale is from depth. Sensors mix foreground and background at the silhouette,
    so pixels at the rim take the depth of their neighbours. All other pixels are unknown (NaN).

    Args:
        crop: The object as seen by the camera.
        scale: Metres per unit.
        rim: Whether unknown pixels near measured ones take their depth.
    """
    metres = scale.value if scale.source == "depth" else None
    return DepthView(crop.view.normalised_camera, seen_from(crop, metres, crop.view.distance, rim=rim))


def seen_from(crop: Crop, scale: float | None, distance: float, *, rim: bool = True) -> np.ndarray:
    """[S,S] depth of a crop in units: +inf beside the object, the measured depth on it, NaN unknown.

    Args:
        crop: Of any view of the object.
        scale: Metres per unit; None: measured depth is not used.
        distance: From the crop's camera to the object's middle along the camera's z, units.
        rim: As for :func:`observed_view`.
    """
    depth = np.full(crop.alpha.shape, np.nan, dtype=np.float32)
    ahead = _AHEAD if rim else _REACH  # without a rim the view is for networks, which are trained on the cube alone
    if crop.depth is not None and scale is not None:
        measured = crop.depth / np.float32(scale)
        beyond = measured - np.float32(distance)
        near = (beyond < _REACH) & (beyond > -ahead)
        depth = np.where(crop.core() & near, measured, depth)
        depth = _filled(depth, crop.alpha > 0.5) if rim else depth
    beside = (crop.alpha < _NOTHING) & (crop.unknown < _NOTHING)
    depth[beside] = np.inf
    return depth


def filled_view(crop: Crop, scale: Scale) -> DepthView:
    """As :func:`observed_view`, with every unknown pixel of the object at the depth of the nearest measured pixel."""
    view = observed_view(crop, scale)
    depth = np.where(np.isposinf(view.depth), np.nan, view.depth)
    filled = _filled(depth, crop.alpha > 0.5, np.inf)
    return DepthView(view.camera, np.where(np.isposinf(view.depth), view.depth, filled))


def _filled(depth: np.ndarray, mask: np.ndarray, reach: float = _RIM) -> np.ndarray:
    """Fill unknown pixels [S,S] of the mask within ``reach`` pixels of a known one with the nearest known depth."""
    unknown = (~np.isfinite(depth)).astype(np.uint8)
    if unknown.all():
        return depth
    distance, labels = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    by_label = np.full(int(labels.max()) + 1, np.nan, dtype=np.float32)
    by_label[labels[unknown == 0]] = depth[unknown == 0]
    return np.where(mask & (unknown > 0) & (distance <= reach), by_label[labels], depth)
