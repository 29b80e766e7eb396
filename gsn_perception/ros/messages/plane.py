"""Converts the support plane to geometry_msgs/PolygonStamped and back."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point32
from geometry_msgs.msg import PolygonStamped
from std_msgs.msg import Header

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane


def plane_to_polygon(
    plane: Plane | None, header: Header, *, centre: np.ndarray | None = None, half_size: float = 0.25
) -> PolygonStamped:
    """A square on the plane, counter-clockwise seen from the side of the objects; no points for an unknown plane.

    Args:
        plane: The plane, or None.
        header: Stamp and frame.
        centre: [3] metres; the square is centred below it. The frame's origin by default.
        half_size: Half the edge length, metres.
    """
    message = PolygonStamped(header=header)
    if plane is None:
        return message
    near = np.zeros(3) if centre is None else np.asarray(centre, dtype=np.float64)
    middle = near - float(plane.height(near)) * plane.normal
    axis = np.eye(3)[np.argmin(np.abs(plane.normal))]
    u = np.cross(axis, plane.normal)
    u /= np.linalg.norm(u)
    v = np.cross(plane.normal, u)
    corners = [middle + half_size * (a * u + b * v) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    rounded = np.array(corners, dtype=np.float32).tolist()  # as in the serialised message
    message.polygon.points = [Point32(x=x, y=y, z=z) for x, y, z in rounded]
    return message


def polygon_to_plane(message: PolygonStamped) -> Plane | None:
    """The plane of a polygon with three corners or more (Newell's normal), None for an empty one.

    Raises:
        InputError: the corners are fewer than three, collinear or not finite.
    """
    corners = np.array([(p.x, p.y, p.z) for p in message.polygon.points], dtype=np.float64).reshape(-1, 3)
    if not len(corners):
        return None
    middle = corners.mean(axis=0)
    arms = corners - middle
    normal = np.cross(arms, np.roll(arms, -1, axis=0)).sum(axis=0)
    if len(corners) < 3 or not np.isfinite(normal).all() or np.linalg.norm(normal) < 1e-9:
        raise InputError("the support plane's polygon is degenerate; publish three corners or more that span a plane")
    normal = normal / np.linalg.norm(normal)
    return Plane(normal, -float(normal @ middle))
