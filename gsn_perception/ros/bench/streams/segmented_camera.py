"""Simulated RGB-D camera with a segmenter whose masks come late, with the stamp of their image.

Run it with ``python -m``; ``--rate 30 --late 0.4`` publishes ``image``, ``camera_info``, ``depth`` and, ``--late`` seconds
after its image, a ``mask`` of one of the two objects in view. It subscribes to ``gaussians`` and prints one line of JSON:
the published stamps, and the labels of the results for each.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from gsn_perception.geometry import Observation
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.bench.camera import FRAME_ID
from gsn_perception.ros.bench.camera import serialised
from gsn_perception.ros.bench.camera import stamped
from gsn_perception.ros.messages import clouds
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.node.executors import spin
from gsn_perception.ros.node.executors import start_ros
from gsn_perception.ros.processes.dds_profile import use_dds_profile

LABEL = 7
_QUIET = 3.0  # seconds without a result after which the node counts as finished
_LONGEST = 30.0


def segmented_frame(seed: int) -> Observation:
    """Two objects on a table, 640x480; the mask holds one of them, as :data:`LABEL`."""
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.sensor import DepthSensor
    from gsn_perception.scenes.tabletop import random_tabletop

    items = [random_object(seed + number, family) for number, family in enumerate(("carton", "bottle"))]
    scene, camera = random_tabletop([i.scaled(0.12 / float(i.extent.max())) for i in items], seed + 3, len(items))
    seen = scene.observe(camera, sensor=DepthSensor(), seed=seed, supersample=1, frame_id=FRAME_ID)
    assert seen.mask is not None
    return replace(seen, support_plane=None, mask=np.where(seen.mask == 2, LABEL, 0).astype(np.uint8))


class LateSegmenter:
    """Decides which image gets a mask, and when it is published.

    Args:
        late: Seconds from an image to its mask; 0: no masks.
        every: Whether every image gets a mask; else one at a time, of the newest image when the last mask is finished.
    """

    def __init__(self, late: float, *, every: bool) -> None:
        self.late, self._every = late, every
        self._due: deque[tuple[float, int]] = deque()

    def add_image(self, stamp: int, now: float) -> None:
        """Register an image."""
        if self.late and (self._every or not self._due):
            self._due.append((now + self.late, stamp))

    def next(self) -> float:
        """Time at which the next mask is due; infinite without one."""
        return self._due[0][0] if self._due else float("inf")

    def take(self, now: float) -> int | None:
        """Remove and return the stamp of a mask that is due; None without one."""
        return self._due.popleft()[1] if self.next() <= now else None


class SegmentedStream:
    """Publishes images, depth and masks of one frame, and stores the results.

    Args:
        node: Owns the publishers.
        frame: The published frame.
        segmenter: Times of the masks.
        depth_every: Depth is published with every n-th image.
    """

    def __init__(self, node: Node, frame: Observation, segmenter: LateSegmenter, depth_every: int) -> None:
        self._messages, self._segmenter, self._depth_every = serialised(frame), segmenter, depth_every
        streams = [t for t in interface.RECONSTRUCTION_INPUTS if t is not interface.MASK or segmenter.late]
        self._publishers = {t.name: node.create_publisher(t.type, t.name, qos.sensor(5)) for t in streams}
        node.create_subscription(interface.GAUSSIANS.type, interface.GAUSSIANS.name, self._on_result, qos.reliable(50))
        self.sent: dict[str, list[int]] = {name: [] for name in self._publishers}
        self.results: list[tuple[int, list[int]]] = []

    def wait(self, timeout: float) -> None:
        """Wait until every topic has a subscriber, at most ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if all(publisher.get_subscription_count() for publisher in self._publishers.values()):
                break
            time.sleep(0.05)
        time.sleep(1.0)  # until the subscribers have matched, too

    def run(self, rate: float, seconds: float) -> None:
        """Publish images for ``seconds``, and go on until the last mask is published."""
        began, first, number = time.monotonic(), time.time_ns(), 0
        while number < rate * seconds or self._segmenter.next() < float("inf"):
            due = began + number / rate
            time.sleep(max(min(due, self._segmenter.next()) - time.monotonic(), 0))
            now = time.monotonic()
            if (stamp := self._segmenter.take(now)) is not None:
                self._publish("mask", stamp)
            elif now >= due:
                # stamp of the exposure: a busy machine publishes late, but exposures stay evenly spaced
                self._publish_image(number, first + round(1e9 * number / rate), wanted=number < rate * seconds)
                number += 1

    def settle(self) -> None:
        """Wait until no result has come for some seconds."""
        deadline = time.monotonic() + _LONGEST
        count, since = len(self.results), time.monotonic()
        while time.monotonic() < min(deadline, since + _QUIET):
            time.sleep(0.1)
            if len(self.results) != count:
                count, since = len(self.results), time.monotonic()

    def _publish_image(self, number: int, stamp: int, *, wanted: bool) -> None:
        self._publish("camera_info", stamp)
        if number % self._depth_every == 0:
            self._publish("depth", stamp)
        self._publish("image", stamp)
        if wanted:
            self._segmenter.add_image(stamp, time.monotonic())

    def _publish(self, name: str, stamp: int) -> None:
        self._publishers[name].publish(stamped(self._messages[name], stamp))
        self.sent[name].append(stamp)

    def _on_result(self, cloud: Any) -> None:
        labels = np.unique(clouds.from_message(cloud, "label")["label"])
        self.results.append((stamp_to_ns(cloud.header.stamp), [int(label) for label in labels]))


def main(args: Sequence[str] | None = None) -> int:
    """Publish for ``--seconds``."""
    parser = argparse.ArgumentParser(prog="segmented", description=__doc__)
    parser.add_argument("--rate", type=float, default=30.0, help="images a second")
    parser.add_argument("--depth-every", type=int, default=1, help="depth with every n-th image")
    parser.add_argument("--late", type=float, default=0.4, help="seconds from an image to its mask; 0: no masks")
    parser.add_argument("--every", action="store_true", help="a mask for every image, not one after the other")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long")
    parser.add_argument("--seed", type=int, default=0, help="of the scene")
    options = parser.parse_args(args)
    use_dds_profile()
    frame = segmented_frame(options.seed)
    start_ros([])
    node = rclpy.create_node("segmented")
    stream = SegmentedStream(node, frame, LateSegmenter(options.late, every=options.every), options.depth_every)
    executor, stop = SingleThreadedExecutor(), threading.Event()
    executor.add_node(node)
    thread = threading.Thread(target=spin, args=(executor, stop.is_set), daemon=True)
    thread.start()
    stream.wait(120)
    stream.run(options.rate, options.seconds)
    stream.settle()
    stop.set()
    thread.join()
    node.destroy_node()
    rclpy.try_shutdown()
    print(json.dumps({"sent": stream.sent, "results": stream.results}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
