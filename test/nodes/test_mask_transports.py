"""Masks as pictures in a file and as polygons, through the node."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from conftest import until
from reconstruction_rig import FAILURE
from reconstruction_rig import SECOND
from sensor_msgs.msg import CompressedImage

from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import optional
from gsn_perception.ros.messages.camera.detections import detections_topic
from gsn_perception.ros.messages.headers import make_header

pytestmark = pytest.mark.dds


class Instead:
    """Publishes its own message whatever it is given."""

    def __init__(self, publisher, message) -> None:
        self._publisher, self._message = publisher, message

    def publish(self, _) -> None:
        self._publisher.publish(self._message)


def seen_with(graph, transport, topic, message):
    """The mask that the pipeline gets of ``message``."""
    pipeline = BallPipeline()
    node = graph.add(ReconstructionNode, load=lambda s: pipeline, parameters={"mask_transport": transport})
    assert node.start()
    publishers = graph.advertise((interface.IMAGE, interface.CAMERA_INFO, interface.DEPTH, topic))
    matched(publishers)
    graph.send({**publishers, "mask": Instead(publishers[topic.name], message)}, observation(SECOND))
    until(lambda: pipeline.seen)
    return pipeline.seen[0].mask


def test_a_png_of_labels(graph):
    item = observation(SECOND)
    data = cv2.imencode(".png", item.mask * 5)[1].tobytes()
    message = CompressedImage(header=make_header(SECOND, item.frame_id), format="png", data=data)
    found = seen_with(graph, "compressed", interface.MASK_COMPRESSED, message)
    np.testing.assert_array_equal(found, item.mask * 5)


def test_polygons_of_yolo_ros(graph):
    kinds = optional.find("yolo_msgs.msg")
    if kinds is None:
        pytest.skip("needs yolo_msgs of yolo_ros")
    item = observation(SECOND)
    (outline,), _ = cv2.findContours((item.mask > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    corners = [kinds.Point2D(x=float(x), y=float(y)) for x, y in outline[:, 0]]
    mask = kinds.Mask(height=item.mask.shape[0], width=item.mask.shape[1], data=corners)
    message = kinds.DetectionArray(detections=[kinds.Detection(id="9", score=0.8, mask=mask)])
    message.header = make_header(SECOND, item.frame_id)
    found = seen_with(graph, "polygons", detections_topic(), message)
    np.testing.assert_array_equal(found, np.where(item.mask > 0, 9, 0))


@pytest.mark.skipif(optional.find("yolo_msgs") is not None, reason="yolo_msgs is installed")
def test_polygons_without_yolo_msgs_say_what_to_install(graph):
    node = graph.add(ReconstructionNode, load=lambda s: BallPipeline(), parameters={"mask_transport": "polygons"})
    assert node.trigger_configure() == FAILURE
    status = node.diagnostics.message(make_header(0, "").stamp, "unconfigured").status[0]
    assert "needs yolo_msgs: build" in status.message
