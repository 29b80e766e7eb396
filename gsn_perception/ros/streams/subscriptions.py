"""Subscriptions of a node: polled, with latched messages fetched and incompatible QoS reported."""

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

from gsn_perception.geometry import InputError
from gsn_perception.ros import qos
from gsn_perception.ros.interface import Topic
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.streams.local_topics import LocalReceiver
from gsn_perception.ros.streams.polling import PolledGroup
from gsn_perception.ros.streams.polling import Poller

Take = Callable[[Any], None]
StampOf = Callable[[Any], int | None]
_REMEMBERED = 32  # messages of a topic that are compared to find duplicates


class _DuplicateFilter:
    """Passes each message of a topic on once, whichever of two subscriptions delivered it.

    Args:
        callback: Called with each message.
    """

    def __init__(self, callback: Callable[[Any], None]) -> None:
        self._callback = callback
        self._sent: deque[int] = deque(maxlen=_REMEMBERED)

    def __call__(self, message: Any, sent: int) -> None:
        """``sent`` is the time of sending, nanoseconds; 0 where the middleware does not tell it."""
        if sent and sent in self._sent:
            return
        self._sent.append(sent)
        self._callback(message)


class _LocalFilter:
    """Passes values of this process on, and messages except those that a value stood in for, by stamp.

    A publisher in this process keeps its last message latched, also where values followed that nobody needed as messages.
    Such a message is older than the values; after them it would look like a step back in time.

    Args:
        callback: Called with each message, and with each value; that has a ``header``.
        stamp_of: Stamp of a message, nanoseconds; None or InputError where it has none.
    """

    def __init__(self, callback: Take, stamp_of: StampOf) -> None:
        self._callback, self._stamp_of = callback, stamp_of
        self._stamps: deque[int] = deque(maxlen=_REMEMBERED)
        self.is_local: Callable[[], bool] = lambda: False  # whether a publisher is in this process

    def message(self, message: Any) -> None:
        """Pass a message on."""
        try:
            stamp = self._stamp_of(message) if self._stamps else None
        except InputError:  # the callback says what is wrong with it
            stamp = None
        if stamp is not None and (stamp in self._stamps or (stamp < self._stamps[-1] and self.is_local())):
            return
        self._callback(message)

    def value(self, value: Any) -> None:
        """Pass a value on."""
        self._stamps.append(stamp_to_ns(value.header.stamp))
        self._callback(value)


class SubscriptionSet:
    """The subscriptions of a node while it is active.

    A volatile subscription does not get what a reliable, transient-local publisher sent before it was created, e.g. a
    camera_info published once. A second, transient-local subscription fetches it and is destroyed after its first
    message. (A best-effort publisher delivers no earlier messages.)

    Args:
        node: Owns the subscriptions.
        on_error: Called with the exception of a message that can't be taken.
    """

    def __init__(self, node: Node, on_error: Callable[[Exception], object]) -> None:
        self._node = node
        self._group = PolledGroup()
        self._lock = threading.RLock()
        self._made: dict[
            Subscription, tuple[str, _DuplicateFilter]
        ] = {}  # with the topic; a destroyed subscription can't tell it
        self._fetching: list[Subscription] = []
        self._local: list[LocalReceiver] = []
        self._poller = Poller(on_error)
        self._known: set[bytes] = set()  # publishers that were checked

    def subscribe(self, topic: Topic, callback: Callable[[Any], None], *, raw: bool = False) -> Subscription:
        """Subscribe with the topic's QoS (overridable); ``callback`` must not raise."""
        profile = qos.of(topic.qos)
        filtered, overridable = _DuplicateFilter(callback), qos.overridable()
        with self._lock:
            made = self._create(topic.type, topic.name, profile, raw=raw, qos_overriding_options=overridable)
            self._made[made] = made.topic_name, filtered
        self._poller.add(made, filtered, every=profile.depth > qos.BURST)
        return made

    def subscribe_local(self, topic: Topic, callback: Take, *, stamp_of: StampOf, raw: bool = False) -> Subscription:
        """As :meth:`subscribe`, and take the values of publishers in this process in place of their messages.

        Args:
            topic: The topic.
            callback: Called with each message, and with each value in the thread of its publisher; must be quick and must
                not raise.
            stamp_of: Stamp of a message, nanoseconds.
            raw: Whether messages stay serialised.
        """
        passed = _LocalFilter(callback, stamp_of)
        made = self.subscribe(topic, passed.message, raw=raw)
        receiver = LocalReceiver(self._node, made.topic_name, passed.value)
        passed.is_local = lambda: receiver.has_publishers
        with self._lock:
            self._local.append(receiver)
        return made

    def close(self) -> None:
        """Destroy every subscription."""
        with self._lock:
            receivers = list(self._local)
            self._local.clear()
        for receiver in receivers:
            receiver.close()
        with self._lock:
            self._known.clear()
            gone = [*self._made, *self._fetching]
            self._made.clear()
            self._fetching.clear()
        self._poller.close()
        for subscription in gone:
            self._node.destroy_subscription(subscription)

    def check(self, report: Callable[[str, str], None]) -> None:
        """Check each new publisher: fetch its earlier messages, or report QoS that is incompatible with ours.

        Args:
            report: Called with the subject of a sentence and the policies.
        """
        for subscription, (topic, _) in list(self._made.items()):  # a transition may destroy them meanwhile
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
        """Subscribe once more, transient local: the middleware then delivers what was sent before."""
        with self._lock:
            if subscription not in self._made:  # closed meanwhile
                return
            topic, filtered = self._made[subscription]
            if any(pending.topic_name == topic for pending in self._fetching):  # it receives from this publisher, too
                return
            made = self._create(subscription.msg_type, topic, qos.latched(), raw=subscription.raw)
            self._fetching.append(made)

            def once(message: Any, sent: int) -> None:
                self._end_fetch(made)
                filtered(message, sent)

            self._poller.add(made, once)

    def _end_fetch(self, subscription: Subscription) -> None:
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
            # an event in the executor's wait set also wakes it for data, repeatedly until the data is taken; so
            # check() looks for incompatible publishers, called with the diagnostics
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
            **options,
        )


def _unused(message: Any) -> None:
    """Never called: the poller takes the messages, not the executor."""
