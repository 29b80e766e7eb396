#!/usr/bin/env bash
# rosbags 0.11.9 gives 0 messages of a recording whose metadata.yaml tells another QoS than its MCAP file.
#
# One would expect: all 10. The QoS says how to publish them again, not which they are; editing it in metadata.yaml is
# how people make a recording of a best-effort camera play as reliable.
# What happens: `Reader.messages()` ends at once, without an error, while `message_count` says 10. rosbags joins the topics
# of metadata.yaml to those of the file by name, type *and* offered QoS. The file alone gives all.
# Why it matters: one edited line, and every camera of the recording seems to have been silent.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet rosbags==0.11.9 >/dev/null 2>&1
"$work/venv/bin/python" - "$work" <<'PY'
import sys
from pathlib import Path

from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

root, store, zero = Path(sys.argv[1]), get_typestore(Stores.ROS2_JAZZY), QosTime(0, 0)
qos = Qos(
    QosHistory.KEEP_LAST, 10, QosReliability.BEST_EFFORT, QosDurability.VOLATILE, zero, zero,
    QosLiveliness.AUTOMATIC, zero, False,
)
with Writer(root / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
    to = writer.add_connection("/count", "std_msgs/msg/UInt32", typestore=store, offered_qos_profiles=[qos])
    for t in range(1, 11):
        writer.write(to, t, b"\0\1\0\0" + t.to_bytes(4, "little"))


def count(path):
    with Reader(path) as reader:
        return len(list(reader.messages())), reader.message_count


before = count(root / "bag")
metadata = root / "bag" / "metadata.yaml"
text = metadata.read_text()
assert "reliability: best_effort" in text, text
metadata.write_text(text.replace("reliability: best_effort", "reliability: reliable"))
after, alone = count(root / "bag"), count(root / "bag" / "bag.mcap")
for name, (found, says) in (("as recorded", before), ("QoS edited", after), ("the file alone", alone)):
    print(f"{name}: {found} messages, message_count {says}")
sys.exit(0 if (before[0], after[0], alone[0]) == (10, 0, 10) else 1)
PY
