"""A node's subscriptions, and who publishes what they can't hear."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSCompatibility
from rclpy.qos import QoSProfile
from rclpy.qos import qos_check_compatible
from rclpy.subscription import Subscription

from gsn_perception.ros import qos
from gsn_perception.ros.interface import Topic
from gsn_perception.ros.streams.polling import PolledGroup
from gsn_perception.ros.streams.polling import Poller

_REMEMBERED = 32  # messages of a topic; only one that comes by both subscriptions is looked for


class _Heard:
    """Lets every message of a topic through once, whichever subscription it came by.

    Args:
        callback: Takes it.
    """

    def __init__(self, callback: Callable[[Any], None]) -> None:
        self._callback = callback
        self._sent: deque[int] = deque(maxlen=_REMEMBERED)

    def __call__(self, message: Any, sent: int) -> None:
        """``sent`` is when the publisher sent it, nanoseconds; 0 where the middleware does not tell."""
        if sent and sent in self._sent:
            return
        self._sent.append(sent)
        self._callback(message)


class SubscriptionSet:
    """The subscriptions of a node while it is active.

    What a reliable publisher with transient-local durability sent before we were there (a camera_info published once)
    does not come to a volatile subscription. It is fetched by a second one as durable as the publisher, which is given
    up once it got a message: from then on the first hears everything. (A best-effort one hands nothing on.)

    Args:
        node: Owns them.
        on_error: Called with what a message raised before it came to its callback.
    """

    def __init__(self, node: Node, on_error: Callable[[Exception], object]) -> None:
        self._node = node
        self._group = PolledGroup()
        self._lock = threading.RLock()
        self._made: dict[Subscription, tuple[str, _Heard]] = {}  # with the topic: a destroyed one cannot tell it
        self._fetching: list[Subscription] = []
        self._poller = Poller(on_error)
        self._known: set[bytes] = set()  # publishers that were looked at

    def subscribe(self, topic: Topic, callback: Callable[[Any], None], *, raw: bool = False) -> Subscription:
        """Subscribe with the topic's QoS (overridable); ``callback`` must not raise."""
        profile = qos.of(topic.qos)
        heard, overridable = _Heard(callback), qos.overridable()
        with self._lock:
            made = self._create(topic.type, topic.name, profile, raw=raw, qos_overriding_options=overridable)
            self._made[made] = made.topic_name, heard
        self._poller.add(made, heard, every=profile.depth > qos.BURST)
        return made

    def close(self) -> None:
        """Give every subscription back."""
        with self._lock:
            self._known.clear()
            gone = [*self._made, *self._fetching]
            self._made.clear()
            self._fetching.clear()
        self._poller.close()
        for subscription in gone:
            self._node.destroy_subscription(subscription)

    def check(self, report: Callable[[str, str], None]) -> None:
        """Look at every new publisher: fetch what it sent before, or report QoS that keeps its messages from us.

        Args:
            report: Called with a sentence's subject and the policies.
        """
        for subscription, (topic, _) in list(self._made.items()):  # a transition may give them back meanwhile
            is_latched = False
            for found in self._node.get_publishers_info_by_topic(topic):
                publisher = bytes(found.endpoint_gid)
                if publisher in self._known:
                    continue
                self._known.add(publisher)
                compatibility, reason = qos_check_compatible(found.qos_profile, subscription.qos_profile)
                if compatibility == QoSCompatibility.ERROR:
                    report(f"a publisher of {topic} offers", qos.policies(reason))
                elif qos_check_compatible(found.qos_profile, qos.latched())[0] != QoSCompatibility.ERROR:
                    is_latched = True
            if is_latched and subscription.qos_profile.durability != DurabilityPolicy.TRANSIENT_LOCAL:
                self._fetch(subscription)

    def _fetch(self, subscription: Subscription) -> None:
        """Hear what was sent before; the middleware hands it over once the two have found each other."""
        with self._lock:
            if subscription not in self._made:  # closed meanwhile
                return
            topic, heard = self._made[subscription]
            made = self._create(subscription.msg_type, topic, qos.latched(), raw=subscription.raw)
            self._fetching.append(made)

            def once(message: Any, sent: int) -> None:
                self._give_up(made)
                heard(message, sent)

            self._poller.add(made, once)

    def _give_up(self, subscription: Subscription) -> None:
        with self._lock:
            if subscription not in self._fetching:
                return
            self._fetching.remove(subscription)
        self._poller.remove(subscription)
        self._node.destroy_subscription(subscription)

    def _create(self, kind: Any, name: str, profile: QoSProfile, **options: Any) -> Subscription:
        return self._node.create_subscription(
            kind,
            name,
            _unused,
            profile,
            callback_group=self._group,
            # an event in the executor's wait set wakes it for data, too, again and again until the data is taken;
            # publishers that offer less than is asked for are looked for with the diagnostics instead
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
            **options,
        )


def _unused(message: Any) -> None:
    """The executor never calls it: messages are taken by the poller."""
