"""Converts surface points to the cloud of the topic ``points`` and back; without torch, for the grasp node."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from gsn_perception.geometry import Points
from gsn_perception.ros.messages import clouds

_XYZ = ("x", "y", "z")
_NORMALS = ("normal_x", "normal_y", "normal_z")
POINT_FIELDS = (*_XYZ, "rgb", *_NORMALS, "label", "confidence")


def points_to_cloud(points: Mapping[int, Points], header: Header) -> PointCloud2:
    """One cloud of several objects' surface points."""
    parts = [_point_rows(value, label) for label, value in points.items()]
    return clouds.to_message(clouds.joined(parts, POINT_FIELDS), header)


def cloud_to_points(cloud: PointCloud2) -> dict[int, Points]:
    """The surface points of a cloud by label.

    Raises:
        InputError: a field is missing or the message is damaged.
    """
    rows = clouds.from_message(cloud, *POINT_FIELDS)
    out = {}
    for label in np.unique(rows["label"]):
        own = rows[rows["label"] == label]
        normals, confidence = clouds.columns(own, *_NORMALS), own["confidence"].astype(np.float32)
        out[int(label)] = Points(clouds.columns(own, *_XYZ), clouds.unpack_rgb(own["rgb"]), normals, confidence)
    return out


def _point_rows(points: Points, label: int) -> np.ndarray:
    rows = np.zeros(len(points), clouds.row_type(POINT_FIELDS))
    clouds.fill(rows, _XYZ, points.xyz)
    clouds.fill(rows, _NORMALS, points.normals)
    rows["rgb"] = clouds.pack_rgb(points.colors)
    rows["label"] = label
    rows["confidence"] = points.confidence
    return rows
