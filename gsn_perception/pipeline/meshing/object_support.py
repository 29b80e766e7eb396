"""The support of one object: its plane, whether it stands there, and the lowest point that the camera saw."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Remark
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.gsn.sculpted import Sculpted
from gsn_perception.segmentation import support_plane_of
from gsn_perception.surface.solid.grounded_shape import ObjectSupport

_LOW = 0.02  # share of the seen points that may lie below "the lowest point": noise and rims
_AIR = 0.012  # metres: an object seen below this height stands on the plane
_FREE = 0.5  # share of foot points in free space from which on the object does not stand
_LIFT = 0.006  # metres above the plane, of foot points
_FEWEST = 20  # points needed for a decision
_OPAQUE = 0.3


def object_support(item: Sculpted) -> ObjectSupport | None:
    """The plane under an object and its measured points, in the normalised frame; None without a plane."""
    if item.support is None or item.scale.source == "unit":
        return None
    plane = item.support.transform(np.linalg.inv(item.crop.view.similarity(item.scale.value)))
    points = _seen_points(item)
    heights = plane.height(points)
    seen = float(np.quantile(heights, _LOW)) if len(heights) else 0.0
    measured = points.astype(np.float32) if item.scale.source == "depth" else np.zeros((0, 3), np.float32)
    return ObjectSupport(plane, max(seen, 0.0), item.stands, measured)


def with_support(item: Sculpted, observation: Observation, *, plane_trusted: bool = False) -> Sculpted:
    """The item with its support plane and whether it stands there; a remark where it does not stand on the frame's plane.

    Unless ``plane_trusted``, the object may stand on another object; the depth may also show that it is in the air.
    """
    item = replace(item, support=observation.support_plane)
    if item.support is None or observation.depth is None or observation.mask is None or item.scale.source != "depth":
        return item
    mask = np.asarray(observation.mask == item.label)
    support, raised = (item.support, ()) if plane_trusted else support_plane_of(observation, mask, item.support)
    if raised:
        return replace(item, support=support, remarks=(*item.remarks, *raised))
    opaque = item.gaussians.select(item.gaussians.opacities > _OPAQUE).means.double().numpy()
    air = clearance(observation, mask, item.support, opaque)
    if air is None:
        return item
    text = (
        f"object {item.label} does not touch its support plane: its lowest seen point is {1000 * air:.0f} mm above it and "
        "the camera sees the plane below; its lower side is a guess"
    )
    return replace(item, stands=False, remarks=(*item.remarks, Remark("not_on_plane", text)))


def clearance(observation: Observation, mask: np.ndarray, plane: Plane, solid: np.ndarray) -> float | None:
    """Clearance of an object above the plane, metres; None where it may stand on the plane.

    A foot point is the projection of a point of the object onto the plane. The object does not stand on the plane where
    the camera sees the plane at most foot points, and no point of the object near the plane.

    Args:
        observation: With depth.
        mask: [H,W] bool, the object.
        plane: Camera frame.
        solid: [P,3] points of the whole object, seen or guessed, camera frame, metres.

    Returns:
        The height of its lowest seen point above the plane.
    """
    assert observation.depth is not None
    camera = observation.camera
    rows, columns = np.nonzero(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)))
    points = camera.back_project(observation.depth)[rows, columns].astype(np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < _FEWEST or len(solid) < _FEWEST:
        return None
    lowest = float(np.quantile(plane.height(points), _LOW))
    if lowest < _AIR:
        return None
    feet = solid - (plane.height(solid) - _LIFT)[:, None] * plane.normal
    ahead = feet[:, 2] > 0
    pixel = np.floor(camera.project(np.where(ahead[:, None], feet, 1.0))).astype(np.int64)
    inside = ahead & (pixel >= 0).all(axis=1) & (pixel[:, 0] < camera.width) & (pixel[:, 1] < camera.height)
    u, v = pixel[inside].T
    depth = observation.depth[v, u]
    with np.errstate(invalid="ignore"):
        free = (depth > feet[inside, 2]) & ~mask[v, u]
    known = np.isfinite(depth) | mask[v, u]
    return lowest if known.sum() >= _FEWEST and free.sum() > _FREE * known.sum() else None


def _seen_points(item: Sculpted) -> np.ndarray:
    """[P,3] seen points of the object, normalised frame: measured ones where the scale is from depth, else the splat's."""
    depth = item.seen.median
    if item.crop.depth is not None and item.scale.source == "depth":
        depth = item.crop.depth / np.float32(item.scale.value)
    camera = item.crop.view.normalised_camera
    points = camera.back_project(
        np.where(item.crop.core() & np.isfinite(depth), depth, np.nan).astype(np.float32)
    ).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)].astype(np.float64)
    return transform_points(camera.world_from_camera, points)
