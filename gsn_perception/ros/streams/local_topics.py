"""Hands values from a publisher to the subscribers of its topic in the same process, by reference.

A topic is known by the DDS domain and its fully qualified name, so that remapping, namespaces and domains decide as they do
for messages. As on a latched topic, a new subscriber gets the last value of every publisher.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

from rclpy.node import Node

Take = Callable[[Any], None]


class _Channel:
    """Publishers and receivers of one topic; both keep it alive."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # held while a value is delivered: a receiver gets values in their order
        self.publishers: list[LocalPublisher] = []
        self.receivers: list[LocalReceiver] = []


_channels: weakref.WeakValueDictionary[tuple[int, str], _Channel] = weakref.WeakValueDictionary()
_channels_lock = threading.Lock()


def _channel(node: Node, topic: str) -> _Channel:
    key = node.context.get_domain_id(), topic
    with _channels_lock:
        found = _channels.get(key)
        if found is None:
            found = _channels[key] = _Channel()
        return found


class LocalPublisher:
    """Hands values to the receivers of one topic.

    Args:
        node: Its context gives the domain.
        topic: Fully qualified name.
    """

    def __init__(self, node: Node, topic: str) -> None:
        self._node, self._topic = node, topic
        self._channel = _channel(node, topic)
        self.last: list[Any] = []  # the last value, for new receivers
        with self._channel.lock:
            self._channel.publishers.append(self)

    def offer(self, value: Any) -> None:
        """Deliver a value in this thread, and to receivers that come later."""
        with self._channel.lock:
            self.last = [value]
            for receiver in list(self._channel.receivers):
                receiver.take(value)

    @property
    def has_receivers(self) -> bool:
        """Whether anyone in this process takes the values."""
        return bool(self._channel.receivers)

    def count_others(self, subscribers: int) -> int:
        """How many of ``subscribers`` matched subscriptions are none of a receiver's node, so that they need messages."""
        with self._channel.lock:
            own = {(r.node.get_name(), r.node.get_namespace()) for r in self._channel.receivers}
        if not own or not subscribers:
            return subscribers
        found = [(e.node_name, e.node_namespace) for e in self._node.get_subscriptions_info_by_topic(self._topic)]
        local = sum(min(found.count(name), 1) for name in own)
        return max(len(found), subscribers) - local

    def close(self) -> None:
        """Deliver nothing any more."""
        with self._channel.lock:
            self.last = []
            if self in self._channel.publishers:
                self._channel.publishers.remove(self)


class LocalReceiver:
    """Takes the values of one topic's publishers in this process.

    Args:
        node: Its context gives the domain; its subscription of the topic needs no messages of these publishers.
        topic: Fully qualified name.
        take: Called with each value, in the publisher's thread; must be quick and must not raise.
    """

    def __init__(self, node: Node, topic: str, take: Take) -> None:
        self.node, self.take = node, take
        self._channel = _channel(node, topic)
        with self._channel.lock:
            self._channel.receivers.append(self)
            for publisher in self._channel.publishers:
                for value in publisher.last:
                    take(value)

    @property
    def has_publishers(self) -> bool:
        """Whether anyone in this process publishes values of the topic."""
        return bool(self._channel.publishers)

    def close(self) -> None:
        """Take nothing any more; ``take`` is not called after this returns, except by a call from it."""
        with self._channel.lock:
            if self in self._channel.receivers:
                self._channel.receivers.remove(self)
