"""Inputs come through the poller, newest first, and the executor never wakes for them."""

import threading
import time

import pytest
from waiting import until

pytest.importorskip("rclpy")
import rclpy
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import Executor
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import Header

from gsn_perception.ros import qos
from gsn_perception.ros.streams import polling
from gsn_perception.ros.streams.polling import PolledGroup
from gsn_perception.ros.streams.polling import Poller


@pytest.fixture
def node():
    context = rclpy.Context()
    rclpy.init(context=context)
    made = rclpy.create_node("polled", context=context)
    yield made
    made.destroy_node()
    rclpy.try_shutdown(context=context)


def test_messages_arrive_without_the_executor(node, monkeypatch):
    woken = []
    original = Executor._make_handler

    def counted(self, entity, *rest):
        woken.append(entity)
        return original(self, entity, *rest)

    monkeypatch.setattr(Executor, "_make_handler", counted)
    taken: list[str] = []
    no_events = SubscriptionEventCallbacks(use_default_callbacks=False)
    subscription = node.create_subscription(
        Header, "topic", lambda m: None, qos.sensor(), callback_group=PolledGroup(), event_callbacks=no_events
    )
    poller = Poller()
    poller.add(subscription, lambda message, sent: taken.append(message.frame_id))
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            executor.spin_once(timeout_sec=0.05)

    spinner = threading.Thread(target=spin)
    spinner.start()
    try:
        publisher = node.create_publisher(Header, "topic", qos.sensor())
        until(lambda: publisher.get_subscription_count() and subscription.get_publisher_count())
        for number in range(20):
            publisher.publish(Header(frame_id=str(number)))
            until(lambda count=number + 1: len(taken) == count)
        assert taken == [str(number) for number in range(20)]
        assert subscription not in woken
        poller.close()
        count = len(taken)
        publisher.publish(Header(frame_id="20"))
        time.sleep(0.1)
        assert len(taken) == count
    finally:
        poller.close()
        stop.set()
        spinner.join()
        executor.shutdown()


def test_a_destroyed_subscription_is_passed_over(node, monkeypatch):
    taken: list[Header] = []
    take = polling._take
    subscription = node.create_subscription(Header, "gone", lambda m: None, 1, callback_group=PolledGroup())
    poller = Poller()
    poller.add(subscription, taken.append)
    node.destroy_subscription(subscription)
    looked = []
    monkeypatch.setattr(polling, "_take", lambda subscription: looked.append(take(subscription)))
    until(lambda: len(looked) >= 2)
    assert looked[0] is None
    assert poller._thread is not None
    assert poller._thread.is_alive()
    poller.close()
    assert not taken
