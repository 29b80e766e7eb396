"""rosbag2 recordings (MCAP): observations in and out, raw messages in order."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.serialization import deserialize_message
from rclpy.serialization import serialize_message

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.ros import images
from gsn_perception.ros import interface
from gsn_perception.ros import optional
from gsn_perception.ros.camera_info import from_camera
from gsn_perception.ros.frames import FrameAssembler
from gsn_perception.ros.frames import FrameDecoder
from gsn_perception.ros.headers import make_header
from gsn_perception.ros.node_settings import ReconstructionSettings


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


def record(path: str | Path, observations: Iterable[Observation], *, namespace: str = "") -> int:
    """Write observations as ``camera_info``, ``depth``, ``mask`` and ``image`` of one moment each, in that order.

    Args:
        path: A folder that does not exist yet.
        observations: With rising stamps; frame ids are kept.
        namespace: Put before the topics' names.

    Returns:
        How many observations were written.

    Raises:
        InputError: rosbags is missing or the folder exists or can't be written; no half bag is left.
    """
    rosbag2 = optional.require("rosbags.rosbag2")
    typesys = optional.require("rosbags.typesys")
    path = Path(path)
    if path.exists():
        raise InputError(f"{path} exists already; choose another name for the bag")
    try:
        with rosbag2.Writer(path, version=9, storage_plugin=rosbag2.StoragePlugin.MCAP) as writer:
            return _Recorder(writer, typesys.get_typestore(typesys.Stores.ROS2_JAZZY), namespace).write(observations)
    except OSError as error:
        shutil.rmtree(path, ignore_errors=True)
        raise InputError(f"the bag {path} can't be written: {error.strerror}; choose another folder") from error
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


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


def read_observations(
    path: str | Path, *, namespace: str = "", settings: ReconstructionSettings | None = None
) -> Iterator[Observation]:
    """The frames of a bag, joined and decoded as the reconstruction node does it.

    Raises:
        InputError: the bag or a message can't be used.
    """
    settings = settings or ReconstructionSettings()
    names = {_absolute(namespace, t): t.name for t in interface.RECONSTRUCTION_INPUTS}
    there = {names[topic] for topic in topics_of(path) if topic in names}
    streams = tuple(
        n for n, used in (("depth", settings.use_depth), ("mask", settings.use_mask)) if used and n in there
    )
    assembler = FrameAssembler(streams, int(settings.sync_slop * 1e9), lambda stream: True, lambda reason: None)
    decode = FrameDecoder()
    for item in read(path, list(names)):
        if names[item.topic] in ("image", "camera_info", *streams):
            frame = assembler.add(names[item.topic], item.message())
            if frame is not None:
                yield decode(frame, settings)


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


class _Recorder:
    def __init__(self, writer: Any, typestore: Any, namespace: str) -> None:
        self._writer, self._typestore, self._namespace = writer, typestore, namespace
        self._connections: dict[str, Any] = {}

    def write(self, observations: Iterable[Observation]) -> int:
        count = 0
        for item in observations:
            header = make_header(item.stamp, item.frame_id)
            self._put(interface.CAMERA_INFO, item.stamp, from_camera(item.camera, header))
            if item.depth is not None:
                self._put(interface.DEPTH, item.stamp, images.from_depth(item.depth, header))
            if item.mask is not None:
                self._put(interface.MASK, item.stamp, images.from_mask(item.mask, header))
            self._put(interface.IMAGE, item.stamp, images.from_rgb(item.image, header))
            count += 1
        return count

    def _put(self, topic: interface.Topic, stamp: int, message: Any) -> None:
        if topic.name not in self._connections:
            name = _absolute(self._namespace, topic)
            self._connections[topic.name] = self._writer.add_connection(
                name, topic.type_name, typestore=self._typestore
            )
        self._writer.write(self._connections[topic.name], stamp, serialize_message(message))


def _absolute(namespace: str, topic: interface.Topic) -> str:
    return "/" + "/".join(part for part in (namespace.strip("/"), topic.name) if part)
