"""Publishers of the node's input topics: how many there are, since when none, and of which type."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

GRACE = 2.0
"""Seconds that a publisher may be missing, e.g. while it restarts, before frames are made without its stream."""


class PublisherMonitor:
    """The publishers of the topics that a node is subscribed to.

    Args:
        node: Queries the ROS graph.
        clock: Returns seconds.
    """

    def __init__(self, node: Node, clock: Callable[[], float] = time.monotonic) -> None:
        self._node, self._clock = node, clock
        self._topics: dict[str, tuple[str, Any]] = {}  # name and type; a destroyed subscription can't tell them
        self._seen: dict[str, float] = {}

    def watch(self, stream: str, subscription: Subscription) -> None:
        """Register the subscription of a stream; before, the stream counts as unpublished."""
        self._topics[stream] = subscription.topic_name, subscription.msg_type

    def is_alive(self, stream: str) -> bool:
        """Whether the stream has a publisher, or had one within :data:`GRACE` seconds."""
        now = self._clock()
        if self._count(stream):
            self._seen[stream] = now
        return now - self._seen.get(stream, -inf) < GRACE

    def where(self, stream: str) -> str:
        """E.g. ``advertised on /mask by 1 publisher``; names publishers of another message type."""
        topic, count = self._topics[stream][0], self._count(stream)
        foreign = self._foreign(stream)
        by = f"{count} publisher{'s' if count != 1 else ''}"
        return f"advertised on {topic} by {by}{f' {foreign},' if foreign else ''}"

    def why_silent(self, stream: str) -> str:
        """Why no message comes, by the ROS graph: no publisher, or another message type; else empty."""
        if stream not in self._topics:
            return ""
        topic = self._topics[stream][0]
        if not self._count(stream):
            return f"nobody publishes {topic}"
        foreign = self._foreign(stream)
        return f"{topic} is published {foreign}; remap it or set the transport" if foreign else ""

    def _foreign(self, stream: str) -> str:
        """Names the message types of publishers that do not match; the middleware ignores them without an event."""
        topic, kind = self._topics[stream]
        wanted = f"{kind.__module__.split('.', maxsplit=1)[0]}/msg/{kind.__name__}"
        found = self._node.get_publishers_info_by_topic(topic)
        others = sorted({info.topic_type for info in found} - {wanted})
        return f"as {' and '.join(others)}, not as {wanted}" if others else ""

    def _count(self, stream: str) -> int:
        return self._node.count_publishers(self._topics[stream][0]) if stream in self._topics else 0
