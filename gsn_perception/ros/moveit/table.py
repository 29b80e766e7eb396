"""The support plane as a box for motion planners, as large as its measured part and the objects on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.ros.results.frame_result import FrameResult

THICKNESS = 0.03  # metres
_NEAR = 0.01  # largest distance of its measured points from the plane, metres
_MARGIN = 0.05  # metres around the objects
_WIDE = 0.25  # the same without depth
_LEAST = 200  # measured points
_MOST = 5000
_TILT = np.cos(np.radians(2.0))
_STEP = 0.008  # metres; the box follows only larger movements of the plane
_EDGE = 0.03  # metres; the same for an edge of the box


@dataclass(frozen=True, slots=True, eq=False)
class TableBox:
    """A box whose upper face is the support plane.

    Attributes:
        T_frame_slab: [4,4] pose of its centre, z along the plane's normal.
        size: [3] edges, metres.
    """

    T_frame_slab: np.ndarray
    size: np.ndarray


class TableTracker:
    """Keeps the box constant while the plane moves only by noise.

    In a fixed frame (``target_frame``) the box grows with the measured part of the plane. In the camera's frame, which may
    move, the box fits the current frame only.
    """

    def __init__(self) -> None:
        self._plane: Plane | None = None
        self._T = np.eye(4)  # frame from plane: x y on it, z its normal
        self._edges = np.zeros((2, 2))
        self._frame = ""

    def update(self, result: FrameResult) -> TableBox | None:
        """The box of this frame's plane; None without a plane, or without depth and objects to limit it."""
        plane, seen = result.support_plane, result.observation
        if plane is None or seen is None:
            return None
        measured = _on_plane(seen, result.T_target_camera, plane)
        margin = _MARGIN if measured is not None else _WIDE
        places = [o.mesh.vertices for o in result.objects if len(o.mesh.vertices)]
        if measured is None and not places:
            return None
        same = self._is_same(plane, result.header.frame_id)
        if not same:
            self._plane, self._frame = plane, result.header.frame_id
            self._T = _axes(plane, measured if measured is not None else np.concatenate(places))
        edges = self._edges_of(measured, places, margin)
        if same and result.header.frame_id != seen.frame_id:
            edges = np.stack([np.minimum(edges[0], self._edges[0]), np.maximum(edges[1], self._edges[1])])
        if not same or np.abs(edges - self._edges).max() > _EDGE:
            self._edges = edges
        size = np.array([*(self._edges[1] - self._edges[0]), THICKNESS])
        centre = np.array([*self._edges.mean(axis=0), -THICKNESS / 2])
        return TableBox(self._T @ make_transform(np.eye(3), centre), size)

    def _is_same(self, plane: Plane, frame_id: str) -> bool:
        """Whether the plane equals the last one at the box, within noise."""
        if self._plane is None or frame_id != self._frame or float(plane.normal @ self._plane.normal) < _TILT:
            return False
        corners = np.array([(u, v, 0.0) for u in self._edges[:, 0] for v in self._edges[:, 1]])
        return bool(np.abs(plane.height(transform_points(self._T, corners)).mean()) < _STEP)

    def _edges_of(self, measured: np.ndarray | None, places: list[np.ndarray], margin: float) -> np.ndarray:
        """[2,2] smallest and largest u and v: measured points without outliers, and the objects with a margin."""
        T_plane_frame = np.linalg.inv(self._T)
        parts = []
        if measured is not None:
            flat = transform_points(T_plane_frame, measured)[:, :2]
            parts.append(np.percentile(flat, [0.5, 99.5], axis=0))
        for vertices in places:
            flat = transform_points(T_plane_frame, vertices)[:, :2]
            parts.append(np.stack([flat.min(axis=0) - margin, flat.max(axis=0) + margin]))
        both = np.stack(parts)
        return np.stack([both[:, 0].min(axis=0), both[:, 1].max(axis=0)]).astype(np.float64)


def _on_plane(seen: Observation, T_target_camera: np.ndarray, plane: Plane) -> np.ndarray | None:
    """Some measured points [N,3] of the plane in the frame of the results; None where there are too few."""
    points = seen.measured_points()
    if points is None or len(points) < _LEAST:
        return None
    points = transform_points(T_target_camera, points[:: max(len(points) // (10 * _MOST), 1)])
    points = points[np.abs(plane.height(points)) < _NEAR]
    return points[:: max(len(points) // _MOST, 1)] if len(points) >= _LEAST else None


def _axes(plane: Plane, points: np.ndarray) -> np.ndarray:
    """[4,4] frame from plane: origin below the frame's origin, x and y along the sides of the smallest rectangle."""
    helper = np.eye(3)[np.argmin(np.abs(plane.normal))]
    u = np.cross(helper, plane.normal)
    u /= np.linalg.norm(u)
    v = np.cross(plane.normal, u)
    flat = np.stack([points @ u, points @ v], axis=1).astype(np.float32)
    angle = np.radians(cv2.minAreaRect(flat)[2])
    x = np.cos(angle) * u + np.sin(angle) * v
    return make_transform(np.stack([x, np.cross(plane.normal, x), plane.normal], axis=1), -plane.offset * plane.normal)
