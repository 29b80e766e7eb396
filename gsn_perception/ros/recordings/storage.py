"""Recorded messages, the interface of a recording's files, and message types by name."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Protocol

from rclpy.serialization import deserialize_message

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message of a bag.

    Attributes:
        topic: Absolute name.
        type_name: E.g. ``sensor_msgs/msg/Image``.
        time: Time of recording, nanoseconds.
        data: Serialised (CDR).
    """

    topic: str
    type_name: str
    time: int
    data: bytes

    def message(self) -> Any:
        """The deserialised message."""
        return deserialize_message(self.data, message_class(self.type_name))


class Storage(Protocol):
    """One open file of a bag.

    Attributes:
        name: File name.
        topics: Topic to type name, for topics with ROS messages.
        left_out: Topic to the reason why it can't be read, e.g. ``json``.
        counts: Topic to the message count in the file; empty without counts.
        span: Times of recording of the first and last message, nanoseconds; None without messages.
        remarks: Doubts about the file; reading may add more.
    """

    name: str
    topics: Mapping[str, str]
    left_out: Mapping[str, str]
    counts: Mapping[str, int]
    span: tuple[int, int] | None
    remarks: list[Remark]

    def messages(self, topics: Collection[str]) -> Iterator[Recorded]:
        """Messages of some topics in recorded order."""

    def close(self) -> None:
        """Close the file."""


def full_type_name(name: str) -> str:
    """``package/msg/Name``, also from ``package/Name`` (ROS 1, some writers) and ``package::msg::dds_::Name_`` (DDS)."""
    if "::" in name:
        name = name.replace("::dds_::", "::").replace("::", "/").removesuffix("_")
    package, _, rest = name.partition("/")
    return f"{package}/msg/{rest}" if rest and "/" not in rest else name


def message_class(type_name: str) -> type:
    """The Python class of ``package/msg/Name``.

    Raises:
        InputError: the package is not installed or the name is no message type.
    """
    try:
        package, kind, name = type_name.split("/")
        found: type = getattr(importlib.import_module(f"{package}.{kind}"), name)
    except (ValueError, ImportError, AttributeError):
        raise InputError(
            f"message type {type_name} is not installed; install its package or leave the topic out"
        ) from None
    return found
