#!/usr/bin/env bash
# rosbags 0.11.9 loses the rows of an SQLite recording that still lie in its write-ahead log, without an error.
#
# One would expect: all 10 messages, as sqlite3 itself gives them from the same two files (x.db3 and x.db3-wal).
# What happens: 4. rosbags opens the file with `immutable=1`, which tells SQLite to ignore the log.
# Why it matters: rosbag2's storage preset `resilient` writes in WAL mode. Who copies a recording from a robot that still
# records, or whose recorder was killed, has both files and silently gets the beginning only (also as `message_count`).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet rosbags==0.11.9 >/dev/null 2>&1
"$work/venv/bin/python" - "$work" <<'PY'
import shutil
import sqlite3
import sys
from pathlib import Path

from rosbags.rosbag2 import Reader

root = Path(sys.argv[1])
running = sqlite3.connect(root / "run.db3", isolation_level=None)  # the recorder, which goes on
for line in (
    "PRAGMA journal_mode=WAL",
    "PRAGMA wal_autocheckpoint=0",  # rosbag2's is 1000 pages; here the moment of the checkpoint is chosen below
    "CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL)",
    "CREATE TABLE metadata(id INTEGER PRIMARY KEY, metadata_version INTEGER NOT NULL, metadata TEXT NOT NULL)",
    "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,"
    " serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL)",
    "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,"
    " data BLOB NOT NULL)",
    "INSERT INTO schema VALUES(3, 'humble')",
    "INSERT INTO topics VALUES(1, '/count', 'std_msgs/msg/UInt32', 'cdr', '')",
):
    running.execute(line)
for t in range(1, 11):
    data = b"\0\1\0\0" + t.to_bytes(4, "little")
    running.execute("INSERT INTO messages(topic_id, timestamp, data) VALUES(1, ?, ?)", (t, data))
    if t == 4:
        running.execute("PRAGMA wal_checkpoint(TRUNCATE)")
(root / "copied").mkdir()
for name in ("run.db3", "run.db3-wal"):
    shutil.copy(root / name, root / "copied")
running.close()

with Reader(root / "copied" / "run.db3") as reader:
    found, says = len(list(reader.messages())), reader.message_count
copied = sqlite3.connect(root / "copied" / "run.db3")
true = copied.execute("SELECT COUNT(*) FROM messages").fetchone()[0]
print(f"rosbags gives {found} messages (message_count {says}), sqlite3 gives {true}")
sys.exit(0 if (found, true) == (4, 10) else 1)
PY
