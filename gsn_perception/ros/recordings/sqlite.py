"""Reads SQLite files of rosbag2, including their write-ahead log or rollback journal."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Collection
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.ros.recordings.storage import Recorded
from gsn_perception.ros.recordings.storage import full_type_name

MAGIC = b"SQLite format 3\0"
_LOGS = ("-wal", "-journal")  # left by a recorder that was killed, or copied while it ran


class SqliteStorage:
    """See :class:`~gsn_perception.ros.recordings.storage.Storage`.

    Args:
        path: The file. It is not changed: a log is applied to a temporary copy.

    Raises:
        InputError: the file is damaged or holds no recording.
    """

    def __init__(self, path: Path) -> None:
        self.name, self.remarks, self._path = path.name, list[Remark](), path
        self._copy: TemporaryDirectory[str] | None = None
        logs = [log for end in _LOGS if (log := path.with_name(path.name + end)).is_file() and log.stat().st_size]
        if logs:
            self._copy = TemporaryDirectory()
            for file in (path, *logs):
                shutil.copy(file, self._copy.name)
            path = Path(self._copy.name) / path.name
        try:
            self._base = sqlite3.connect(f"file:{quote(str(path))}?{'mode=rw' if logs else 'immutable=1'}", uri=True)
            self._describe()
        except sqlite3.Error as error:
            self.close()
            raise self._damaged(error) from error

    def close(self) -> None:
        """Close the file."""
        if hasattr(self, "_base"):
            self._base.close()
        if self._copy is not None:
            self._copy.cleanup()

    def messages(self, topics: Collection[str]) -> Iterator[Recorded]:
        """Messages of some topics by time."""
        wanted = {number: (t, k) for number, (t, k) in self._rows.items() if self.topics.get(t) == k and t in topics}
        marks = ",".join("?" * len(wanted))
        query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({marks}) ORDER BY timestamp, id"
        try:
            for number, time, data in self._base.execute(query, list(wanted)):
                yield Recorded(*wanted[number], time, data)
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def _describe(self) -> None:
        rows = self._base.execute("SELECT id, name, type, serialization_format FROM topics").fetchall()
        counts = dict(self._base.execute("SELECT topic_id, COUNT(*) FROM messages GROUP BY topic_id").fetchall())
        first, last = self._base.execute("SELECT MIN(timestamp), MAX(timestamp) FROM messages").fetchone()
        self.span = None if first is None else (first, last)
        self._rows = {number: (name, full_type_name(kind)) for number, name, kind, form in rows if form == "cdr"}
        self.topics: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        for number, (name, kind) in self._rows.items():
            if self.topics.setdefault(name, kind) == kind:
                self.counts[name] = self.counts.get(name, 0) + counts.get(number, 0)
        self.left_out = {name: form for _, name, _, form in rows if name not in self.topics}

    def _damaged(self, error: sqlite3.Error) -> InputError:
        good = self._path.with_stem(self._path.stem + "_recovered").name
        return InputError(
            f"the bag {self._path} is damaged or holds no recording ({error}); "
            f'try `sqlite3 {self._path} ".recover" | sqlite3 {good}`, or copy it again from its source'
        )
