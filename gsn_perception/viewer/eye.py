"""From where a person would look at what a camera saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ELEVATION = np.deg2rad(28)
AZIMUTH = np.deg2rad(35)  # away from the camera's side, so that its axis and what stands on it are seen from beside
FOV = np.deg2rad(40)  # vertical
_OVERHEAD = np.sin(np.deg2rad(12))  # a camera nearer the vertical than this has no side
_FILL = 0.62  # share of the picture's height that the objects span
_FILL_GRASPS = 0.9  # with their grippers
_LEAST = 0.42  # share that grippers may leave to the objects


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """A place to look from.

    Attributes:
        position: [3] metres.
        target: [3] metres, in the middle of the picture.
    """

    position: np.ndarray
    target: np.ndarray


def front(centre: np.ndarray, up: np.ndarray) -> np.ndarray:
    """[3] unit, horizontal, from ``centre`` to the side of a camera in the frame's origin.

    A camera that looks straight down has no side: what is at the bottom of its image is in front, then.
    """
    back = -centre / max(float(np.linalg.norm(centre)), 1e-9)
    back = back - (back @ up) * up
    if np.linalg.norm(back) < _OVERHEAD:
        back = np.array([0.0, 1.0, 0.0]) - up[1] * up
    if np.linalg.norm(back) < 1e-6:
        back = np.array([0.0, 0.0, -1.0]) + up[2] * up
    return back / np.linalg.norm(back)


def direction(centre: np.ndarray, up: np.ndarray, azimuth: float, elevation: float = ELEVATION) -> np.ndarray:
    """[3] unit from ``centre`` to an eye that is turned by ``azimuth`` about ``up`` from the camera's side."""
    back = front(centre, up)
    side = np.cross(up, back)
    level = np.cos(azimuth) * back + np.sin(azimuth) * side
    return np.cos(elevation) * level + np.sin(elevation) * up


def choose_eye(points: np.ndarray, up: np.ndarray, around: np.ndarray | None = None) -> Eye:
    """Slightly above, in front, beside the camera's axis; of the two sides the one that shows more.

    Args:
        points: [N,3] of the objects, in the frame of a camera in its origin with optical axes, metres.
        up: [3] unit.
        around: [M,3] what should be seen, too, as far as the objects stay large.
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
    """[N,2] offsets [N,3] right and up in a picture taken from ``way``."""
    right = np.cross(up, way)
    right = right / np.linalg.norm(right)
    return offsets @ np.stack([right, np.cross(way, right)], axis=1)


def _spread(offsets: np.ndarray, way: np.ndarray, up: np.ndarray) -> float:
    """A measure of the area that points cover in a picture."""
    flat = _across(offsets, way, up)
    return float(np.linalg.norm(np.ptp(flat, axis=0)) + 4 * np.sqrt(max(np.linalg.det(np.cov(flat.T)), 0.0)))


def _distance(offsets: np.ndarray, way: np.ndarray, up: np.ndarray, fill: float) -> float:
    """From where all points lie within ``fill`` of the picture's height, also sideways: windows may be narrow."""
    reach = np.abs(_across(offsets, way, up)).max(axis=1) / (np.tan(FOV / 2) * fill)
    return float((reach + offsets @ way).max())
