"""Converts meshes to visualization_msgs/MarkerArray (one TRIANGLE_LIST per object) and back."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from geometry_msgs.msg import Point
from rclpy.serialization import serialize_message
from std_msgs.msg import ColorRGBA
from std_msgs.msg import Header
from visualization_msgs.msg import Marker
from visualization_msgs.msg import MarkerArray

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.ros.messages import markers
from gsn_perception.ros.messages.cdr import CdrWriter
from gsn_perception.ros.messages.markers import MarkerData

_GREY = 0.7
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)  # odd, of many bits
_NO_IDS: Mapping[int, str] = MappingProxyType({})


def delete_all(header: Header) -> Marker:
    """The marker that deletes all earlier markers in a display."""
    return Marker(header=header, action=Marker.DELETEALL)


def meshes_to_markers(meshes: Mapping[int, Mesh], header: Header, *, ids: Mapping[int, str] = _NO_IDS) -> MarkerArray:
    """DELETEALL, then one TRIANGLE_LIST per object: id = label, opaque per-vertex colours, identity pose.

    Degenerate triangles are left out: RViz warns about them. ``ids`` (label to object id) is written to ``text``, which
    RViz does not draw for triangles.
    """
    made = [_marker(label, mesh, header, ids.get(label, "")) for label, mesh in meshes.items()]
    return MarkerArray(markers=[delete_all(header), *made])


def serialised_meshes(meshes: Mapping[int, Mesh], header: Header, *, ids: Mapping[int, str] = _NO_IDS) -> bytes:
    """As :func:`meshes_to_markers`, but serialised (CDR); publishers accept that.

    It is built from arrays: rclpy needs more than 0.1 s for the objects of 20,000 triangles.
    """
    if " ".join(Marker.get_fields_and_field_types()) != markers.LAYOUT:
        return bytes(serialize_message(meshes_to_markers(meshes, header, ids=ids)))
    writer = CdrWriter()
    writer.put("I", 1 + len(meshes))
    nothing = np.zeros((0, 3))
    _write_marker(writer, header, ("", ""), 0, Marker.ARROW, Marker.DELETEALL, nothing, nothing.astype(np.float32))
    for label, mesh in meshes.items():
        faces, colors = _visible(mesh)
        corners = mesh.vertices.astype(np.float64)[faces]
        paint = np.concatenate([colors, np.ones((len(colors), 1))], axis=1).astype(np.float32)[faces]
        texts = ("mesh", ids.get(label, ""))
        _write_marker(writer, header, texts, label, Marker.TRIANGLE_LIST, Marker.ADD, corners, paint)
    return writer.message()


def markers_to_meshes(message: MarkerArray | Sequence[MarkerData]) -> dict[int, Mesh]:
    """The meshes of a MarkerArray, or of markers read from one, by id; equal corners are merged into one vertex.

    Raises:
        InputError: a triangle list's length is no multiple of three, or a coordinate is not finite.
    """
    found = markers.read_markers(message) if isinstance(message, MarkerArray) else message
    lists = [m for m in found if m.action == Marker.ADD and m.type == Marker.TRIANGLE_LIST]
    return {int(marker.id): _mesh(marker) for marker in lists if len(marker.points)}


def markers_to_ids(found: Sequence[MarkerData]) -> dict[int, str]:
    """Label to object id; ``gsn_<label>`` where a marker has no id."""
    lists = [m for m in found if m.action == Marker.ADD and m.type == Marker.TRIANGLE_LIST]
    return {int(marker.id): marker.text or f"gsn_{marker.id}" for marker in lists if len(marker.points)}


def header_of(message: MarkerArray) -> Header | None:
    """The common header of the markers, or None for an empty array."""
    return message.markers[0].header if message.markers else None


def _visible(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Corner indices [3F] of the triangles with an area above zero, and vertex colours [V,3]."""
    faces = mesh.faces[mesh.areas() > 0].reshape(-1)
    return faces, np.full((len(mesh.vertices), 3), _GREY) if mesh.colors is None else np.clip(mesh.colors, 0, 1)


