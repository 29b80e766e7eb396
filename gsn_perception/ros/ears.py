"""A node's subscriptions, and who publishes what they can't hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSCompatibility
from rclpy.qos import qos_check_compatible
from rclpy.subscription import Subscription

from gsn_perception.ros import qos
from gsn_perception.ros.interface import Topic
from gsn_perception.ros.polling import PolledGroup
from gsn_perception.ros.polling import Poller


class Ears:
    """The subscriptions of a node while it is active.

    Args:
        node: Owns them.
        on_error: Called with what a message raised before it came to its callback.
    """

    def __init__(self, node: Node, on_error: Callable[[Exception], object]) -> None:
        self._node = node
        self._group = PolledGroup()
        self._made: list[tuple[str, Subscription]] = []  # with the topic's name: one that is destroyed cannot tell it
        self._poller = Poller(on_error)
        self._unheard: set[bytes] = set()

    def listen(self, topic: Topic, callback: Callable[[Any], None], *, raw: bool = False) -> Subscription:
        """Subscribe with the topic's QoS (overridable); ``callback`` must not raise."""
        profile = qos.of(topic.qos)
        subscription = self._node.create_subscription(
            topic.type,
            topic.name,
            callback,
            profile,
            callback_group=self._group,
            # an event in the executor's wait set wakes it for data, too, again and again until the data is taken;
            # publishers that offer less than is asked for are looked for with the diagnostics instead
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
            qos_overriding_options=qos.overridable(),
            raw=raw,
        )
        self._made.append((subscription.topic_name, subscription))
        self._poller.add(subscription, callback, every=profile.depth > 1)
        return subscription

    def close(self) -> None:
        """Give every subscription back."""
        self._poller.close()
        self._unheard.clear()
        while self._made:
            self._node.destroy_subscription(self._made.pop()[1])

    def check(self, report: Callable[[str, str], None]) -> None:
        """Report every publisher, once, whose QoS keeps its messages from us: a sentence's subject and the policies."""
        for topic, subscription in list(self._made):  # a transition may give them back meanwhile
            for found in self._node.get_publishers_info_by_topic(topic):
                compatibility, reason = qos_check_compatible(found.qos_profile, subscription.qos_profile)
                publisher = bytes(found.endpoint_gid)
                if compatibility == QoSCompatibility.ERROR and publisher not in self._unheard:
                    self._unheard.add(publisher)
                    report(f"a publisher of {topic} offers", qos.policies(reason))
