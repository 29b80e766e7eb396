"""Both nodes in one process: results pass by reference, with the same grasps as through messages."""

import gc
import weakref
from collections import Counter
from collections import deque

import numpy as np
import pytest

pytest.importorskip("rclpy")
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from rclpy.lifecycle import TransitionCallbackReturn
from waiting import until

from gsn_perception.nodes.grasp_node import GraspNode
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.results import frame_result

pytestmark = pytest.mark.dds
SECOND = 1_000_000_000
CHEAP = {"num_candidates": 64, "max_grasps": 5}
SUCCESS = TransitionCallbackReturn.SUCCESS


@pytest.fixture
def converted(monkeypatch):
    """How often a result was converted for each topic between the nodes."""
    counts = Counter()

    def counting(topic, convert):
        def call(result):
            counts[topic.name] += 1
            return convert(result)

        return call

    for topic in interface.GRASP_INPUTS:
        monkeypatch.setitem(frame_result.CONVERTERS, topic, counting(topic, frame_result.CONVERTERS[topic]))
    return counts


def both(graph, **options):
    """Both nodes, active, their grasps heard, and the camera's publishers."""
    pipeline = BallPipeline()
    pipeline.seen = deque(maxlen=0)
    nodes = [
        graph.add(ReconstructionNode, load=lambda settings: pipeline, **options),
        graph.add(GraspNode, parameters=CHEAP, **options),
    ]
    graph.subscribe(interface.GRASP_TABLE)
    assert all(node.start() for node in nodes)
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    return *nodes, publishers


def tables(graph, count, name="grasps/table"):
    until(lambda: len(graph.received[name]) >= count, what="no grasps")
    return graph.received[name]


def test_nothing_is_converted_until_somebody_else_listens(graph, converted):
    reconstruction, grasp, publishers = both(graph)
    converted.clear()  # the middleware may know the grasp node's subscriptions before their names
    graph.send(publishers, observation(1 * SECOND))
    (table,) = tables(graph, 1)
    assert table.width > 0
    assert stamp_to_ns(table.header.stamp) == 1 * SECOND
    assert converted == {}
    assert grasp.diagnostics.totals["points"] == 1
    assert reconstruction.diagnostics.totals["points"] == 1
    graph.subscribe(interface.MESH)  # a late subscriber gets the last result
    until(lambda: graph.received["mesh"])
    assert converted == {"mesh": 1}
    graph.send(publishers, observation(2 * SECOND))
    tables(graph, 2)
    until(lambda: len(graph.received["mesh"]) == 2)
    assert converted == {"mesh": 2}
    assert grasp.diagnostics.totals["frames"] == 2, "the message of a mesh that was handed over is not a second mesh"


def test_the_grasps_are_those_through_messages(graph):
    _, _, publishers = both(graph)
    for topic in interface.GRASP_INPUTS:
        graph.subscribe(topic)
    other = graph.add(GraspNode, namespace="other", parameters=CHEAP)
    graph.subscribe(interface.GRASP_TABLE, "/other/grasps/table")
    assert other.start()
    relays = {
        t.name: graph.node.create_publisher(t.type, f"/other/{t.name}", qos.latched()) for t in interface.GRASP_INPUTS
    }
    matched(relays)
    for stamp in (1 * SECOND, 2 * SECOND):
        graph.send(publishers, observation(stamp))
        until(lambda: all(graph.received[t.name] for t in interface.GRASP_INPUTS))
        for topic in interface.GRASP_INPUTS:
            relays[topic.name].publish(graph.received[topic.name].pop())
        (here,), (there,) = tables(graph, 1), tables(graph, 1, "/other/grasps/table")
        assert here.header == there.header
        assert here.width == there.width > 0
        rows = [np.frombuffer(m.data, np.float32).reshape(m.width, -1) for m in (here, there)]
        np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)
        graph.forget()


def test_topics_meet_by_their_remapped_names(graph, converted):
    rules = ["--ros-args", "-r", "points:=/cloud", "-r", "mesh:=/shapes/mesh"]
    _, grasp, publishers = both(graph, cli_args=rules)
    converted.clear()
    graph.send(publishers, observation(1 * SECOND))
    assert tables(graph, 1)[0].width > 0
    assert converted == {}
    stranger = graph.add(GraspNode, namespace="stranger", parameters=CHEAP)
    assert stranger.start()
    graph.send(publishers, observation(2 * SECOND))
    tables(graph, 2)
    assert "points" not in stranger.diagnostics.totals
    assert grasp.diagnostics.totals["points"] == 2


def test_a_grasp_node_that_comes_and_goes(graph, converted):
    _, grasp, publishers = both(graph)
    graph.send(publishers, observation(1 * SECOND))
    tables(graph, 1)
    assert grasp.trigger_deactivate() == SUCCESS
    assert tables(graph, 2)[1].width == 0
    graph.send(publishers, observation(2 * SECOND))
    until(lambda: stamp_of_last(graph.nodes[0]) == 2 * SECOND)
    assert grasp.trigger_activate() == SUCCESS
    last = tables(graph, 3)[2]
    assert (stamp_to_ns(last.header.stamp), last.width > 0) == (2 * SECOND, True)
    assert grasp.trigger_shutdown() == SUCCESS
    graph.send(publishers, observation(3 * SECOND))
    until(lambda: stamp_of_last(graph.nodes[0]) == 3 * SECOND)
    graph.executor.remove_node(grasp)
    graph.nodes.remove(grasp)
    grasp.destroy_node()
    graph.forget()
    until(lambda: not graph.node.count_publishers("grasps/table"), what="the old node is still known")
    again = graph.add(GraspNode, parameters=CHEAP)
    assert again.trigger_configure() == SUCCESS
    until(graph.is_matched, what="a reader does not know its writer")  # else it misses the plan that comes at once
    assert again.trigger_activate() == SUCCESS
    assert stamp_to_ns(tables(graph, 1)[0].header.stamp) == 3 * SECOND
    assert graph.nodes[0].trigger_deactivate() == SUCCESS
    assert tables(graph, 2)[1].width == 0, "the empty result of a deactivated node reaches the grasp node, too"


def stamp_of_last(node) -> int:
    return 0 if node._last is None else stamp_to_ns(node._last.header.stamp)


def test_old_results_are_let_go(graph):
    reconstruction, grasp, publishers = both(graph)
    seen = []
    for number in range(1, 5):
        graph.send(publishers, observation(number * SECOND))
        tables(graph, number)
        result = reconstruction._last
        seen.append(weakref.ref(result.observation.image))
        seen.append(weakref.ref(result.objects[0].mesh.vertices))
        del result
    until(lambda: not (reconstruction.is_busy() or grasp.is_busy()))
    gc.collect()
    assert [ref() is None for ref in seen[:-2]] == [True] * 6
    for node in (reconstruction, grasp):
        assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
    gc.collect()
    assert [ref() for ref in seen] == [None] * 8


def test_a_node_that_owns_its_process_keeps_what_it_loaded_out_of_garbage_collection(graph):
    node = graph.add(GraspNode, parameters=CHEAP)
    node.owns_process = True
    try:
        assert node.trigger_configure() == SUCCESS
        assert gc.get_freeze_count() > 0
        assert node.trigger_cleanup() == SUCCESS
        assert gc.get_freeze_count() == 0, "a node that is configured again leaves nothing behind"
    finally:
        gc.unfreeze()
