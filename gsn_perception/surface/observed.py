"""What the input view itself proves: free space beside the silhouette and in front of the measured depth."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.surface.views import DepthView

_NOTHING = 0.02
_REACH = 0.6


def observed_view(crop: Crop, scale: Scale) -> DepthView:
    """The crop as a carving view of the normalised frame.

    Beside the mask the camera saw past the object (+inf) unless another object or the border hides what is there;
    inside it the measured depth counts where the scale was taken from it, a pixel away from the silhouette, where
    sensors mix foreground and background; everything else is unknown (NaN).
    """
    depth = np.full(crop.alpha.shape, np.nan, dtype=np.float32)
    if crop.depth is not None and scale.source == "depth":
        inside = cv2.erode((crop.alpha > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        measured = crop.depth / np.float32(scale.value)
        near = np.abs(measured - np.float32(crop.view.distance)) < _REACH
        depth = np.where(inside & near, measured, depth)
    beside = (crop.alpha < _NOTHING) & (crop.unknown < _NOTHING)
    depth[beside] = np.inf
    return DepthView(crop.view.normalised_camera, depth)
