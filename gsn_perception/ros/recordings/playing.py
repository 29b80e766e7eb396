"""Plays a recording (bag): publishes its messages in recorded timing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.ros import qos
from gsn_perception.ros.messages.headers import ns_to_stamp
from gsn_perception.ros.recordings import reading

_SETTLE = 0.5  # seconds before the first message, until the subscribers have matched, too
_NOT_AWAITED = ("/clock", "/tf", "/tf_static")  # topics that need no subscriber


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """How a bag is played.

    Attributes:
        rate: Speed; 2 plays twice as fast.
        loops: Number of repetitions; 0 = endless.
        clock: Publish /clock, for nodes with use_sim_time.
        restamp: Replace the stamps in the headers by the time of playing.
        wait: Seconds to wait for a subscriber on every topic in ``wait_for``.
        wait_for: Topics that must have a subscriber before the first message; empty = all but /clock and /tf.
        expect: Further topics that the bag must hold.
        delay: Seconds between the last match of a subscriber and the first message.
    """

    rate: float = 1.0
    loops: int = 1
    clock: bool = False
    restamp: bool = False
    wait: float = 0.0
    wait_for: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    delay: float = _SETTLE


class BagPlayer:
    """Publishes the serialised messages of a bag.

    Args:
        node: Owns the publishers; topics can be remapped.
        path: The bag.
        options: See :class:`PlayOptions`.
        stopped: Polled between messages; True ends the playing.
        before: Called with each message before it is published, e.g. to wait for the result of the last one.

    Raises:
        InputError: the bag is missing, damaged or empty, or none of its message types is installed.
    """

    def __init__(
        self,
        node: Node,
        path: str | Path,
        options: PlayOptions,
        stopped: Callable[[], bool],
        before: Callable[[reading.Recorded], None] = lambda item: None,
    ) -> None:
        if options.rate <= 0:
            raise InputError(f"the rate is {options.rate}; give a number above zero")
        self._node, self._path, self._options, self._stopped, self._before = node, path, options, stopped, before
        self._publishers: dict[str, Publisher] = {}
        self._told: set[Remark] = set()
        for topic, type_name in reading.topics_of(path).items():
            if not (topic == "/clock" and options.clock):
                self._advertise(topic, type_name)
        if not self._publishers:
            raise InputError(
                f"the bag {path} holds no topic that could be played; `gsn bag info {path}` shows its topics"
            )
        self._clock = node.create_publisher(Clock, "/clock", QoSProfile(depth=1)) if options.clock else None

    def _advertise(self, topic: str, type_name: str) -> None:
        try:
            kind = reading.message_class(type_name)
        except InputError as error:  # e.g. tf2_msgs without a ROS installation; the other topics are played
            self._node.get_logger().warning(f"{topic} is not played: {error}")
            return
        profile = qos.latched() if topic == "/tf_static" else qos.reliable(10)
        self._publishers[topic] = self._node.create_publisher(kind, topic, profile)

    def wait(self) -> list[str]:
        """Wait for subscribers; returns the topics without one after ``wait`` seconds.

        Raises:
            InputError: a topic in ``wait_for`` or ``expect`` is not in the bag.
        """
        wanted = {self._node.resolve_topic_name(t) for t in self._options.wait_for}
        played = {p.topic_name for p in self._publishers.values()}
        expected = wanted | {self._node.resolve_topic_name(t) for t in self._options.expect}
        if expected - played:
            lost, there = (", ".join(sorted(names)) for names in (expected - played, played))
            raise InputError(f"the bag {self._path} holds no {lost}; choose among its topics: {there}")
        wanted = wanted or {p.topic_name for name, p in self._publishers.items() if name not in _NOT_AWAITED}
        publishers = [p for p in self._publishers.values() if p.topic_name in wanted]
        deadline = time.monotonic() + self._options.wait
        lonely = [p for p in publishers if not p.get_subscription_count()]
        while lonely and time.monotonic() < deadline and not self._stopped():
            time.sleep(0.02)
            lonely = [p for p in lonely if not p.get_subscription_count()]
        self._sleep_until(time.monotonic() + self._options.delay)
        return [p.topic_name for p in lonely]

    def play(self) -> int:
        """Publish all messages in recorded timing; returns their number."""
        count = 0
        loop = 0
        due = time.monotonic()
        while (loop < self._options.loops or self._options.loops == 0) and not self._stopped():
            played, due = self._play_once(due)
            if not played and not self._stopped():  # an endless loop would never wait
                self._node.get_logger().warning(f"the bag {self._path} holds no message of its topics")
                break
            count += played
            loop += 1
        return count

    def _play_once(self, began: float) -> tuple[int, float]:
        """Number of messages, and the start of the next repetition: one mean period of a topic after the last message."""
        count = 0
        first: int | None = None
        due = began
        per_topic: Counter[str] = Counter()
        for item in reading.read(self._path, list(self._publishers), tell=self._tell):
            first = item.time if first is None else first
            due = began + (item.time - first) / 1e9 / self._options.rate
            per_topic[item.topic] += 1
            self._sleep_until(due)
            if self._stopped():
                break
            self._before(item)
            if self._clock is not None:
                self._clock.publish(Clock(clock=ns_to_stamp(item.time)))
            self._publishers[item.topic].publish(self._restamped(item) if self._options.restamp else item.data)
            count += 1
        periods = max(per_topic.values(), default=1) - 1
        next_due = due + (due - began) / periods if periods else due
        self._sleep_until(next_due if self._options.loops != 1 else due)
        return count, next_due

    def _tell(self, remark: Remark) -> None:
        if remark not in self._told:  # a loop reads the bag again
            self._told.add(remark)
            self._node.get_logger().warning(remark.text)

    def _sleep_until(self, due: float) -> None:
        while (left := due - time.monotonic()) > 0 and not self._stopped():
            time.sleep(min(left, 0.1))

    def _restamped(self, item: reading.Recorded) -> Any:
        message = item.message()
        if hasattr(message, "header"):
            message.header.stamp = self._node.get_clock().now().to_msg()
        return message
