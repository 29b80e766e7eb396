"""Reads serialised tf2_msgs/TFMessage without rclpy's message objects.

A robot with ten joints publishes 2000 transforms a second. rclpy builds a dozen objects for each and checks every field,
which keeps the interpreter lock from the worker.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from geometry_msgs.msg import Quaternion
from geometry_msgs.msg import Vector3
from rclpy.serialization import deserialize_message

from gsn_perception.geometry import InputError

_HEAD = struct.Struct("<iII")  # sec, nanosec, length of frame_id
_LENGTH = struct.Struct("<I")
_VALUES = struct.Struct("<7d")
_CDR_LITTLE = b"\x00\x01"


class Vector(Vector3):
    """geometry_msgs/Vector3 without the checks of its fields; tf2 needs this class."""

    __slots__ = ("x", "y", "z")

    def __init__(self, x: float, y: float, z: float) -> None:
        self.x, self.y, self.z = x, y, z


class Rotation(Quaternion):
    """geometry_msgs/Quaternion without the checks of its fields."""

    __slots__ = ("w", "x", "y", "z")

    def __init__(self, x: float, y: float, z: float, w: float) -> None:
        self.x, self.y, self.z, self.w = x, y, z, w


class Transform(NamedTuple):
    """geometry_msgs/Transform."""

    translation: Vector
    rotation: Rotation


class Stamp(NamedTuple):
    """builtin_interfaces/Time."""

    sec: int
    nanosec: int


class Header(NamedTuple):
    """std_msgs/Header."""

    stamp: Stamp
    frame_id: str


class StampedTransform(NamedTuple):
    """geometry_msgs/TransformStamped."""

    header: Header
    child_frame_id: str
    transform: Transform


def read_transforms(message: bytes, kind: Any = None) -> Sequence[Any]:
    """The transforms of a serialised TFMessage, each with the fields of geometry_msgs/TransformStamped.

    Args:
        message: CDR, from a raw subscription.
        kind: The class TFMessage; needed for other encodings than little-endian CDR.

    Raises:
        InputError: the bytes are no TFMessage.
    """
    if message[:2] != _CDR_LITTLE:
        if kind is None:
            raise InputError("the message is not little-endian CDR; publish it with a usual middleware")
        return deserialize_message(message, kind).transforms
    data = memoryview(message)[4:]  # alignment counts from here
    try:
        (count,), at, out = _LENGTH.unpack_from(data), 4, []
        for _ in range(count):
            found, at = _read(data, at)
            out.append(found)
    except (struct.error, UnicodeDecodeError) as error:
        raise InputError("the TF message ends before its last field; it was cut or is of another type") from error
    return out


def _read(data: memoryview, at: int) -> tuple[StampedTransform, int]:
    """The transform at offset ``at``, and the offset after it."""
    at += -at % 4
    sec, nanosec, size = _HEAD.unpack_from(data, at)
    at += _HEAD.size
    parent = _text(data, at, size)
    at += size
    at += -at % 4
    (size,) = _LENGTH.unpack_from(data, at)
    at += _LENGTH.size
    child = _text(data, at, size)
    at += size
    at += -at % 8
    x, y, z, qx, qy, qz, qw = _VALUES.unpack_from(data, at)
    pose = Transform(Vector(x, y, z), Rotation(qx, qy, qz, qw))
    return StampedTransform(Header(Stamp(sec, nanosec), parent), child, pose), at + _VALUES.size


def _text(data: memoryview, at: int, size: int) -> str:
    if at + size > len(data):
        raise struct.error
    return str(data[at : at + size - 1], "utf-8") if size else ""
