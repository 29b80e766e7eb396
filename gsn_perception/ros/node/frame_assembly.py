"""The input side of the reconstruction node: messages become jobs, or drops with a reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.time import Time

from gsn_perception.ros import interface
from gsn_perception.ros.messages.camera.detections import detections_topic
from gsn_perception.ros.messages.headers import ns_to_stamp
from gsn_perception.ros.node.lifecycle_node import ManagedNode
from gsn_perception.ros.node.reconstruction_worker import Job
from gsn_perception.ros.parameters.nodes import ReconstructionSettings
from gsn_perception.ros.streams.frames import Frame
from gsn_perception.ros.streams.frames import FrameAssembler
from gsn_perception.ros.streams.frames import RateGate
from gsn_perception.ros.streams.publishers import PublisherMonitor


def mask_topic(settings: ReconstructionSettings) -> interface.Topic:
    """Where masks come from.

    Raises:
        InputError: polygons are asked for and yolo_msgs is not installed.
    """
    if settings.mask_transport == "polygons":
        return detections_topic()
    return interface.MASK_COMPRESSED if settings.mask_transport == "compressed" else interface.MASK


class FrameIntake:
    """Joins the streams of one camera and lets through what is enabled, young enough and not too often.

    Args:
        node: Subscribes, counts, knows the settings.
        is_asked: Whether a service waits for a frame, which then passes though the node is disabled.
        deliver: Takes a job; returns the one it overtakes, if any.
    """

    def __init__(
        self,
        node: ManagedNode[ReconstructionSettings],
        is_asked: Callable[[], bool],
        deliver: Callable[[Job], Job | None],
    ) -> None:
        self._node, self._is_asked, self._deliver = node, is_asked, deliver
        self._assembler: FrameAssembler | None = None
        self._lock = threading.Lock()  # of the assembler
        self._publishers = PublisherMonitor(node)
        self._gate = RateGate()
        self._syncing = 0.0  # seconds spent on the messages of the frame that is being joined
        self.enabled = True

    def open(self) -> None:
        """Subscribe to what the parameters ask for."""
        settings = self._node.settings
        self._gate, self.enabled, self._publishers = RateGate(), True, PublisherMonitor(self._node)
        self.restart(settings)
        packed = {"compressedDepth": interface.DEPTH_COMPRESSED, "compressed": interface.DEPTH_FILE}
        compressed = settings.image_transport == "compressed"
        if settings.use_depth:
            self._listen(packed.get(settings.depth_transport, interface.DEPTH), "depth")
        if settings.use_mask:
            self._listen(mask_topic(settings), "mask")
        self._listen(interface.CAMERA_INFO, "camera_info")
        self._listen(interface.IMAGE_COMPRESSED if compressed else interface.IMAGE, "image")

    def close(self) -> None:
        """Forget the messages that wait for each other; the subscriptions are given back already."""
        with self._lock:
            self._assembler = None

    def restart(self, settings: ReconstructionSettings) -> None:
        """Join anew, e.g. with another slop."""
        streams = tuple(n for n, wanted in (("depth", settings.use_depth), ("mask", settings.use_mask)) if wanted)
        made = FrameAssembler(
            streams,
            int(settings.sync_slop * 1e9),
            self._publishers.is_alive,
            self._drop,
            wait=int(settings.max_wait * 1e9),
            where=self._publishers.where,
        )
        with self._lock:
            self._assembler = made

    def waiting(self, after: float = 1.0) -> str:
        """Why no frame is complete, as far as it can be known; empty when nothing is missing.

        Args:
            after: Seconds from which on an image counts as waiting for its depth or mask.
        """
        if not self.enabled:
            return "the node is disabled; call ~/enable with true"
        with self._lock:
            if self._assembler is None:
                return ""
            self._assembler.rest()
            missing = self._assembler.lack(after)
        if missing:
            for stream in ("image", "camera_info"):
                if reason := self._publishers.why_silent(stream):
                    return f"{missing}; {reason}"
        return missing

    def _drop(self, reason: str) -> None:
        """An image is given up, while the lock is held."""
        sentence = self._assembler.out_of_step() if self._assembler and reason == "unsynchronised" else ""
        if sentence:
            self._node.refuse(reason, sentence)
        else:
            self._node.diagnostics.drop(reason)

    def _listen(self, topic: interface.Topic, stream: str) -> None:
        subscription = self._node.listen(topic, lambda message: self._take(stream, message))
        self._publishers.know(stream, subscription)

    def _take(self, stream: str, message: Any) -> None:
        began = time.perf_counter()
        with self._lock:
            frame = self._assembler.add(stream, message) if self._assembler is not None else None
        self._syncing += time.perf_counter() - began
        if frame is None:
            return
        job, self._syncing = Job(frame, time.monotonic(), self._syncing), 0.0
        settings, asked, drop = self._node.settings, self._is_asked(), self._node.diagnostics.drop
        if not (self.enabled or asked):
            drop("disabled")
        elif self._is_stale(frame, settings.max_age):
            self._node.refuse("stale", f"the frame is older than max_age = {settings.max_age} s")
        elif not (self._gate.passes(frame.stamp, settings.max_rate) or asked):
            drop("max_rate")
        elif self._deliver(job) is not None:
            drop("overtaken")

    def _is_stale(self, frame: Frame, max_age: float) -> bool:
        if max_age <= 0:
            return False
        clock = self._node.get_clock()
        stamp = Time.from_msg(ns_to_stamp(frame.stamp), clock_type=clock.clock_type)
        return bool((clock.now() - stamp).nanoseconds > max_age * 1e9)
