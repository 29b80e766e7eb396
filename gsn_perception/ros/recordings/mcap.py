"""Reads MCAP files without their index, since a recorder that was killed writes none.

One pass over the top-level records finds every chunk, also without summary, message indexes or footer.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Collection
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.ros import optional
from gsn_perception.ros.recordings.ros1 import Ros1Converter
from gsn_perception.ros.recordings.storage import Recorded
from gsn_perception.ros.recordings.storage import full_type_name

MAGIC = b"\x89MCAP0\r\n"
_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _STATISTICS = 1, 2, 3, 4, 5, 6, 11
_RECORD = struct.Struct("<BQ")  # kind and length of every record
_COMPRESSIONS = ("", "none", "lz4", "zstd")


class McapStorage:
    """See :class:`~gsn_perception.ros.recordings.storage.Storage`; also MCAP files of ROS 1 messages.

    Args:
        path: The file.

    Raises:
        InputError: mcap is missing, or the file holds no complete chunk or message.
    """

    def __init__(self, path: Path) -> None:
        self._records = optional.require("mcap.records")
        self._breakup = optional.require("mcap.stream_reader").breakup_chunk
        self._data_stream = optional.require("mcap.data_stream").ReadDataStream
        self.name, self.remarks = path.name, list[Remark]()
        self._schemas: dict[int, Any] = {}
        self._channels: dict[int, Any] = {}
        self._statistics: Any = None
        self._places: list[tuple[int, int]] = []  # earliest time and offset of each chunk, or message outside chunks
        self._damaged: set[int] = set()
        self._latest = 0
        self._stream = path.open("rb")
        try:
            self._walk(path)
            if self._statistics is None or self._statistics.channel_count > len(self._channels):
                for place in self._places:
                    self._load(place)
        except BaseException:
            self._stream.close()
            raise
        self._describe()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def messages(self, topics: Collection[str]) -> Iterator[Recorded]:
        """Messages of some topics by time; a chunk is loaded when its first message is due."""
        kinds = {n: self._type_name(c) for n, c in self._channels.items() if self._is_wanted(c, topics)}
        queue: list[tuple[int, int, int, Any]] = [(time, offset, -1, None) for time, offset in self._places]
        heapq.heapify(queue)
        while queue:
            time, offset, _, message = heapq.heappop(queue)
            if message is None:
                for number, found in enumerate(self._load((time, offset))):
                    if found.channel_id in kinds:
                        heapq.heappush(queue, (found.log_time, offset, number, found))
                continue
            channel = self._channels[message.channel_id]
            data = message.data
            if channel.message_encoding == "ros1":
                data = self._convert(kinds[channel.id], data)
            yield Recorded(channel.topic, kinds[channel.id], time, data)

    def _is_wanted(self, channel: Any, topics: Collection[str]) -> bool:
        there = channel.topic in topics and not self._why_not(channel)
        return there and self.topics.get(channel.topic) == self._type_name(channel)

    def _walk(self, path: Path) -> None:
        """Find chunks, channels and statistics; add a remark where the file is cut off."""
        size = path.stat().st_size
        position = len(MAGIC)
        self._stream.seek(position)
        kind = 0
        while kind != _FOOTER and position + _RECORD.size <= size:
            kind, length = _RECORD.unpack(self._stream.read(_RECORD.size))
            if position + _RECORD.size + length > size:
                kind = 0
                break
            self._take(kind, length, position)
            position += _RECORD.size + length
            self._stream.seek(position)
        if not self._places and kind != _FOOTER:
            raise InputError(
                f"the bag {path} is cut off before its first whole chunk; try `mcap recover {path} -o recovered.mcap`"
            )
        if kind != _FOOTER:
            text = f"{self.name} is cut off or damaged after {position} of {size} bytes and was read up to there"
            cure = f"`mcap recover {path} -o recovered.mcap` writes a whole file"
            self.remarks.append(Remark("bag_cut_off", f"{text}; {cure}"))

    def _take(self, kind: int, length: int, position: int) -> None:
        if kind == _CHUNK:
            first, last = struct.unpack("<QQ", self._stream.read(16))
            self._places.append((first, position))
            self._latest = max(self._latest, last)
        elif kind == _MESSAGE:
            (time,) = struct.unpack("<6xQ", self._stream.read(14))
            self._places.append((time, position))
            self._latest = max(self._latest, time)
        elif kind in (_SCHEMA, _CHANNEL, _STATISTICS):
            stream = self._data_stream(BytesIO(self._stream.read(length)))
            if kind == _STATISTICS:
                self._statistics = self._records.Statistics.read(stream)
            else:
                self._learn((self._records.Schema if kind == _SCHEMA else self._records.Channel).read(stream))

    def _learn(self, record: Any) -> None:
        known = self._schemas if isinstance(record, self._records.Schema) else self._channels
        known[record.id] = record

    def _load(self, place: tuple[int, int]) -> list[Any]:
        """The messages of a chunk, or a single message outside chunks; none of a damaged chunk."""
        _, offset = place
        self._stream.seek(offset)
        kind, length = _RECORD.unpack(self._stream.read(_RECORD.size))
        stream = self._data_stream(BytesIO(self._stream.read(length)))
        if kind == _MESSAGE:
            return [self._records.Message.read(stream, length)]
        found: list[Any] = []
        chunk = self._records.Chunk.read(stream)
        if chunk.compression not in _COMPRESSIONS:
            raise InputError(
                f"{self.name} is compressed by {chunk.compression!r}; write it again with zstd, lz4 or none"
            )
        try:
            records = self._breakup(chunk, validate_crc=True)
        except Exception:  # decompressors and the parser raise many types
            self._tell_damage(offset)
            return found
        for record in records:
            if isinstance(record, self._records.Message):
                found.append(record)
            else:
                self._learn(record)
        return found

    def _tell_damage(self, offset: int) -> None:
        if offset not in self._damaged:
            self._damaged.add(offset)
            text = f"{self.name} holds a damaged chunk at byte {offset}, which was left out"
            self.remarks.append(Remark("bag_chunk_damaged", f"{text}; copy the file again from its source"))

    def _describe(self) -> None:
        """Set topics and counts, after the channels are known."""
        typed = [c for c in self._channels.values() if c.schema_id in self._schemas]
        schemas = [self._schemas[c.schema_id] for c in typed if c.message_encoding == "ros1"]
        self._convert = Ros1Converter({full_type_name(s.name): s.data.decode(errors="replace") for s in schemas})
        self.topics: dict[str, str] = {}
        for channel in typed:
            if not self._why_not(channel):
                self.topics.setdefault(channel.topic, self._type_name(channel))
        whys = {c.topic: self._why_not(c) for c in self._channels.values()}
        self.left_out = {topic: why for topic, why in whys.items() if topic not in self.topics}
        self.counts: dict[str, int] = {}
        for number, count in () if self._statistics is None else self._statistics.channel_message_counts.items():
            channel = self._channels.get(number)
            if channel is not None and self._is_wanted(channel, self.topics):
                self.counts[channel.topic] = self.counts.get(channel.topic, 0) + count
        self.span = (min(self._places)[0], self._latest) if self._places else None

    def _type_name(self, channel: Any) -> str:
        name = full_type_name(self._schemas[channel.schema_id].name)
        return self._convert.renamed(name) if channel.message_encoding == "ros1" else name

    def _why_not(self, channel: Any) -> str:
        """Why the messages of a channel can't be read as ROS 2 messages; empty where they can."""
        encoding = channel.message_encoding
        if encoding not in ("cdr", "ros1"):
            return encoding or "of unknown encoding"
        if channel.schema_id not in self._schemas:
            return f"{encoding} without a type"
        name = full_type_name(self._schemas[channel.schema_id].name)
        return f"ROS 1 {name}" if encoding == "ros1" and not self._convert.knows(name) else ""
