"""Values handed over in one process: by topic and domain, in order, without keeping anything alive."""

import gc
import threading
import weakref
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.streams import local_topics
from gsn_perception.ros.streams import subscriptions
from gsn_perception.ros.streams.local_topics import LocalPublisher
from gsn_perception.ros.streams.local_topics import LocalReceiver


def node(name="grasp", *, domain=0, seen=(), namespace="/"):
    """What these classes ask of a node; ``seen`` are the (name, namespace) of the topic's subscriptions."""
    endpoints = [SimpleNamespace(node_name=n, node_namespace=ns) for n, ns in seen]
    return SimpleNamespace(
        context=SimpleNamespace(get_domain_id=lambda: domain),
        get_name=lambda: name,
        get_namespace=lambda: namespace,
        get_subscriptions_info_by_topic=lambda topic: endpoints,
    )


def test_only_receivers_of_the_topic_in_the_domain_get_the_value_itself():
    got = {key: [] for key in ("same", "other topic", "other domain")}
    receivers = [
        LocalReceiver(node(), "/left/mesh", got["same"].append),
        LocalReceiver(node(), "/mesh", got["other topic"].append),
        LocalReceiver(node(domain=1), "/left/mesh", got["other domain"].append),
    ]
    value = object()
    LocalPublisher(node("reconstruction"), "/left/mesh").offer(value)
    assert got == {"same": [value], "other topic": [], "other domain": []}
    assert len(receivers) == 3


def test_a_late_receiver_gets_the_last_value_until_the_publisher_closes():
    publisher, got = LocalPublisher(node(), "/late"), []
    publisher.offer(1)
    publisher.offer(2)
    first = LocalReceiver(node(), "/late", got.append)
    assert got == [2]
    first.close()
    publisher.offer(3)
    assert got == [2], "a closed receiver takes nothing"
    second = LocalReceiver(node(), "/late", got.append)
    assert got == [2, 3]
    publisher.close()
    third = LocalReceiver(node(), "/late", got.append)
    assert got == [2, 3]
    for receiver in (second, third):
        receiver.close()


def test_a_closed_receiver_waits_for_the_value_that_is_being_delivered():
    inside, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def take(value):
        inside.set()
        assert go_on.wait(60)

    publisher, receiver = LocalPublisher(node(), "/slow"), LocalReceiver(node(), "/slow", take)
    offering = threading.Thread(target=publisher.offer, args=(1,))
    offering.start()
    assert inside.wait(60)
    closing = threading.Thread(target=lambda: (receiver.close(), closed.set()))
    closing.start()
    assert not closed.wait(0.05)
    go_on.set()
    assert closed.wait(60)
    for thread in (offering, closing):
        thread.join()


def test_subscribers_that_need_messages_are_counted_without_those_that_take_values():
    mine, rviz = ("grasp", "/"), ("rviz", "/")
    for seen, needed in (
        ([mine], 0),
        ([mine, rviz], 1),
        ([mine, mine], 1),  # a node of that name in another process
        ([], 1),  # matched, and the graph does not know it yet
        ([("_NODE_NAME_UNKNOWN_", "")], 1),
        ([("grasp", "/left")], 1),
    ):
        publisher = LocalPublisher(node("reconstruction", seen=seen), "/counted")
        matched = max(len(seen), 1)
        assert publisher.count_others(matched) == matched, "nobody takes values"
        assert not publisher.has_receivers
        receiver = LocalReceiver(node(), "/counted", lambda value: None)
        assert publisher.has_receivers
        assert publisher.count_others(matched) == needed
        assert publisher.count_others(0) == 0
        receiver.close()
        publisher.close()


def test_nothing_is_kept_after_both_ends_are_gone():
    class Value:
        pass

    value = Value()
    seen = weakref.ref(value)
    publisher, got = LocalPublisher(node(), "/gone"), []
    receiver = LocalReceiver(node(), "/gone", lambda value: got.append(id(value)))
    publisher.offer(value)
    receiver.close()
    publisher.close()
    del value
    gc.collect()
    assert seen() is None
    del publisher, receiver
    gc.collect()
    assert (0, "/gone") not in local_topics._channels


def test_an_old_latched_message_of_this_process_is_no_step_back():
    got = []
    stamped = lambda ns: SimpleNamespace(header=make_header(ns, "camera"), ns=ns)  # noqa: E731
    passed = subscriptions._LocalFilter(lambda item: got.append(item.ns), lambda message: message.ns)
    passed.message(stamped(1))
    passed.is_local = lambda: True
    passed.value(stamped(3))
    passed.message(stamped(2))  # latched before the value
    passed.message(stamped(3))  # the value stood in for it
    passed.message(stamped(4))
    assert got == [1, 3, 4]
    passed.is_local = lambda: False  # the publisher has ended; another one begins anew
    passed.message(stamped(2))
    assert got == [1, 3, 4, 2]
