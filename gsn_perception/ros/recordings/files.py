"""Opens a recording (bag): its files, its messages in recorded order, and remarks about missing messages.

Every file is read by itself. metadata.yaml gives only the file names and message counts, because it may be missing (the
recorder was killed) or contradict the files (it was edited).
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import ExitStack
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.ros import optional
from gsn_perception.ros.recordings import mcap
from gsn_perception.ros.recordings import ros1
from gsn_perception.ros.recordings import sqlite
from gsn_perception.ros.recordings.storage import Recorded
from gsn_perception.ros.recordings.storage import Storage

_METADATA = "metadata.yaml"
_ZSTD = b"\x28\xb5\x2f\xfd"
_STORAGES: dict[bytes, Any] = {
    mcap.MAGIC: mcap.McapStorage,
    sqlite.MAGIC: sqlite.SqliteStorage,
    ros1.MAGIC: ros1.Ros1Storage,
}
_ENDINGS = (".mcap", ".db3", ".bag", ".bag.active", ".mcap.zstd", ".db3.zstd")


@dataclass(frozen=True, slots=True)
class Bag:
    """An open recording.

    Attributes:
        path: Folder or file.
        storages: Its open files.
        announced: Topic to message count of metadata.yaml; empty without one.
        found: Remarks about the folder.
    """

    path: Path
    storages: Sequence[Storage]
    announced: Mapping[str, int] = field(default_factory=dict)
    found: Sequence[Remark] = ()

    @property
    def topics(self) -> dict[str, str]:
        """Topic to type name."""
        return {topic: kind for storage in reversed(self.storages) for topic, kind in storage.topics.items()}

    @property
    def empty(self) -> set[str]:
        """Topics without messages; empty where a file does not hold message counts."""
        if not all(storage.counts for storage in self.storages):
            return set()
        return {t for t in self.topics if not any(storage.counts.get(t) for storage in self.storages)}

    @property
    def remarks(self) -> list[Remark]:
        """Remarks so far; reading may add more."""
        left_out = {topic: why for storage in self.storages for topic, why in storage.left_out.items()}
        of_files = [remark for storage in self.storages for remark in storage.remarks]
        if not left_out:
            return [*self.found, *of_files]
        names = ", ".join(f"{topic} ({why})" for topic, why in sorted(left_out.items()))
        text = f"{self.path} holds topics that are no ROS 2 messages, which were left out: {names}"
        return [*self.found, *of_files, Remark("bag_foreign_topics", text)]

    def messages(self, topics: Collection[str]) -> Iterator[Recorded]:
        """Messages of some topics in recorded order, over all files."""
        readers = [storage.messages(topics) for storage in self.storages]
        for item in heapq.merge(*readers, key=lambda item: item.time) if len(readers) > 1 else readers[0]:
            packed = item.data[: len(_ZSTD)] == _ZSTD  # compression_mode MESSAGE; CDR never starts with these bytes
            yield replace(item, data=_unpacked(item.data)) if packed else item

    def missing(self, read: Counter[str], topics: Collection[str]) -> Remark | None:
        """A remark where fewer messages were read than metadata.yaml or an index counts."""
        counts: Counter[str] = Counter()
        for storage in self.storages:
            counts.update(storage.counts)
        lost = {t: max(counts[t], self.announced.get(t, 0)) - read[t] for t in topics}
        lost = {topic: count for topic, count in lost.items() if count > 0}
        if not lost:
            return None
        names = ", ".join(f"{count} of {count + read[topic]} on {topic}" for topic, count in sorted(lost.items()))
        text = f"messages of {self.path} are missing, counted by its {_METADATA} or index: {names}"
        return Remark("bag_messages_missing", f"{text}; copy the whole bag again, or mend it by `ros2 bag reindex`")


@contextmanager
def open_bag(path: str | Path) -> Iterator[Bag]:
    """Open a recording: the folder, its metadata.yaml, or an .mcap, .db3 or (ROS 1) .bag file.

    Raises:
        InputError: it does not exist or can't be read; also raised while its messages are read.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no bag {path}; check the name")
    path = path.parent if path.name == _METADATA else path
    with ExitStack() as stack:
        try:
            yield _opened(path, stack)
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"the bag {path} can't be read ({reason}); check its files and their rights") from error


