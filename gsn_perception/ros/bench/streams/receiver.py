"""Subscriber that counts the images of ``camera --noise`` and measures their transport time."""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import sys
import time
from collections.abc import Sequence

import rclpy
from rclpy.serialization import deserialize_message

from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.node.executors import start_ros
from gsn_perception.ros.processes.dds_profile import use_dds_profile

_QUIET = 2.0  # seconds without a message after which the camera has ended


def main(args: Sequence[str] | None = None) -> int:
    """Subscribe as a node does (best effort) until the camera has ended; print one line of JSON."""
    parser = argparse.ArgumentParser(prog="receiver", description=__doc__)
    parser.add_argument("--timeout", type=float, default=120.0, help="longest wait for the first image, seconds")
    parser.add_argument("--no-profile", action="store_true", help="without config/fastdds.xml")
    options = parser.parse_args(args)
    if not options.no_profile:
        use_dds_profile()
    start_ros([])
    node = rclpy.create_node("receiver")
    times: list[float] = []
    unpacked: list[float] = []
    last = [time.monotonic() + options.timeout]

    def take(raw: bytes) -> None:
        now = time.time_ns()
        seconds, rest = struct.unpack_from("<iI", raw, 4)
        times.append((now - seconds * NANOSECONDS - rest) / 1e6)
        began = time.perf_counter()
        deserialize_message(raw, interface.IMAGE.type)
        unpacked.append((time.perf_counter() - began) * 1e3)
        last[0] = time.monotonic() + _QUIET

    node.create_subscription(interface.IMAGE.type, interface.IMAGE.name, take, qos.sensor(), raw=True)
    print("listening", flush=True)
    while time.monotonic() < last[0]:
        rclpy.spin_once(node, timeout_sec=0.2)
    node.destroy_node()
    rclpy.try_shutdown()
    median, unpack = (statistics.median(v) if v else float("nan") for v in (times, unpacked))
    print(json.dumps({"received": len(times), "median_ms": median, "unpack_ms": unpack}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
