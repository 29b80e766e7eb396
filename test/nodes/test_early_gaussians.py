"""Gaussians go out long before the meshes; every output still answers every frame once."""

import threading

import pytest

pytest.importorskip("rclpy")
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from geometry_msgs.msg import PoseArray
from waiting import LIMIT
from waiting import until

from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.headers import stamp_to_ns

pytestmark = pytest.mark.dds
SECOND = 1_000_000_000


def active(graph, pipeline):
    node = graph.add(ReconstructionNode, load=lambda settings: pipeline, parameters={"wait_for_grasps": 10.0})
    for topic in (interface.GAUSSIANS, interface.POINTS):
        graph.subscribe(topic)
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    assert node.start()
    matched(publishers)
    return node, publishers


def test_gaussians_do_not_wait_for_the_meshes(graph):
    skin = threading.Semaphore(0)
    node, publishers = active(graph, BallPipeline(skin=lambda: skin.acquire(timeout=LIMIT)))
    for number in (1, 2):
        graph.send(publishers, observation(number * SECOND))
        until(lambda number=number: len(graph.received["gaussians"]) == number)
        assert len(graph.received["points"]) == number - 1, "the skin is not made yet"
        skin.release()
        until(lambda number=number: len(graph.received["points"]) == number)
    for name in ("gaussians", "points"):
        assert [stamp_to_ns(m.header.stamp) for m in graph.received[name]] == [SECOND, 2 * SECOND]
        assert all(m.width > 0 for m in graph.received[name])
    assert node.diagnostics.drops == {}


def test_a_frame_is_taken_when_the_grasps_of_the_last_one_are_there(graph):
    """And it is the newest one then."""
    node, publishers = active(graph, BallPipeline())
    planner = graph.advertise((interface.GRASPS,), qos.latched())
    matched(planner)
    for number in (1, 2, 3, 4):
        graph.send(publishers, observation(number * SECOND))
        until(lambda number=number: node.diagnostics.totals.get("image") == number)
        if number < 3:
            until(lambda number=number: len(graph.received["points"]) == number)
        if number == 1:
            planner["grasps"].publish(PoseArray(header=make_header(SECOND, "cam_optical")))
            until(lambda: node.diagnostics.totals.get("grasps") == 1)
    until(lambda: node.diagnostics.drops == {"overtaken": 1})
    assert len(graph.received["points"]) == 2, "nobody planned on the second frame yet"
    planner["grasps"].publish(PoseArray(header=make_header(2 * SECOND, "cam_optical")))
    until(lambda: len(graph.received["points"]) == 3)
    assert stamp_to_ns(graph.received["points"][-1].header.stamp) == 4 * SECOND


def test_a_skin_that_fails_leaves_its_gaussians_and_empties_the_rest(graph):
    class Skinless(BallPipeline):
        def __call__(self, observation, *, on_splats, wanted):
            super().__call__(observation, on_splats=on_splats, wanted=wanted)
            raise RuntimeError("no skin today")

    node, publishers = active(graph, Skinless())
    graph.send(publishers, observation(SECOND))
    until(lambda: graph.received["points"] and node.diagnostics.drops)
    assert [m.width > 0 for m in graph.received["gaussians"]] == [True]
    assert [m.width for m in graph.received["points"]] == [0]
    assert node.diagnostics.drops == {"not_reconstructed": 1}


def test_a_frame_that_fails_before_the_splats_gives_one_empty_message(graph):
    class Blind(BallPipeline):
        def __call__(self, observation, *, on_splats, wanted):
            raise RuntimeError("nothing seen")

    _, publishers = active(graph, Blind())
    graph.send(publishers, observation(SECOND))
    until(lambda: graph.received["points"])
    for name in ("gaussians", "points"):
        assert [(m.width, stamp_to_ns(m.header.stamp)) for m in graph.received[name]] == [(0, SECOND)]
