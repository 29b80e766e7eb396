"""Reads ROS 1 recordings (.bag) and converts their messages to ROS 2."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.ros import optional
from gsn_perception.ros.recordings.storage import Recorded

MAGIC = b"#ROSBAG V2.0"
_RENAMED = {"tf/msg/tfMessage": "tf2_msgs/msg/TFMessage"}


class Ros1Converter:
    """Converts serialised ROS 1 messages to CDR.

    Args:
        definitions: Type name to message definition (with its dependencies), from the recording.
    """

    def __init__(self, definitions: Mapping[str, str]) -> None:
        self._definitions = definitions
        self._cache: dict[str, object] = {}
        if not definitions:
            return
        typesys = optional.require("rosbags.typesys")
        self._library = optional.require("rosbags.convert.converter")
        self._new = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
        self._old = typesys.get_typestore(typesys.Stores.ROS1_NOETIC)
        for name, text in definitions.items():
            types = typesys.get_types_from_msg(text, name)
            self._old.register({k: v for k, v in types.items() if k != "std_msgs/msg/Header"})

    def renamed(self, type_name: str) -> str:
        """Name of the type in ROS 2."""
        return _RENAMED.get(type_name, type_name)

    def knows(self, type_name: str) -> bool:
        """Whether the type exists in ROS 2."""
        return bool(self.renamed(type_name) in self._new.fielddefs)

    def __call__(self, type_name: str, data: bytes) -> bytes:
        """Convert one message; ``type_name`` is the ROS 2 type.

        Raises:
            InputError: it is damaged.
        """
        old = next((name for name in self._definitions if self.renamed(name) == type_name), type_name)
        try:
            return bytes(
                self._library.migrate_bytes(
                    self._old, self._new, old, type_name, self._cache, data, src_is2=False, dst_is2=True
                )
            )
        except Exception as error:  # rosbags' generated readers raise many types
            raise InputError(
                f"a ROS 1 message of type {type_name} is damaged ({error}); copy the bag again from its source"
            ) from error


class Ros1Storage:
    """A .bag file; see :class:`~gsn_perception.ros.recordings.storage.Storage`.

    Args:
        path: The file.

    Raises:
        InputError: rosbags is missing, or the file has no index or is damaged.
    """

    def __init__(self, path: Path) -> None:
        rosbag1 = optional.require("rosbags.rosbag1")
        self.name, self.remarks, self._path = path.name, list[Remark](), path
        self._error = rosbag1.ReaderError
        try:
            self._reader = rosbag1.Reader(path)
            self._reader.open()
        except (self._error, OSError, AssertionError, KeyError) as error:
            raise self._damaged(error) from error
        found = self._reader.connections
        self._convert = Ros1Converter({c.msgtype: c.msgdef.data for c in found})
        self.topics = {c.topic: self._convert.renamed(c.msgtype) for c in found if self._convert.knows(c.msgtype)}
        self.left_out = {c.topic: f"ROS 1 {c.msgtype}" for c in found if c.topic not in self.topics}
        self.counts: dict[str, int] = {}
        for c in found:
            if c.topic in self.topics:
                self.counts[c.topic] = self.counts.get(c.topic, 0) + c.msgcount
        self.span = (self._reader.start_time, self._reader.end_time) if self._reader.message_count else None

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def messages(self, topics: Collection[str]) -> Iterator[Recorded]:
        """Messages of some topics by time."""
        wanted: list[Any] = [c for c in self._reader.connections if c.topic in topics and c.topic in self.topics]
        if not wanted:
            return
        try:
            for connection, time, data in self._reader.messages(wanted):
                kind = self._convert.renamed(connection.msgtype)
                yield Recorded(connection.topic, kind, time, self._convert(kind, bytes(data)))
        except (self._error, OSError, AssertionError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> InputError:
        return InputError(
            f"the ROS 1 bag {self._path} can't be read ({error}); mend it with `rosbag reindex {self._path}` or turn it "
            f"into a rosbag2 recording with `rosbags-convert --src {self._path} --dst {self._path.stem}`"
        )
