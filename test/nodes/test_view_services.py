"""The reconstruction node with a camera that moves: `~/add_view`, `~/clear_views`, `fuse_views`, and TF that is missing."""

import numpy as np
import pytest

pytest.importorskip("rclpy")
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from rclpy.parameter import Parameter
from reconstruction_rig import SECOND
from reconstruction_rig import SUCCESS
from reconstruction_rig import stamps
from std_srvs.srv import Trigger
from waiting import LIMIT
from waiting import until

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros.views import view_keeper

pytestmark = pytest.mark.dds


class Arm:
    """In place of TF: the camera is at x = a tenth of its stamp in seconds in ``base``."""

    def __init__(self, node, timeout, on_error) -> None:
        self.closed = False

    def lookup(self, target, source, stamp):
        if target != "base":
            raise InputError(f"no transform from {source} to {target} at its stamp: it is not known")
        return make_transform(np.eye(3), np.array([0.1 * stamp / SECOND, 0.0, 0.0]))

    def close(self) -> None:
        self.closed = True


class MovingBall(BallPipeline):
    """Notes the stamps of the views that are fused."""

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.fused: list[list[int]] = []

    def with_settings(self, settings):
        self.settings = settings
        return self

    def fuse(self, views, *, on_splats, wanted=lambda: True):
        self.fused.append([view.observation.stamp // SECOND for view in views])
        return self(views[-1].observation, on_splats=on_splats, wanted=wanted)


@pytest.fixture
def moving(graph, monkeypatch):
    monkeypatch.setattr(view_keeper, "TfTransforms", Arm)
    pipeline = MovingBall()

    def begin(**parameters):
        node = graph.add(ReconstructionNode, load=lambda s: pipeline, parameters=parameters)
        publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
        graph.subscribe(interface.POINTS)
        assert node.start()
        matched(publishers)
        return node, publishers, pipeline

    return begin


def answered(graph, publishers, second: int) -> None:
    graph.send(publishers, observation(second * SECOND))
    until(lambda: second * SECOND in stamps(graph, interface.POINTS), what=f"no answer to {second}")


def added(graph, node, publishers, second: int):
    client = graph.node.create_client(Trigger, "/reconstruction/add_view")
    assert client.wait_for_service(LIMIT)
    future = client.call_async(Trigger.Request())
    until(lambda: node._views.is_asked)
    graph.send(publishers, observation(second * SECOND))
    until(future.done)
    return future.result()


def test_added_views_are_fused_until_they_are_cleared(graph, moving):
    node, publishers, pipeline = moving(fuse_frame="base")
    answered(graph, publishers, 1)
    assert pipeline.fused == []
    first = added(graph, node, publishers, 2)
    assert (first.success, "1 view(s) kept" in first.message) == (True, True)
    until(lambda: 2 * SECOND in stamps(graph, interface.POINTS))
    answered(graph, publishers, 4)
    assert pipeline.fused == [[2, 4]]
    node._intake.enabled = False  # a frame that is only kept is not reconstructed
    assert "moved by 400 mm" in added(graph, node, publishers, 6).message
    node._intake.enabled = True
    answered(graph, publishers, 9)
    assert pipeline.fused[-1] == [2, 6, 9]
    assert 6 * SECOND not in stamps(graph, interface.POINTS)
    assert node.facts()["views_kept"] == "2"
    cleared = graph.call(Trigger, "/reconstruction/clear_views", Trigger.Request())
    assert (cleared.success, cleared.message) == (True, "2 added view(s) forgotten")
    count = len(pipeline.fused)
    answered(graph, publishers, 10)
    assert len(pipeline.fused) == count
    assert node.trigger_deactivate() == SUCCESS
    assert "not active" in graph.call(Trigger, "/reconstruction/add_view", Trigger.Request()).message


def test_the_last_views_by_a_parameter(graph, moving):
    node, publishers, pipeline = moving(fuse_frame="base", fuse_views=2, fuse_min_baseline=0.15)
    for second in (1, 2, 3, 5, 7):
        answered(graph, publishers, second)
    assert pipeline.fused == [[1, 3], [1, 3, 5], [3, 5, 7]]
    node.set_parameters([Parameter("fuse_views", value=0)])
    answered(graph, publishers, 9)
    assert len(pipeline.fused) == 3


def test_without_a_static_frame_or_its_transform_frames_are_single(graph, moving):
    node, publishers, pipeline = moving(fuse_views=2)
    answer = added(graph, node, publishers, 1)
    assert (answer.success, "fuse_frame" in answer.message) == (False, True)
    answered(graph, publishers, 3)
    assert pipeline.fused == []
    message = node.diagnostics.message(node.get_clock().now().to_msg(), "active", "", {})
    values = {pair.key: pair.value for status in message.status for pair in status.values}
    assert int(values["remark.view_pose_unknown"]) >= 1


def test_an_unknown_transform_is_remarked(graph, moving):
    node, publishers, pipeline = moving(fuse_views=1, fuse_frame="moon")
    answered(graph, publishers, 1)
    answered(graph, publishers, 3)
    assert pipeline.fused == []
    answer = added(graph, node, publishers, 4)
    assert (answer.success, "no transform from cam_optical to moon" in answer.message) == (False, True)
