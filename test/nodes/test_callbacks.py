"""No exception of a timer, subscription, service or event ends a node, and each is told."""

import threading

import pytest

pytest.importorskip("rclpy")
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.parameter import Parameter
from reconstruction_rig import SECOND
from reconstruction_rig import SUCCESS
from reconstruction_rig import finish
from reconstruction_rig import stamps
from std_srvs.srv import Trigger
from waiting import LIMIT
from waiting import until

from gsn_perception.geometry import InputError
from gsn_perception.nodes.grasp_node import GraspNode
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.node.lifecycle_node import ManagedNode
from gsn_perception.ros.streams import polling

pytestmark = pytest.mark.dds


def told(node):
    return node.diagnostics.message(make_header(0, "").stamp, "active").status[0].message


@pytest.fixture
def alive(graph):
    """The spinning thread outlives whatever is raised."""
    yield
    assert graph._thread.is_alive()


def test_diagnostics_while_activation_is_slow(graph, alive, monkeypatch):
    """The timer fires, and services are called, between one subscription and the next."""
    listen, begun, may = ManagedNode.subscribe, threading.Semaphore(0), threading.Semaphore(0)

    def slow(self, *args, **kwargs):
        begun.release()
        assert may.acquire(timeout=LIMIT)
        return listen(self, *args, **kwargs)

    monkeypatch.setattr(ManagedNode, "subscribe", slow)
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    node.set_parameters([Parameter("trigger_timeout", value=0.1)])
    starting = threading.Thread(target=node.start)
    starting.start()
    for _ in (*interface.RECONSTRUCTION_INPUTS, interface.GRASPS):
        assert begun.acquire(timeout=LIMIT)
        assert node.is_active
        answer = graph.call(Trigger, "/reconstruction/reconstruct", Trigger.Request())
        assert "waiting for image" in answer.message
        node._publish_diagnostics()
        assert node.waiting().startswith("waiting for image: no message yet")
        may.release()
    starting.join(LIMIT)
    assert node.waiting() == "waiting for image: no message yet; nobody publishes /image"
    assert node.diagnostics.drops == {}


def test_diagnostics_while_the_node_is_deactivated(graph, running, monkeypatch):
    """The timer fires while a transition gives the subscriptions back: neither they nor their names are there then."""
    node, *_ = running
    find = node.get_publishers_info_by_topic

    def deactivated_meanwhile(topic):
        if node.is_active:
            assert node.trigger_deactivate() == SUCCESS
        return find(topic)

    monkeypatch.setattr(node, "get_publishers_info_by_topic", deactivated_meanwhile)
    node._publish_diagnostics()
    assert not node.is_active
    assert node._intake.waiting().startswith("waiting for image")
    assert node.diagnostics.drops == {}


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4])
def test_an_activation_that_fails_half_way_is_told_and_can_be_repeated(graph, alive, monkeypatch, number):
    listen, count = ManagedNode.subscribe, []

    def fails(self, *args, **kwargs):
        count.append(1)
        if len(count) == number + 1:
            raise RuntimeError("no memory")
        return listen(self, *args, **kwargs)

    monkeypatch.setattr(ManagedNode, "subscribe", fails)
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    assert not node.start()
    node._publish_diagnostics()
    assert not node.is_active
    assert not list(node._subscription_set._made)
    monkeypatch.undo()
    assert node.trigger_activate() == SUCCESS


def test_a_callback_that_outlives_its_node_is_no_failure(graph, capfd):
    """The timer of the diagnostics may run while the node is destroyed."""
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    late = node.guard(node._publish_diagnostics, "a timer's callback")
    graph.nodes.remove(node)
    graph.executor.remove_node(node)
    node.destroy_node()
    late()
    assert node.diagnostics.drops == {}
    assert "InvalidHandle" not in capfd.readouterr().err


def test_what_a_timer_a_service_an_event_or_a_subscription_raises_is_told(graph, running, alive):
    node, publishers, _ = running

    def oops(*_):
        raise ZeroDivisionError("oops")

    timer = node.create_timer(0.01, oops)
    until(lambda: node.diagnostics.drops.get("callback", 0) >= 2)
    node.destroy_timer(timer)
    assert "a timer's callback failed: ZeroDivisionError: oops" in told(node)
    node.create_service(Trigger, "~/broken", oops)
    answer = graph.call(Trigger, "/reconstruction/broken", Trigger.Request())
    assert (answer.success, "ZeroDivisionError: oops" in answer.message) == (False, True)
    count = node.diagnostics.drops["callback"]
    node.create_subscription(interface.IMAGE.type, "other", oops, 1)
    other = graph.node.create_publisher(interface.IMAGE.type, "other", 1)
    matched({"other": other})
    other.publish(interface.IMAGE.type())
    until(lambda: node.diagnostics.drops["callback"] > count)
    count = node.diagnostics.drops["callback"]
    events = PublisherEventCallbacks(matched=oops)
    node.create_lifecycle_publisher(interface.IMAGE.type, "events", qos.latched(), event_callbacks=events)
    graph.node.create_subscription(interface.IMAGE.type, "events", lambda m: None, qos.latched())
    until(lambda: node.diagnostics.drops["callback"] > count)
    assert "the event matched of events failed" in told(node)
    graph.send(publishers, observation(SECOND))
    finish(node, graph, 1)


@pytest.mark.parametrize("kind", [ReconstructionNode, GraspNode])
def test_a_transition_that_is_not_possible_now_is_refused_and_the_node_lives(graph, alive, kind, capfd):
    """A manager that activates what is unconfigured; Jazzy's rclpy raises in the service, Kilted's logs an error."""
    options = {"load": lambda settings: BallPipeline()} if kind is ReconstructionNode else {}
    node = graph.add(kind, **options)
    name = f"/{node.get_name()}/change_state"
    for number in (Transition.TRANSITION_ACTIVATE, 250):
        answer = graph.call(ChangeState, name, ChangeState.Request(transition=Transition(id=number)))
        assert not answer.success
    assert "change_state failed" in told(node) or "Unable to start transition" in capfd.readouterr().err
    assert graph.call(ChangeState, name, ChangeState.Request(transition=Transition(id=1))).success
    assert node.is_configured


def test_a_message_that_cannot_be_taken_is_dropped_and_the_next_is_heard(graph, running, monkeypatch):
    node, publishers, _ = running
    take, failures = polling._take, [RuntimeError("no such field")]

    def fails_once(subscription):
        message = take(subscription)
        if message is not None and failures:
            raise failures.pop()
        return message

    monkeypatch.setattr(polling, "_take", fails_once)
    graph.send(publishers, observation(SECOND))
    until(lambda: node.diagnostics.drops.get("bad_message") == 1)
    graph.send(publishers, observation(2 * SECOND))
    until(lambda: 2 * SECOND in stamps(graph, interface.MESH))


def test_an_input_error_of_a_callback_is_its_sentence(graph, running):
    node, _, _ = running

    def refuses(*_):
        raise InputError("the thing is missing; give one")

    node.create_service(Trigger, "~/refuses", refuses)
    answer = graph.call(Trigger, "/reconstruction/refuses", Trigger.Request())
    assert answer.message.endswith("failed: the thing is missing; give one")
