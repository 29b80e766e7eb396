"""Free space and measured points of other views, in the normalised frame of the reference view."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.sculpted import OtherViews
from gsn_perception.pipeline.fusion.look import Look
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.fields.observed import seen_from

_SIGMAS = 1.5  # of the pose by which free space is kept away from the object
_WIDEST = 6  # pixels
_SLACK = 0.5  # of the position's error, by which free space ends in front of a surface measured elsewhere


def other_views(reference: ObjectView, scale: Scale, looks: list[Look], *, with_depth: bool) -> OtherViews:
    """What the looks saw of an object.

    Args:
        reference: Of the reference view.
        scale: Metres per unit of its normalised frame.
        looks: Other views whose pose and images agree.
        with_depth: Whether measured depth is used; its poses have been refined by it.
    """
    carving, measured = [], []
    for look in looks:
        camera = look.crop.view.camera.at(_pose(reference, scale, look))
        distance = float(-camera.world_from_camera[:3, 3] @ camera.world_from_camera[:3, 2])
        crop = look.crop if with_depth and look.crop.depth is not None else replace(look.crop, depth=None)
        wide = _with_room(crop, look, scale.value * distance, refined=crop.depth is not None)
        depths = [seen_from(item, scale.value, distance, rim=rim) for item, rim in ((wide, True), (crop, False))]
        slack = _SLACK * look.position_error / scale.value if crop.depth is not None else 0.0
        carving.append(DepthView(camera, depths[0] - np.float32(slack)))  # infinity stays infinity
        if crop.depth is not None:
            measured.append(DepthView(camera, depths[1]))
    return OtherViews(tuple(carving), tuple(measured))


def _pose(reference: ObjectView, scale: Scale, look: Look) -> np.ndarray:
    """[4,4] rigid pose of the look's virtual camera in the reference's normalised frame, whose unit is not a metre."""
    T = look.T_reference_camera
    back = reference.R_camera_virtual.T
    eye = back @ T[:3, 3] / scale.value - np.array([0.0, 0.0, reference.distance])
    return make_transform(back @ T[:3, :3] @ look.crop.view.R_camera_virtual, eye)


def _with_room(crop: Crop, look: Look, metres: float, *, refined: bool) -> Crop:
    """The crop with its silhouette widened by the error of the pose, so that this error removes nothing of the object."""
    error = 0.25 * look.rotation_error if refined else look.rotation_error + look.position_error / max(metres, 1e-3)
    reach = int(np.clip(np.ceil(_SIGMAS * error * crop.view.camera.K[0, 0]), 0, _WIDEST))
    if reach == 0:
        return crop
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return replace(crop, unknown=np.maximum(crop.unknown, cv2.dilate(crop.alpha, disc) - crop.alpha))
