"""Depth and mask as they come: late, out of step, silent, of another type, gone again; frames without names."""

from dataclasses import replace

import pytest

pytest.importorskip("rclpy")
import rclpy
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from rclpy.parameter import Parameter
from reconstruction_rig import SECOND
from reconstruction_rig import header
from reconstruction_rig import stamps
from reconstruction_rig import taken
from sensor_msgs.msg import CompressedImage
from std_srvs.srv import Trigger
from waiting import LIMIT
from waiting import until

from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.camera.camera_info import from_camera
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.streams import publisher_monitor

pytestmark = pytest.mark.dds
MS = 1_000_000


def send(graph, publishers, stamp, *, without=(), off=None, frames=("cam_optical",) * 2, info_stamp=None):
    """One frame; ``off`` shifts the stamps of streams (ms), ``frames`` are those of image and camera_info."""
    item, off = observation(stamp), off or {}
    made = {
        "camera_info": from_camera(item.camera, make_header(stamp if info_stamp is None else info_stamp, frames[1])),
        "depth": images.from_depth(item.depth, make_header(stamp + off.get("depth", 0) * MS, frames[0])),
        "mask": images.from_mask(item.mask, make_header(stamp + off.get("mask", 0) * MS, "segmentation")),
        "image": images.from_rgb(item.image, make_header(stamp, frames[0])),
    }
    for name, message in made.items():
        if name not in without:
            publishers[name].publish(message)


def message(node):
    return node.diagnostics.message(make_header(0, "").stamp, "active", node.waiting()).status[0]


def values(node):
    return {v.key: v.value for v in message(node).values}


@pytest.mark.parametrize("stream", ["mask", "depth"])
def test_what_is_out_of_step_is_dropped_with_its_distance_and_never_left_out(graph, running, stream):
    node, publishers, pipeline = running
    for number in range(30):
        send(graph, publishers, SECOND + number * 100 * MS, off={stream: 33})
        taken(node, number + 1)
    until(lambda: node.diagnostics.drops.get("unsynchronised", 0) >= 5)
    assert set(node.diagnostics.drops) == {"unsynchronised"}
    assert not pipeline.seen
    found = message(node)
    assert found.level != b"\0"
    assert f"the nearest {stream} is 33 ms away, sync_slop is 20 ms" in found.message
    assert "set sync_slop to at least 0.034" in values(node)["why_nothing"]
    node.set_parameters([Parameter("sync_slop", value=0.034), Parameter("trigger_timeout", value=5.0)])
    send(graph, publishers, 60 * SECOND, off={stream: 33})
    until(lambda: stamps(graph, interface.MESH) == [60 * SECOND])
    assert pipeline.seen[0].mask is not None
    assert pipeline.seen[0].depth is not None
    assert node.waiting() == ""


@pytest.mark.parametrize("stream", ["mask", "depth"])
def test_a_silent_publisher_is_named_everywhere(graph, running, stream):
    node, publishers, pipeline = running
    node.set_parameters([Parameter("trigger_timeout", value=0.1)])
    rest = {"image", "camera_info", "depth", "mask"} - {stream}
    for number in range(3):
        send(graph, publishers, SECOND + number * 100 * MS, without=(stream,))
        taken(node, number + 1, rest)
    wanted = f"{stream} is advertised on /{stream} by 1 publisher but nothing came"
    answer = graph.call(Trigger, "/reconstruction/reconstruct", Trigger.Request())
    assert not answer.success
    assert wanted in answer.message
    until(lambda: wanted in node.waiting())
    assert wanted in message(node).message
    assert wanted in values(node)["why_nothing"]
    assert f"set use_{stream} to false" in node.waiting()
    assert not pipeline.seen


