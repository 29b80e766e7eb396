"""rosbag2 recordings: observations out, raw messages in order; see :mod:`~gsn_perception.ros.recording` for in."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.serialization import deserialize_message

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.ros import interface
from gsn_perception.ros import optional
from gsn_perception.ros.frames import Frame
from gsn_perception.ros.frames import FrameAssembler
from gsn_perception.ros.frames import FrameDecoder
from gsn_perception.ros.node_settings import ReconstructionSettings
from gsn_perception.ros.recording import absolute
from gsn_perception.ros.recording import record as record


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message of a bag.

    Attributes:
        topic: Absolute name.
        type_name: E.g. ``sensor_msgs/msg/Image``.
        time: When it was recorded, nanoseconds.
        data: Serialised (CDR).
    """

    topic: str
    type_name: str
    time: int
    data: bytes

    def message(self) -> Any:
        """The message itself."""
        return deserialize_message(self.data, message_class(self.type_name))


def read(path: str | Path, topics: Sequence[str] = ()) -> Iterator[Recorded]:
    """The messages of a bag in recorded order; a folder, or an .mcap or .db3 file.

    Raises:
        InputError: rosbags is missing, or the bag is missing or damaged.
    """
    with _open(path) as reader:
        wanted = [c for c in reader.connections if not topics or c.topic in topics]
        if not wanted:
            return
        for connection, stamp, data in reader.messages(wanted):
            yield Recorded(connection.topic, connection.msgtype, stamp, bytes(data))


def topics_of(path: str | Path) -> dict[str, str]:
    """Topic to type name.

    Raises:
        InputError: rosbags is missing, or the bag is missing or damaged.
    """
    with _open(path) as reader:
        return {c.topic: c.msgtype for c in reader.connections}


@contextmanager
def _open(path: str | Path) -> Iterator[Any]:
    """A reader of the bag; what goes wrong while it is read becomes one sentence."""
    rosbag2 = optional.require("rosbags.rosbag2")
    if not Path(path).exists():
        raise InputError(f"there is no bag {path}; check the name")
    try:
        with rosbag2.Reader(Path(path)) as reader:
            yield reader
    except (rosbag2.ReaderError, OSError, AssertionError) as error:
        raise InputError(f"the bag {path} can't be read ({error}); record it again") from error


def read_frames(
    path: str | Path, *, namespace: str | None = None, settings: ReconstructionSettings | None = None
) -> Iterator[Frame]:
    """The frames of a bag, joined as the reconstruction node does it, not decoded yet; each exactly once.

    Args:
        path: The bag.
        namespace: Of its topics; found out by default.
        settings: Choose the streams.

    Raises:
        InputError: the bag can't be read, or holds several cameras and no namespace is given.
    """
    settings = settings or ReconstructionSettings()
    there = topics_of(path)
    namespace = namespace_of(there) if namespace is None else namespace
    names = {absolute(namespace, t.name): t.name for t in interface.RECONSTRUCTION_INPUTS}
    found = {names[topic] for topic in there if topic in names}
    wanted = (("depth", settings.use_depth), ("mask", settings.use_mask))
    streams = tuple(name for name, used in wanted if used and name in found)
    assembler = FrameAssembler(streams, int(settings.sync_slop * 1e9), lambda stream: True, lambda reason: None)
    for item in read(path, list(names)):
        if names[item.topic] in ("image", "camera_info", *streams):
            frame = assembler.add(names[item.topic], item.message())
            if frame is not None:
                yield frame


def read_observations(
    path: str | Path, *, namespace: str | None = None, settings: ReconstructionSettings | None = None
) -> Iterator[Observation]:
    """:func:`read_frames`, decoded as the reconstruction node does it.

    Raises:
        InputError: the bag or a message can't be used.
    """
    settings = settings or ReconstructionSettings()
    decode = FrameDecoder()
    for frame in read_frames(path, namespace=namespace, settings=settings):
        yield decode(frame, settings)


def namespace_of(topics: Mapping[str, str]) -> str:
    """Of the one topic ``.../image``; empty where there is none.

    Raises:
        InputError: there are several.
    """
    found = [
        t.removesuffix("/image")
        for t, kind in topics.items()
        if t.endswith("/image") and kind == interface.IMAGE.type_name
    ]
    if len(found) > 1:
        raise InputError(f"the bag holds several cameras ({', '.join(sorted(found))}); name one with --namespace")
    return found[0] if found else ""


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
