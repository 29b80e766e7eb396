"""Inputs that were published once, with transient-local durability, before the node was there."""

import time

import pytest

pytest.importorskip("rclpy")
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from conftest import participant
from conftest import until
from rclpy.qos import DurabilityPolicy
from reconstruction_rig import SECOND
from reconstruction_rig import stamps
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from gsn_perception.nodes.grasp_node import GraspNode
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.streams.subscriptions import SubscriptionSet

pytestmark = pytest.mark.dds
INFO = interface.CAMERA_INFO


@pytest.fixture
def driver(domain):
    """A participant of its own: what it sent is kept by its writers alone."""
    with participant(domain) as made:
        yield made


def start(graph):
    pipeline = BallPipeline()
    node = graph.add(ReconstructionNode, load=lambda settings: pipeline)
    graph.subscribe(interface.MESH)
    assert node.start()
    return node, pipeline


def test_camera_info_published_once_before_the_node_is_heard_and_kept(graph, driver):
    live = driver.advertise([t for t in interface.RECONSTRUCTION_INPUTS if t is not INFO], qos.sensor())
    latched = driver.advertise([INFO], qos.latched())
    item = observation(SECOND)
    driver.send({**latched, **dict.fromkeys(live, Silent())}, item)
    node, pipeline = start(graph)
    matched(live)
    until(lambda: node.count_subscribers("/camera_info") == 1 and node.diagnostics.totals.get("camera_info"))
    for number in (2, 3):
        driver.send({**live, "camera_info": Silent()}, observation(number * SECOND))
        until(lambda last=number: stamps(graph, interface.MESH)[-1:] == [last * SECOND])
    assert [seen.stamp for seen in pipeline.seen] == [2 * SECOND, 3 * SECOND]
    assert node.waiting() == ""


class Silent:
    """Publishes nothing."""

    def publish(self, message) -> None:
        """Nothing."""


def test_a_whole_frame_published_once_before_the_node_is_answered_once(graph, driver):
    publishers = driver.advertise(interface.RECONSTRUCTION_INPUTS, qos.latched())
    driver.send(publishers, observation(SECOND))
    _, pipeline = start(graph)
    until(lambda: stamps(graph, interface.MESH) == [SECOND])
    driver.send(publishers, observation(2 * SECOND))
    until(lambda: stamps(graph, interface.MESH) == [SECOND, 2 * SECOND])
    assert pipeline.seen[0].mask is not None
    assert pipeline.seen[0].depth is not None


def test_a_camera_that_latches_every_message_is_heard_once(graph, driver):
    publishers = driver.advertise(interface.RECONSTRUCTION_INPUTS, qos.latched(5))
    node, pipeline = start(graph)
    matched(publishers)
    began, number = time.monotonic(), 0
    while time.monotonic() < began + 3:  # the diagnostics, which look for publishers, come once a second
        number += 1
        driver.send(publishers, observation(number * SECOND))
        time.sleep(0.05)
    until(lambda: number * SECOND in [seen.stamp for seen in pipeline.seen])
    seen = [item.stamp for item in pipeline.seen]
    assert seen == sorted(set(seen))
    until(lambda: all(node.count_subscribers(f"/{name}") == 1 for name in publishers))


def test_a_durability_chosen_by_the_user_stays(graph, driver):
    driver.advertise([INFO], qos.latched())["camera_info"].publish(INFO.type(header=Header(frame_id="cam_optical")))
    chosen = {"qos_overrides./camera_info.subscription.durability": "transient_local"}
    chosen["qos_overrides./camera_info.subscription.reliability"] = "reliable"
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline(), parameters=chosen)
    assert node.start()
    until(lambda: node.diagnostics.totals.get("camera_info"))
    (made,) = [s for s in node._subscription_set._made if s.topic_name == "/camera_info"]
    assert made.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert node.count_subscribers("/camera_info") == 1


def test_a_scene_published_once_before_the_grasp_node_is_heard(graph, driver):
    driver.advertise([interface.SCENE], qos.latched())["scene"].publish(PointCloud2(header=Header(frame_id="cam")))
    node = graph.add(GraspNode)
    assert node.start()
    until(lambda: node.diagnostics.totals.get("scene"))


def test_latched_publishers_that_never_send_share_one_fetch(graph):
    subscriptions = SubscriptionSet(graph.node, print)
    subscriptions.subscribe(interface.CAMERA_INFO, lambda message: None)
    try:
        for count in (1, 2, 3):
            graph.advertise([interface.CAMERA_INFO], qos.latched())
            until(lambda count=count: len(graph.node.get_publishers_info_by_topic("/camera_info")) == count)
            subscriptions.check(lambda who, policy: None)
        assert len(subscriptions._fetching) == 1
    finally:
        subscriptions.close()
