"""Choice of an eye position for pictures of reconstructed objects: slightly above, in front, beside the camera's axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ELEVATION = np.deg2rad(28)
AZIMUTH = np.deg2rad(35)  # away from the camera's side, so that objects along its axis do not hide each other
FOV = np.deg2rad(40)  # vertical
_OVERHEAD = np.sin(np.deg2rad(12))  # a camera closer to the vertical than this defines no horizontal direction
_FILL = 0.62  # share of the image height that the objects span
_FILL_GRASPS = 0.9  # share that objects and grippers span
_LEAST = 0.42  # least share of the objects when grippers are shown


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """A viewing position and its target.

    Attributes:
        position: [3] metres.
        target: [3] metres, the centre of the image.
    """

    position: np.ndarray
    target: np.ndarray


def front(centre: np.ndarray, up: np.ndarray) -> np.ndarray:
    """[3] unit, horizontal, from ``centre`` towards a camera at the frame's origin.

    For a camera that looks straight down, the bottom of its image is the front.
    """
    back = -centre / max(float(np.linalg.norm(centre)), 1e-9)
    back = back - (back @ up) * up
    if np.linalg.norm(back) < _OVERHEAD:
        back = np.array([0.0, 1.0, 0.0]) - up[1] * up
    if np.linalg.norm(back) < 1e-6:
        back = np.array([0.0, 0.0, -1.0]) + up[2] * up
    return back / np.linalg.norm(back)


def direction(centre: np.ndarray, up: np.ndarray, azimuth: float, elevation: float = ELEVATION) -> np.ndarray:
    """[3] unit from ``centre`` to an eye that is rotated by ``azimuth`` about ``up`` from the camera's side."""
    back = front(centre, up)
    side = np.cross(up, back)
    level = np.cos(azimuth) * back + np.sin(azimuth) * side
    return np.cos(elevation) * level + np.sin(elevation) * up


def choose_eye(points: np.ndarray, up: np.ndarray, around: np.ndarray | None = None) -> Eye:
    """An eye slightly above, in front, beside the camera's axis; on the side that shows more of the objects.

    Args:
        points: [N,3] of the objects, in the camera's optical frame, metres.
        up: [3] unit.
        around: [M,3] further points to show, as far as the objects stay large.
    """
    points = points if len(points) else np.array([[0.0, 0.0, 0.5]])
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    ways = [direction(centre, up, azimuth) for azimuth in (AZIMUTH, -AZIMUTH)]
    way = max(ways, key=lambda w: _spread(points - centre, w, up))
    distance = _distance(points - centre, way, up, _FILL)
    if around is not None and len(around):
        wanted = _distance(around - centre, way, up, _FILL_GRASPS)
        distance = float(np.clip(wanted, distance, distance * _FILL / _LEAST))
    return Eye(centre + max(distance, 0.02) * way, centre)


def _across(offsets: np.ndarray, way: np.ndarray, up: np.ndarray) -> np.ndarray:
    """[N,2] offsets [N,3] to the right and up in an image taken from direction ``way``."""
    right = np.cross(up, way)
    right = right / np.linalg.norm(right)
    return offsets @ np.stack([right, np.cross(way, right)], axis=1)


def _spread(offsets: np.ndarray, way: np.ndarray, up: np.ndarray) -> float:
    """A measure of the area that points cover in an image."""
    flat = _across(offsets, way, up)
    return float(np.linalg.norm(np.ptp(flat, axis=0)) + 4 * np.sqrt(max(np.linalg.det(np.cov(flat.T)), 0.0)))


def _distance(offsets: np.ndarray, way: np.ndarray, up: np.ndarray, fill: float) -> float:
    """The distance at which all points are within ``fill`` of the image height, also sideways: windows may be narrow."""
    reach = np.abs(_across(offsets, way, up)).max(axis=1) / (np.tan(FOV / 2) * fill)
    return float((reach + offsets @ way).max())
