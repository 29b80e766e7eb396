#!/usr/bin/env bash
# rosbags 0.11.9 gives 0 messages of a valid MCAP recording that has a chunk index but no message indexes.
#
# One would expect: all 10. Message indexes are optional (https://mcap.dev/spec), rosbag2 leaves them out with the
# storage option `noMessageIndex: true`, and rosbags' own `message_count` for the same file says 10.
# What happens: `Reader.messages()` ends at once, without an error. rosbags takes from the message indexes which topics
# a chunk holds, finds none, and leaves every chunk out.
# Why it matters: a robot recorded with that option (less to write) looks as if its cameras had been silent.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet rosbags==0.11.9 mcap==1.6.0 >/dev/null 2>&1
"$work/venv/bin/python" - "$work" <<'PY'
import sys
from pathlib import Path

from mcap.reader import make_reader
from mcap.writer import IndexType, Writer
from rosbags.rosbag2 import Reader

KIND = "std_msgs/msg/UInt32"


def record(path, index_types):
    with path.open("wb") as stream:
        writer = Writer(stream, index_types=index_types)
        writer.start(profile="ros2", library="")
        schema = writer.register_schema(KIND, "ros2msg", b"uint32 data")
        channel = writer.register_channel("/count", "cdr", schema)
        for t in range(1, 11):
            writer.add_message(channel, t, b"\0\1\0\0" + t.to_bytes(4, "little"), t)
        writer.finish()


found = {}
for name, kinds in (("all indexes", IndexType.ALL), ("no message index", IndexType.ALL & ~IndexType.MESSAGE)):
    path = Path(sys.argv[1]) / f"{name.replace(' ', '_')}.mcap"
    record(path, kinds)
    with Reader(path) as reader:
        found[name] = len(list(reader.messages()))
        says = reader.message_count
    with path.open("rb") as stream:
        other = len(list(make_reader(stream).iter_messages()))
    print(f"{name}: rosbags gives {found[name]}, its message_count says {says}, mcap gives {other}")
sys.exit(0 if found == {"all indexes": 10, "no message index": 0} else 1)
PY
