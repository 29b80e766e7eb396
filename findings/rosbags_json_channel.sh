#!/usr/bin/env bash
# rosbags 0.11.9 can't open an MCAP recording at all when one channel in it is no ROS message.
#
# One would expect: the ROS topics, the other channel left out; MCAP is made for mixing encodings (https://mcap.dev/spec).
# What happens: `KeyError: 'jsonschema'` (for protobuf: 'protobuf') when the file is opened; no topic can be read.
# Why it matters: recorders of Foxglove and of robot makers put a JSON log or protobuf annotations beside the ROS topics;
# one such channel hides every camera of the recording.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet rosbags==0.11.9 mcap==1.6.0 >/dev/null 2>&1
"$work/venv/bin/python" - "$work" <<'PY'
import sys
from pathlib import Path

from mcap.writer import Writer
from rosbags.rosbag2 import Reader

found = {}
for other in ("", "jsonschema", "protobuf"):
    path = Path(sys.argv[1]) / f"{other or 'plain'}.mcap"
    with path.open("wb") as stream:
        writer = Writer(stream)
        writer.start(profile="ros2", library="")
        schema = writer.register_schema("std_msgs/msg/UInt32", "ros2msg", b"uint32 data")
        channel = writer.register_channel("/count", "cdr", schema)
        if other:
            foreign = writer.register_schema("Note", other, b"")
            notes = writer.register_channel("/notes", other.removesuffix("schema"), foreign)
            writer.add_message(notes, 1, b"{}", 1)
        for t in range(1, 11):
            writer.add_message(channel, t, b"\0\1\0\0" + t.to_bytes(4, "little"), t)
        writer.finish()
    try:
        with Reader(path) as reader:
            found[other] = f"{len(list(reader.messages()))} messages"
    except KeyError as error:
        found[other] = f"KeyError: {error}"
    print(f"{other or 'ROS topics only'}: {found[other]}")
wanted = {"": "10 messages", "jsonschema": "KeyError: 'jsonschema'", "protobuf": "KeyError: 'protobuf'"}
sys.exit(0 if found == wanted else 1)
PY
