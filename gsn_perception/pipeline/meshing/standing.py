"""Whether an object stands on the support plane, and what the surface must know of it."""

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
from gsn_perception.surface.solid.ground import Standing

_LOW = 0.02  # share of what was seen that may lie lower than "the lowest point": noise and rims
_AIR = 0.012  # metres: what is seen lower than this stands
_FREE = 0.5  # of the object's foot points seen past: it does not stand
_LIFT = 0.006  # metres above the plane at which foot points are looked for
_FEWEST = 20  # points, else nothing is said
_OPAQUE = 0.3


def standing_of(item: Sculpted) -> Standing | None:
    """The plane under an object and what was seen above it, in the normalised frame; None without a plane."""
    if item.support is None or item.scale.source == "unit":
        return None
    plane = item.support.transform(np.linalg.inv(item.crop.view.similarity(item.scale.value)))
    points = _seen_points(item)
    heights = plane.height(points)
    seen = float(np.quantile(heights, _LOW)) if len(heights) else 0.0
    measured = points.astype(np.float32) if item.scale.source == "depth" else np.zeros((0, 3), np.float32)
    return Standing(plane, max(seen, 0.0), item.stands, measured)


def stood(item: Sculpted, observation: Observation, *, plane_trusted: bool = False) -> Sculpted:
    """The item with the plane under it, and whether it stands there; remarks where that is not the frame's plane.

    Another object may be under it, unless ``plane_trusted``, or the depth may show that it is held or hangs.
    """
    item = replace(item, support=observation.support_plane)
    if item.support is None or observation.depth is None or observation.mask is None or item.scale.source != "depth":
        return item
    mask = np.asarray(observation.mask == item.label)
    support, told = (item.support, ()) if plane_trusted else support_plane_of(observation, mask, item.support)
    if told:
        return replace(item, support=support, remarks=(*item.remarks, *told))
    opaque = item.gaussians.select(item.gaussians.opacities > _OPAQUE).means.double().numpy()
    air = height_in_air(observation, mask, item.support, opaque)
    if air is None:
        return item
    text = (
        f"object {item.label} does not touch its support plane: its lowest seen point is {1000 * air:.0f} mm above it and "
        "the camera sees the plane below; its lower side is a guess"
    )
    return replace(item, stands=False, remarks=(*item.remarks, Remark("not_on_plane", text)))


def height_in_air(observation: Observation, mask: np.ndarray, plane: Plane, solid: np.ndarray) -> float | None:
    """Metres of air seen between an object and the plane; None where it may stand there.

    A foot point is where a point of the object comes down on the plane. Where the camera sees the plane itself at most
    foot points, and nothing of the object near the plane, it does not stand there.

    Args:
        observation: With depth.
        mask: [H,W] bool, the object.
        plane: Camera frame.
        solid: [P,3] points all over the object, seen or guessed, camera frame, metres.

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
    """[P,3] what the camera saw of the object, normalised frame: measured where it was, the splat's own front elsewhere."""
    depth = item.seen.median
    if item.crop.depth is not None and item.scale.source == "depth":
        depth = item.crop.depth / np.float32(item.scale.value)
    camera = item.crop.view.normalised_camera
    points = camera.back_project(
        np.where(item.crop.core() & np.isfinite(depth), depth, np.nan).astype(np.float32)
    ).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)].astype(np.float64)
    return transform_points(camera.world_from_camera, points)