def _opened(path: Path, stack: ExitStack) -> Bag:
    if not path.is_dir():
        return Bag(path, [_storage(path, stack)])
    there = sorted((file for file in path.iterdir() if file.name.endswith(_ENDINGS) and file.is_file()), key=_natural)
    named, announced, remarks = _metadata(path)
    files = [path / name for name in named if (path / name).is_file()] or there
    if not files:
        raise InputError(f"the folder {path} holds no bag (no .mcap, .db3 or .bag file); give the recording's folder")
    lost = sorted(set(named) - {file.name for file in files})
    if lost:
        text = f"{', '.join(lost)}, named in {_METADATA}, is not in {path}; read {', '.join(f.name for f in files)}"
        remarks.append(Remark("bag_files_missing", f"{text} alone: copy the whole folder, or run `ros2 bag reindex`"))
    others = [file.name for file in there if file not in files]
    if others:
        text = f"{', '.join(others)} in {path} is not named in {_METADATA} and was left out"
        remarks.append(Remark("bag_files_left_out", f"{text}; `ros2 bag reindex {path}` takes it in"))
    storages, unreadable = _readable(files, stack)
    storages.sort(key=lambda storage: storage.span or (0, 0))
    remarks += unreadable if named else [*unreadable, *_overlap(storages)]
    return Bag(path, storages, announced, remarks)


def _readable(files: Sequence[Path], stack: ExitStack) -> tuple[list[Storage], list[Remark]]:
    """The open files, and remarks about unreadable ones (e.g. the last one of a recorder that was killed).

    Raises:
        InputError: no file is readable.
    """
    storages: list[Storage] = []
    remarks: list[Remark] = []
    for file in files:
        try:
            storages.append(_storage(file, stack))
        except InputError as error:
            if len(files) == 1:
                raise
            remarks.append(Remark("bag_file_unreadable", f"{error}; the other files were read"))
    if not storages:
        raise InputError(remarks[0].text.removesuffix("; the other files were read"))
    return storages, remarks


def _metadata(folder: Path) -> tuple[list[str], dict[str, int], list[Remark]]:
    """File names, topic to message count, and remarks; empty names and counts without a readable metadata.yaml."""
    cure = f"read file by file; `ros2 bag reindex {folder}` rewrites it"
    try:
        found = yaml.safe_load((folder / _METADATA).read_text())["rosbag2_bagfile_information"]
        names = [re.split(r"[/\\]", str(name))[-1] for name in found["relative_file_paths"]]
        topics = found.get("topics_with_message_count") or []
        counts = Counter[str]()
        for topic in topics:
            counts[str(topic["topic_metadata"]["name"])] += int(topic["message_count"])
        return names, counts, []
    except FileNotFoundError:
        if any(folder.glob("*.bag")):  # ROS 1 has none
            return [], {}, []
        text = f"{folder} has no {_METADATA} (its recorder was ended early, or it was not copied) and was {cure}"
        return [], {}, [Remark("bag_without_metadata", text)]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return [], {}, [Remark("bag_metadata_damaged", f"{folder / _METADATA} is damaged; the bag was {cure}")]


def _overlap(storages: Sequence[Storage]) -> list[Remark]:
    """A remark where two files start at the same time, e.g. a cut-off file and its recovered copy."""
    for one, other in pairwise(storages):
        if one.span and other.span and one.span[0] == other.span[0] and one.topics.keys() & other.topics.keys():
            text = f"{one.name} and {other.name} begin at the same moment, so that messages may come twice"
            return [Remark("bag_files_overlap", f"{text}; give one of the files instead of the folder")]
    return []


def _storage(file: Path, stack: ExitStack) -> Storage:
    """The open file; a compressed file is unpacked into a temporary folder."""
    with file.open("rb") as stream:
        head = stream.read(16)
    if head.startswith(_ZSTD):
        place = Path(stack.enter_context(TemporaryDirectory())) / file.name.removesuffix(".zstd")
        _unpack(file, place)
        return _storage(place, stack)
    if not head:
        raise InputError(f"the bag {file} is empty; copy it again from where it was recorded")
    kind = next((kind for magic, kind in _STORAGES.items() if head.startswith(magic)), None)
    if kind is None:
        raise InputError(f"the bag {file} is neither MCAP, SQLite nor a ROS 1 bag; give a recording")
    storage: Storage = kind(file)
    stack.callback(storage.close)
    return storage


def _unpack(file: Path, place: Path) -> None:
    zstandard = optional.require("zstandard")
    with file.open("rb") as packed, place.open("wb") as plain:
        try:
            zstandard.ZstdDecompressor().copy_stream(packed, plain)
        except zstandard.ZstdError as error:
            raise InputError(f"the bag {file} is damaged ({error}); copy it again from its source") from error


def _unpacked(data: bytes) -> bytes:
    zstandard = optional.require("zstandard")
    try:
        with zstandard.ZstdDecompressor().stream_reader(BytesIO(data)) as stream:
            return bytes(stream.read())
    except zstandard.ZstdError as error:
        raise InputError(f"a compressed message is damaged ({error}); copy the bag again from its source") from error


def _natural(file: Path) -> list[tuple[int, str]]:
    """Sort key of natural order: run_2 before run_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name)]