@pytest.fixture
def other(domain):
    """A node of another participant: within one a topic has one type."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    made = rclpy.create_node("segmenter", context=context)
    yield made
    made.destroy_node()
    context.try_shutdown()


def test_a_mask_of_a_type_that_cannot_be_heard_is_named(graph, other):
    pipeline = BallPipeline()
    node = graph.add(ReconstructionNode, load=lambda settings: pipeline, namespace="left")
    assert node.start()
    publishers = graph.advertise([replace(t, name=f"left/{t.name}") for t in interface.RECONSTRUCTION_INPUTS[:3]])
    matched(publishers)
    other.create_publisher(CompressedImage, "/left/mask", qos.reliable(1))
    until(lambda: node.count_publishers("/left/mask") == 1)
    plain = {name.removeprefix("left/"): publisher for name, publisher in publishers.items()}
    send(graph, plain, SECOND, without=("mask",))
    until(lambda: "as sensor_msgs/msg/CompressedImage, not as sensor_msgs/msg/Image" in node.waiting())
    assert not pipeline.seen


def test_an_image_of_a_type_that_cannot_be_heard_is_named(graph, other):
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    assert node.start()
    other.create_publisher(CompressedImage, "/image", qos.reliable(1))
    until(lambda: node.count_publishers("/image") == 1)
    wanted = "/image is published as sensor_msgs/msg/CompressedImage, not as sensor_msgs/msg/Image"
    assert node.waiting().startswith(f"waiting for image: no message yet; {wanted}")


def test_masks_that_come_late_are_joined_at_the_cameras_rate(graph, running):
    """A segmenter of 0.4 s at 30 Hz, behind real middleware; by the stamps, so that a slow machine changes nothing."""
    node, publishers, pipeline = running
    wanted = []
    for number in range(75):
        stamp = SECOND + number * 33 * MS
        send(graph, publishers, stamp, without=("mask",))
        taken(node, number + 1, {"image", "camera_info", "depth"})
        if number >= 12 and number % 12 == 0:  # the mask of the image of 0.4 s ago
            wanted.append(stamp - 12 * 33 * MS)
            mask = images.from_mask(observation(wanted[-1]).mask, make_header(wanted[-1], "cam_optical"))
            publishers["mask"].publish(mask)
            until(lambda: [seen.stamp for seen in pipeline.seen] == wanted)
    assert all(seen.mask is not None and seen.depth is not None for seen in pipeline.seen)
    assert set(node.diagnostics.drops) == {"no_mask"}
    waiting = node.waiting()  # the last images may still hope for a mask; nothing else is missing
    assert waiting == "" or "still to come" in waiting


def test_a_publisher_that_leaves_is_done_without_after_a_grace_and_that_is_said(graph, running, monkeypatch):
    node, publishers, pipeline = running
    now = 0.0
    monkeypatch.setattr(node._intake._publishers, "_clock", lambda: now)
    send(graph, publishers, SECOND)
    until(lambda: len(pipeline.seen) == 1)
    graph.node.destroy_publisher(publishers["mask"])
    until(lambda: node.count_publishers("/mask") == 0)
    now = publisher_monitor.GRACE - 0.1
    send(graph, publishers, 2 * SECOND, without=("mask",))
    taken(node, 2, {"image", "camera_info", "depth"})
    assert len(pipeline.seen) == 1, "not at once"
    now = publisher_monitor.GRACE + 0.1
    send(graph, publishers, 3 * SECOND, without=("mask",))
    until(lambda: len(pipeline.seen) == 2)
    assert (pipeline.seen[1].stamp, pipeline.seen[1].mask) == (3 * SECOND, None)
    assert [remark.code for remark in pipeline.seen[1].remarks] == ["mask_gone"]
    publishers |= graph.advertise([interface.MASK])
    matched({"mask": publishers["mask"]})
    send(graph, publishers, 4 * SECOND)
    until(lambda: len(pipeline.seen) == 3)
    assert pipeline.seen[2].mask is not None
    assert not pipeline.seen[2].remarks


@pytest.mark.parametrize("frames", [("cam", ""), ("", "cam"), ("", ""), ("/cam", "cam")])
def test_frames_without_a_name_and_camera_info_that_is_never_stamped_anew(graph, running, frames):
    node, publishers, pipeline = running
    client = graph.node.create_client(Trigger, "/reconstruction/reconstruct")
    assert client.wait_for_service(LIMIT)
    future = client.call_async(Trigger.Request())
    until(lambda: bool(node._requests))
    for number in (1, 2):
        send(graph, publishers, number * SECOND, frames=frames, info_stamp=0)
        until(lambda count=number: len(graph.received["mesh"]) == count)
    wanted = "cam" if "cam" in frames else "camera_optical_frame"
    assert {header(m).frame_id for m in graph.received["mesh"]} == {wanted}
    assert [r.code for r in pipeline.seen[0].remarks] == ([] if frames[0] == "/cam" else ["frame_id"])
    until(future.done)
    assert future.result().success
