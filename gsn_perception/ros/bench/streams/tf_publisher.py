"""Publishes /tf at a steady rate: the camera's frame under a base, and other frames beside it.

Run it with ``python -m``. ``--rate 200 --transforms 10`` is a robot with many joints. It prints one line of JSON when it
ends: the wall-clock times (nanoseconds) of its first and last message, and their number.
"""

from __future__ import annotations

import argparse
import json
import signal
import struct
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.serialization import serialize_message

from gsn_perception.ros import optional
from gsn_perception.ros import qos
from gsn_perception.ros.bench.camera import FRAME_ID
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.node.executors import start_ros
from gsn_perception.ros.processes.dds_profile import use_dds_profile

BASE = "base"
_MARK = 1234567890 * NANOSECONDS + 987654321  # a stamp that is found again in the serialised message


class TransformStamper:
    """A serialised tf2_msgs/TFMessage whose stamps are replaced in place.

    Args:
        kind: The message class.
        count: Transforms; the first is that of the camera's frame.
    """

    def __init__(self, kind: Any, count: int) -> None:
        names = [FRAME_ID, *(f"link_{number}" for number in range(1, count))]
        transforms = [TransformStamped(header=make_header(_MARK, BASE), child_frame_id=name) for name in names]
        self._data = bytearray(serialize_message(kind(transforms=transforms)))
        mark = struct.pack("<iI", *divmod(_MARK, NANOSECONDS))
        parts = bytes(self._data).split(mark)
        self._places = [len(mark.join(parts[:number])) for number in range(1, len(parts))]
        assert len(self._places) == count

    def at(self, stamp: int) -> bytes:
        """The message with every stamp at ``stamp`` nanoseconds."""
        for place in self._places:
            struct.pack_into("<iI", self._data, place, *divmod(stamp, NANOSECONDS))
        return bytes(self._data)


def main(args: Sequence[str] | None = None) -> int:
    """Publish for ``--seconds``, or until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="tf_publisher", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="messages a second")
    parser.add_argument("--transforms", type=int, default=10, help="transforms in a message")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long; 0: until interrupted")
    options = parser.parse_args(args)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    use_dds_profile()
    start_ros([])
    kind = optional.require("tf2_msgs.msg").TFMessage
    node = rclpy.create_node(f"tf_publisher_{options.rate:.0f}")
    publisher = node.create_publisher(kind, "/tf", qos.reliable(100))
    stop.wait(2.0)  # discovery
    stamper, began, sent = TransformStamper(kind, options.transforms), time.time_ns(), 0
    due = time.monotonic()
    while not stop.wait(max(due - time.monotonic(), 0)) and not 0 < options.seconds <= (time.time_ns() - began) / 1e9:
        publisher.publish(stamper.at(time.time_ns()))
        sent += 1
        due = max(due + 1 / options.rate, time.monotonic() - 0.1)
    print(json.dumps({"began": began, "ended": time.time_ns(), "sent": sent}), flush=True)
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
