"""Input side of the reconstruction node: joins messages into jobs, and drops frames with a counted reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.time import Time
from std_srvs.srv import SetBool

from gsn_perception.ros import interface
from gsn_perception.ros.messages.camera.detections import detections_topic
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.messages.headers import ns_to_stamp
from gsn_perception.ros.node.lifecycle_node import ManagedNode
from gsn_perception.ros.node.reconstruction_worker import FrameJob
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.streams.frame_assembly import Frame
from gsn_perception.ros.streams.frame_assembly import FrameAssembler
from gsn_perception.ros.streams.publisher_monitor import PublisherMonitor


def mask_topic(settings: ReconstructionSettings) -> interface.Topic:
    """The topic of the masks, by the parameter ``mask_transport``.

    Raises:
        InputError: ``polygons`` is set and yolo_msgs is not installed.
    """
    if settings.mask_transport == "polygons":
        return detections_topic()
    return interface.MASK_COMPRESSED if settings.mask_transport == "compressed" else interface.MASK


class FrameIntake:
    """Subscribes to one camera, joins its streams, and applies ``~/enable``, ``max_age`` and ``max_rate``.

    Args:
        node: Owns the subscriptions, diagnostics and settings.
        is_asked: Whether a service request waits for a frame; that frame passes although the node is disabled.
        deliver: Takes a job; returns the waiting job that it supersedes, if any.
    """

    def __init__(
        self,
        node: ManagedNode[ReconstructionSettings],
        is_asked: Callable[[], bool],
        deliver: Callable[[FrameJob], FrameJob | None],
    ) -> None:
        self._node, self._is_asked, self._deliver = node, is_asked, deliver
        self._assembler: FrameAssembler | None = None
        self._lock = threading.Lock()  # of the assembler
        self._publishers = PublisherMonitor(node)
        self._gate = RateLimiter()
        self._syncing = 0.0  # seconds spent on joining the current frame
        self.enabled = True

    def open(self) -> None:
        """Subscribe to the topics that the parameters choose."""
        settings = self._node.settings
        self._gate, self.enabled, self._publishers = RateLimiter(), True, PublisherMonitor(self._node)
        self.restart(settings)
        packed = {"compressedDepth": interface.DEPTH_COMPRESSED, "compressed": interface.DEPTH_FILE}
        compressed = settings.image_transport == "compressed"
        if settings.use_depth:
            self._subscribe(packed.get(settings.depth_transport, interface.DEPTH), "depth")
        if settings.use_mask:
            self._subscribe(mask_topic(settings), "mask")
        self._subscribe(interface.CAMERA_INFO, "camera_info")
        self._subscribe(interface.IMAGE_COMPRESSED if compressed else interface.IMAGE, "image")

    def close(self) -> None:
        """Forget the messages that wait for each other; call it once the subscriptions are destroyed."""
        self.restart(self._node.settings)

    def on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Of the service ``~/enable``."""
        self.enabled = request.data
        response.success, response.message = True, "enabled" if request.data else "disabled; ~/reconstruct still works"
        return response

    def restart(self, settings: ReconstructionSettings) -> None:
        """Replace the assembler, e.g. for another slop; waiting messages are lost."""
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
        """Why no frame is complete, as a sentence; empty when nothing is missing.

        Args:
            after: Seconds after which an image counts as waiting for depth or mask.
        """
        if not self.enabled:
            return "the node is disabled; call ~/enable with true"
        with self._lock:
            if self._assembler is None:
                return ""
            self._assembler.drop_stale()
            missing = self._assembler.missing_input(after)
        if missing:
            for stream in ("image", "camera_info"):
                if reason := self._publishers.why_silent(stream):
                    return f"{missing}; {reason}"
        return missing

    def _drop(self, reason: str) -> None:
        """Count a dropped image; called while the lock is held."""
        sentence = self._assembler.why_unsynchronised() if self._assembler and reason == "unsynchronised" else ""
        if sentence:
            self._node.refuse(reason, sentence)
        else:
            self._node.diagnostics.drop(reason)

    def _subscribe(self, topic: interface.Topic, stream: str) -> None:
        subscription = self._node.subscribe(topic, lambda message: self._on_message(stream, message))
        self._publishers.watch(stream, subscription)

    def _on_message(self, stream: str, message: Any) -> None:
        began = time.perf_counter()
        with self._lock:
            frame = self._assembler.add(stream, message) if self._assembler is not None else None
        self._syncing += time.perf_counter() - began
        if frame is None:
            return
        job, self._syncing = FrameJob(frame, time.monotonic(), self._syncing), 0.0
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


class RateLimiter:
    """Limits the rate of frames by their stamps."""

    def __init__(self) -> None:
        self._last: int | None = None

    def passes(self, stamp: int, rate: float) -> bool:
        """Whether a frame may pass at ``rate`` frames a second; always after a stamp that steps back."""
        if self._last is not None and rate > 0 and 0 <= stamp - self._last < NANOSECONDS / rate * 0.999:
            return False
        self._last = stamp
        return True
