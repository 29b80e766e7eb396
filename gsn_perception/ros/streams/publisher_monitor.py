"""Who publishes the streams of a camera, and since when nobody does."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

GRACE = 2.0
"""Seconds that a publisher may be away, e.g. to start again, before frames go on without it."""


class PublisherMonitor:
    """The publishers of the topics that a node is subscribed to.

    Args:
        node: Asks the graph.
        clock: Seconds.
    """

    def __init__(self, node: Node, clock: Callable[[], float] = time.monotonic) -> None:
        self._node, self._clock = node, clock
        self._topics: dict[str, tuple[str, Any]] = {}  # name and type: a destroyed subscription cannot tell them
        self._seen: dict[str, float] = {}

    def watch(self, stream: str, subscription: Subscription) -> None:
        """The subscription of a stream, which counts as published by nobody until then."""
        self._topics[stream] = subscription.topic_name, subscription.msg_type

    def is_alive(self, stream: str) -> bool:
        """Whether somebody publishes the stream, or did a moment ago."""
        now = self._clock()
        if self._count(stream):
            self._seen[stream] = now
        return now - self._seen.get(stream, -inf) < GRACE

    def where(self, stream: str) -> str:
        """E.g. ``advertised on /mask by 1 publisher``; a type that can't be heard is named."""
        topic, count = self._topics[stream][0], self._count(stream)
        foreign = self._foreign(stream)
        by = f"{count} publisher{'s' if count != 1 else ''}"
        return f"advertised on {topic} by {by}{f' {foreign},' if foreign else ''}"

    def why_silent(self, stream: str) -> str:
        """Why nothing comes, as far as the graph tells: nobody publishes it, or with another type; else empty."""
        if stream not in self._topics:
            return ""
        topic = self._topics[stream][0]
        if not self._count(stream):
            return f"nobody publishes {topic}"
        foreign = self._foreign(stream)
        return f"{topic} is published {foreign}; remap it or set the transport" if foreign else ""

    def _foreign(self, stream: str) -> str:
        """The types of the publishers that can't be heard; the middleware drops them without a word, event or not."""
        topic, kind = self._topics[stream]
        wanted = f"{kind.__module__.split('.', maxsplit=1)[0]}/msg/{kind.__name__}"
        found = self._node.get_publishers_info_by_topic(topic)
        others = sorted({info.topic_type for info in found} - {wanted})
        return f"as {' and '.join(others)}, not as {wanted}" if others else ""

    def _count(self, stream: str) -> int:
        return self._node.count_publishers(self._topics[stream][0]) if stream in self._topics else 0
