"""Simulated RGB-D camera: rendered objects that appear and disappear on a table, published at a constant rate.

``python -m gsn_perception.ros.bench.camera --rate 30`` publishes ``image``, ``camera_info``, ``depth`` and ``mask`` with
the current time as stamps, best effort as cameras do, until it is interrupted; then it prints one line of JSON.
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
from dataclasses import replace

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Observation
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.camera.camera_info import from_camera
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.node.executors import start_ros
from gsn_perception.ros.processes.dds_profile import use_dds_profile

FRAME_ID = "camera_color_optical_frame"
ON_THE_TABLE = ((1,), (1, 2), (1, 2, 3), (2, 3), (3,), (), (2,), (1, 3))  # labels on the table in each phase
_STAMP = 4  # bytes of CDR encapsulation before the stamp, the first field of all four messages


def table_frames(seed: int, views: int = 2) -> list[Observation]:
    """``views`` frames of every phase of :data:`ON_THE_TABLE`, 640x480, with depth and labels."""
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.sensor import DepthSensor
    from gsn_perception.scenes.tabletop import random_tabletop

    families = ("carton", "mug", "bottle")
    items = [random_object(100 * seed + i, family) for i, family in enumerate(families)]
    scene, camera = random_tabletop([i.scaled(0.12 / float(i.extent.max())) for i in items], seed, len(items))
    path = scene.orbit(camera, views * len(ON_THE_TABLE), arc=np.deg2rad(60))
    frames = []
    for number, place in enumerate(path):
        labels = ON_THE_TABLE[number // views]
        shown = replace(scene, placed=tuple(p for p in scene.placed if p.label in labels), _caster=[])
        seen = shown.observe(place, sensor=DepthSensor(), seed=number, supersample=1, frame_id=FRAME_ID)
        frames.append(replace(seen, support_plane=None))
    return frames


def noise_frame(seed: int) -> Observation:
    """A 640x480 colour image of noise."""
    image = np.random.default_rng(seed).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    return Observation(image, Camera.from_fov(1.0, 640, 480), frame_id=FRAME_ID)


def serialised(frame: Observation) -> dict[str, bytearray]:
    """Topic to serialised message, the image last; :func:`stamped` sets the stamp."""
    header = make_header(0, frame.frame_id)
    made = {interface.CAMERA_INFO.name: from_camera(frame.camera, header)}
    if frame.depth is not None:
        made[interface.DEPTH.name] = images.from_depth(frame.depth, header)
    if frame.mask is not None:
        made[interface.MASK.name] = images.from_mask(frame.mask, header)
    made[interface.IMAGE.name] = images.from_rgb(frame.image, header)
    return {name: bytearray(serialize_message(message)) for name, message in made.items()}


def stamped(message: bytearray, stamp: int) -> bytes:
    """The serialised message with another stamp (nanoseconds)."""
    struct.pack_into("<iI", message, _STAMP, *divmod(stamp, NANOSECONDS))
    return bytes(message)


class CameraStream:
    """Publishes frames in turn.

    Args:
        node: Owns the publishers.
        frames: Frames from :func:`serialised`.
        dwell: Repetitions of each frame.
    """

    def __init__(self, node: Node, frames: Sequence[dict[str, bytearray]], dwell: int) -> None:
        self._frames, self._dwell = frames, dwell
        types = {t.name: t.type for t in interface.RECONSTRUCTION_INPUTS}
        self._publishers: dict[str, Publisher] = {
            name: node.create_publisher(types[name], name, qos.sensor(5)) for name in frames[0]
        }
        self.sent = 0
        self.late = 0

    def wait(self, timeout: float, stop: threading.Event) -> None:
        """Wait for a subscriber of the image, at most ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not self._publishers[interface.IMAGE.name].get_subscription_count():
            if time.monotonic() > deadline or stop.wait(0.05):
                return
        stop.wait(1.0)  # until the subscriber has matched, too

    def run(self, rate: float, stop: threading.Event, count: int = 0) -> None:
        """Publish ``rate`` frames a second: ``count`` frames, or (0) until ``stop``."""
        due = time.monotonic()
        while not stop.wait(max(due - time.monotonic(), 0)) and not 0 < count <= self.sent:
            self.late += time.monotonic() - due > 1 / rate
            frame, stamp = self._frames[self.sent // self._dwell % len(self._frames)], time.time_ns()
            for name, message in frame.items():
                self._publishers[name].publish(stamped(message, stamp))
            self.sent += 1
            due = max(due + 1 / rate, time.monotonic() - 1)


def main(args: Sequence[str] | None = None) -> int:
    """Publish until SIGINT or SIGTERM, or ``--count`` frames."""
    parser = argparse.ArgumentParser(prog="camera", description=__doc__)
    parser.add_argument("--rate", type=float, default=30.0, help="frames a second")
    parser.add_argument("--count", type=int, default=0, help="frames; 0: until interrupted")
    parser.add_argument("--dwell", type=float, default=1.0, help="seconds that every frame stays")
    parser.add_argument("--wait", type=float, default=120.0, help="longest wait for subscribers, seconds")
    parser.add_argument("--seed", type=int, default=0, help="of the scene")
    parser.add_argument("--noise", action="store_true", help="one image of noise instead of a scene; no depth, no mask")
    parser.add_argument("--no-profile", action="store_true", help="without config/fastdds.xml")
    options = parser.parse_args(args)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if not options.no_profile:
        use_dds_profile()
    found = [noise_frame(options.seed)] if options.noise else table_frames(options.seed)
    frames = [serialised(frame) for frame in found]
    start_ros([])
    node = rclpy.create_node("camera")
    stream = CameraStream(node, frames, max(round(options.dwell * options.rate), 1))
    stream.wait(options.wait, stop)
    stream.run(options.rate, stop, options.count)
    time.sleep(0.5)  # for messages in transit
    node.destroy_node()
    rclpy.try_shutdown()
    print(json.dumps({"sent": stream.sent, "late": stream.late}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
