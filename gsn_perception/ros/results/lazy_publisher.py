"""Lazy publisher: converts and publishes a result only while there is a subscriber outside this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from typing import Generic
from typing import TypeVar

from rclpy.callback_groups import CallbackGroup
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.lifecycle import LifecycleNode

from gsn_perception.ros import qos
from gsn_perception.ros.interface import Topic
from gsn_perception.ros.streams.local_topics import LocalPublisher

R = TypeVar("R")


class LazyPublisher(Generic[R]):
    """Lazy publisher of one topic of a lifecycle node.

    A result is converted and published while there is a subscriber. Without one, a latched topic keeps the result and
    converts it when a subscriber comes; a sensor topic drops it. Subscribers in this process that take values get the
    result by reference; for them nothing is converted.

    Args:
        node: Owns the publisher.
        topic: Name, type, QoS.
        convert: Makes the message, or its serialised bytes; None publishes nothing.
        group: Callback group of the event of a new subscriber.
        on_publish: Called with the topic's name and the result.
        on_error: Called with the exception of a conversion for a late subscriber.
        on_incompatible: Called with the event of a subscriber whose QoS the topic does not offer.
        share: Makes what subscribers in this process get in place of the message; None: they get messages, too.
    """

    def __init__(
        self,
        node: LifecycleNode,
        topic: Topic,
        convert: Callable[[R], Any],
        *,
        group: CallbackGroup,
        on_publish: Callable[[str, R], None],
        on_error: Callable[[Exception], object],
        on_incompatible: Callable[[Any], None],
        share: Callable[[R], Any] | None = None,
    ) -> None:
        self._node, self._topic, self._convert = node, topic, convert
        self._on_publish, self._on_error, self._share = on_publish, on_error, share
        self._lock = threading.Lock()
        self._kept: list[R] = []
        self.seconds = (0.0, 0.0)  # of converting and of publishing the last result
        latched = topic.qos == "latched"
        self._keeps = latched
        self._publisher = node.create_lifecycle_publisher(
            topic.type,
            topic.name,
            qos.latched() if latched else qos.sensor(),
            callback_group=group,
            event_callbacks=PublisherEventCallbacks(
                matched=self._on_matched if latched else None, incompatible_qos=on_incompatible
            ),
            qos_overriding_options=qos.overridable(),
        )
        self._local = None if share is None else LocalPublisher(node, self._publisher.topic_name)

    def share(self, result: R) -> None:
        """Hand the result to the subscribers in this process; to be called before :meth:`send`."""
        if self._local is not None and self._share is not None and self._publisher.is_activated:
            self._local.offer(self._share(result))

    def send(self, result: R) -> None:
        """Publish now with a subscriber; else a latched topic publishes when one comes."""
        with self._lock:
            self._kept.clear()
            self.seconds = (0.0, 0.0)
            if self._count_subscribers():
                self._publish(result)
                return
            if self._keeps:
                self._kept.append(result)
            if self._local is not None and self._local.has_receivers:
                self._on_publish(self._topic.name, result)

    def send_now(self, result: R) -> None:
        """Publish without a subscriber, too, so that no older message stays latched."""
        self.share(result)
        with self._lock:
            self._kept.clear()
            self._publish(result)

    def close(self) -> None:
        """Destroy the publisher."""
        with self._lock:
            self._kept.clear()
            if self._local is not None:
                self._local.close()
            self._node.destroy_lifecycle_publisher(self._publisher)

    def _count_subscribers(self) -> int:
        """Number of subscribers that need messages."""
        count = int(self._publisher.get_subscription_count())
        return count if self._local is None else self._local.count_others(count)

    def _publish(self, result: R) -> None:
        began = time.perf_counter()
        message = self._convert(result)
        converted = time.perf_counter()
        if message is not None:
            self._publisher.publish(message)
            self._on_publish(self._topic.name, result)
        self.seconds = (converted - began, time.perf_counter() - converted)

    def _on_matched(self, event: Any) -> None:
        if event.current_count_change <= 0:
            return
        try:
            with self._lock:
                if self._kept and self._publisher.is_activated:
                    self._publish(self._kept.pop())
        except Exception as error:  # no conversion may end an executor thread
            self._on_error(error)
