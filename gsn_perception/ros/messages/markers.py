"""Reads visualization_msgs/MarkerArray into arrays, without an object for each vertex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker
from visualization_msgs.msg import MarkerArray

from gsn_perception.ros.messages.cdr import CdrReader
from gsn_perception.ros.messages.headers import NANOSECONDS

LAYOUT = (  # fields of Marker in ROS 2 Jazzy; with other fields rclpy's objects are used
    "header ns id type action pose scale color lifetime frame_locked points colors texture_resource texture "
    "uv_coordinates text mesh_resource mesh_file mesh_use_embedded_materials"
)


@dataclass(frozen=True, slots=True, eq=False)
class MarkerData:
    """The used fields of one marker.

    Attributes:
        header: Header of the marker.
        id: Id of the marker.
        type: Marker.TRIANGLE_LIST, ...
        action: Marker.ADD, ...
        points: [N,3] float64.
        colors: [M,4] float32.
        text: Object id, in a mesh of this package.
    """

    header: Header
    id: int
    type: int
    action: int
    points: np.ndarray
    colors: np.ndarray
    text: str


def read_markers(message: MarkerArray | bytes) -> list[MarkerData]:
    """The markers of an array, also of a serialised one (CDR, from a raw subscription).

    rclpy builds an object for each vertex; read from bytes, the vertices are a view.

    Raises:
        InputError: the bytes are no MarkerArray.
    """
    if isinstance(message, MarkerArray):
        return [_of_object(marker) for marker in message.markers]
    if " ".join(Marker.get_fields_and_field_types()) != LAYOUT:
        return read_markers(deserialize_message(message, MarkerArray))
    reader = CdrReader(message)
    return [_read(reader) for _ in range(reader.count())]


def stamp_of(message: bytes) -> int | None:
    """The stamp of the first marker of a serialised array, nanoseconds; None without a marker.

    Raises:
        InputError: the bytes are no MarkerArray.
    """
    reader = CdrReader(message)
    if not reader.count():
        return None
    sec, nanosec = (int(x) for x in reader.get("iI"))
    return sec * NANOSECONDS + nanosec


def _of_object(marker: Marker) -> MarkerData:
    points = np.array([(p.x, p.y, p.z) for p in marker.points], dtype=np.float64).reshape(-1, 3)
    colors = np.array([(c.r, c.g, c.b, c.a) for c in marker.colors], dtype=np.float32).reshape(-1, 4)
    return MarkerData(marker.header, marker.id, marker.type, marker.action, points, colors, marker.text)


def _read(reader: CdrReader) -> MarkerData:
    header = _header(reader)
    reader.text()  # ns
    label, kind, action = (int(x) for x in reader.get("iii"))
    reader.get("d" * 10)  # pose, scale
    reader.get("ffff")  # colour
    reader.get("iI?")  # lifetime, frame_locked
    points, colors = reader.rows("f8", 3), reader.rows("f4", 4)
    reader.text()  # texture_resource
    _header(reader)  # texture
    reader.text()  # its format
    reader.rows("u1", 1)
    reader.rows("f4", 2)  # uv_coordinates
    text = reader.text()
    reader.text()  # mesh_resource
    reader.text()  # mesh_file
    reader.rows("u1", 1)
    reader.get("?")
    return MarkerData(header, label, kind, action, points, colors, text)


def _header(reader: CdrReader) -> Header:
    header = Header()
    sec, nanosec = reader.get("iI")
    header.stamp.sec, header.stamp.nanosec = int(sec), int(nanosec)
    header.frame_id = reader.text()
    return header
