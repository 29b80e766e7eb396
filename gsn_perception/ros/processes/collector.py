"""Subscribes to the outputs of the two nodes, counts messages and keeps the newest ones."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions

from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages import markers
from gsn_perception.ros.messages.cdr import CdrReader
from gsn_perception.ros.messages.diagnostics import node_of
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.processes.dds_profile import use_dds_profile

OUTPUTS = (*interface.RECONSTRUCTION_OUTPUTS, interface.RENDER, *interface.GRASP_OUTPUTS)
_TIMED = (
    interface.IMAGE,
    interface.GAUSSIANS,
    interface.GRASP_TABLE,
)  # cheap to decode; they show when a frame is finished


class Collector:
    """A DDS participant that counts the messages of the nodes and keeps the last one of each topic; a context manager.

    Messages are kept serialised and decoded on request, which costs little time. ``arrivals`` and ``widths`` hold, by
    topic and stamp, the arrival of images, clouds and tables (monotonic seconds) and their width; ``objects`` holds, by
    stamp, the number of objects on ``mesh``.

    Args:
        domain: DDS domain.
        namespace: Namespace of the nodes.
        topics: Subscribed topics; a node converts results only for subscribed topics.
    """

    def __init__(
        self, domain: int, *, namespace: str = "", topics: Sequence[interface.Topic] = (interface.IMAGE, *OUTPUTS)
    ) -> None:
        use_dds_profile()  # before the middleware is loaded
        self._lock = threading.Lock()
        self._raw: dict[str, bytes] = {}
        self.counts: Counter[str] = Counter()
        self.arrivals: dict[str, dict[int, float]] = defaultdict(dict)
        self.widths: dict[str, dict[int, int]] = defaultdict(dict)
        self.objects: dict[int, int] = {}
        self._diagnostics: dict[str, list[dict[str, str]]] = defaultdict(list)
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("gsn_collector", namespace=namespace, context=self._context)
        for topic in topics:
            self._subscribe(topic)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=10))
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def __enter__(self) -> Collector:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the participant."""
        self._context.try_shutdown()
        self._thread.join(timeout=5)
        self._executor.shutdown(timeout_sec=1)
        self._node.destroy_node()

    def message(self, topic: interface.Topic) -> Any | None:
        """The last message of an output topic, or None."""
        with self._lock:
            raw = self._raw.get(topic.name)
        return None if raw is None else deserialize_message(raw, topic.type)

    def diagnostics(self, node: str) -> list[dict[str, str]]:
        """The diagnostics of a node (absolute name) so far, oldest first; key ``message`` is the status message."""
        with self._lock:
            return list(self._diagnostics[node])

    def forget(self) -> None:
        """Reset all counts and messages."""
        with self._lock:
            self._raw.clear()
            self.counts.clear()
            self.arrivals.clear()
            self.widths.clear()
            self.objects.clear()
            self._diagnostics.clear()

    def wait(self, done: Callable[[], bool], timeout: float, check: Callable[[], None] = lambda: None) -> bool:
        """Wait until ``done``; False after ``timeout`` seconds. ``check`` may raise an exception to end the wait."""
        deadline = time.monotonic() + timeout
        while not done():
            check()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _subscribe(self, topic: interface.Topic) -> None:
        # deeper queues than the interface's, so that no message is missed
        profile = qos.latched(10) if topic.qos == "latched" else qos.sensor(10)
        self._node.create_subscription(
            topic.type, topic.name, lambda raw: self._on_message(topic, raw), profile, raw=True
        )

    def _on_message(self, topic: interface.Topic, raw: Any) -> None:
        now = time.monotonic()
        message = deserialize_message(raw, topic.type) if topic in _TIMED else None
        with self._lock:
            self.counts[topic.name] += 1
            self._raw[topic.name] = raw
            if topic == interface.MESH and (found := markers.stamp_of(raw)) is not None:
                self.objects[found] = CdrReader(raw).count() - 1  # the first marker deletes the last frame's
            if message is not None:
                stamp = stamp_to_ns(message.header.stamp)
                self.arrivals[topic.name].setdefault(stamp, now)
                self.widths[topic.name].setdefault(stamp, message.width)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        with self._lock:
            for status in message.status:
                report = {value.key: value.value for value in status.values}
                self._diagnostics[node_of(status)].append({**report, "message": status.message})

    def _spin(self) -> None:
        while self._context.ok():
            try:
                self._executor.spin_once(timeout_sec=0.2)
            except Exception:
                if self._context.ok():
                    raise