def _write_marker(
    writer: CdrWriter,
    header: Header,
    texts: tuple[str, str],
    label: int,
    kind: int,
    action: int,
    corners: np.ndarray,
    paint: np.ndarray,
) -> None:
    """Write the fields of ``markers.LAYOUT``: identity pose, scale 1 and white for ADD; ``texts`` are ns and text."""
    one = float(action == Marker.ADD)
    writer.put("iI", header.stamp.sec, header.stamp.nanosec)
    writer.text(header.frame_id)
    writer.text(texts[0])
    writer.put("iii", label, kind, action)
    writer.put("ddddddd", 0, 0, 0, 0, 0, 0, 1)  # pose
    writer.put("ddd", one, one, one)  # scale
    writer.put("ffff", one, one, one, one)  # colour
    writer.put("iI?", 0, 0, False)  # lifetime, frame_locked
    writer.rows(corners)
    writer.rows(paint)
    writer.text("")  # texture_resource
    writer.put("iI", 0, 0)  # texture: stamp
    writer.text("")  # frame
    writer.text("")  # format
    writer.put("I", 0)  # data
    writer.put("I", 0)  # uv_coordinates
    writer.text(texts[1])
    writer.text("")  # mesh_resource
    writer.text("")  # mesh_file: name
    writer.put("I", 0)  # data
    writer.put("?", False)  # mesh_use_embedded_materials


def _marker(label: int, mesh: Mesh, header: Header, name: str) -> Marker:
    faces, colors = _visible(mesh)
    # triangles share the message objects of their vertices: six times fewer objects
    corner = [Point(x=x, y=y, z=z) for x, y, z in mesh.vertices.astype(np.float64).tolist()]
    paint = [ColorRGBA(r=r, g=g, b=b, a=1.0) for r, g, b in colors.astype(np.float64).tolist()]
    marker = Marker(header=header, ns="mesh", id=int(label), type=Marker.TRIANGLE_LIST, action=Marker.ADD, text=name)
    marker.pose.orientation.w = 1.0
    marker.scale.x = marker.scale.y = marker.scale.z = 1.0
    marker.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
    indices = faces.tolist()
    marker.points = [corner[i] for i in indices]
    marker.colors = [paint[i] for i in indices]
    return marker


def _mesh(marker: MarkerData) -> Mesh:
    with np.errstate(over="ignore"):
        corners = marker.points.astype(np.float32)
    if len(corners) % 3 or not np.isfinite(corners).all():
        raise InputError(f"mesh marker {marker.id} holds a broken triangle or a coordinate that is not finite")
    first, inverse = _merged(np.ascontiguousarray(corners + 0.0))  # + 0.0: -0.0 equals 0.0
    faces = inverse.reshape(-1, 3)
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    colors = None
    if len(marker.colors) == len(corners):
        colors = marker.colors[first, :3]
    return Mesh(vertices=corners[first], faces=faces[whole], colors=colors)


def _merged(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first of every set of equal rows [C,3] float32, and for each row the number of its set.

    Rows are sorted by a hash of their bits, which is several times faster than by the bits; rows that differ and have the
    same hash are noticed.
    """
    if not len(corners):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    x, y, z = np.ascontiguousarray(corners.view(np.uint32).T).astype(np.uint64)
    hashed = x * _FACTORS[0] + y * _FACTORS[1] + z * _FACTORS[2]
    order = np.argsort(hashed)
    begins = np.flatnonzero(np.diff(hashed[order], prepend=~hashed[order[:1]]))
    first = np.minimum.reduceat(order, begins)
    inverse = np.empty(len(corners), dtype=np.int64)
    inverse[order] = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(corners)))
    if np.array_equal(corners[first[inverse]], corners):
        return first, inverse
    packed = corners.view(np.dtype((np.void, corners.itemsize * 3))).reshape(-1)
    _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)
