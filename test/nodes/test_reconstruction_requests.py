"""The reconstruction node's services, parameters and diagnostics."""

import pytest

pytest.importorskip("rclpy")
from conftest import BallPipeline
from conftest import observation
from rclpy.parameter import Parameter
from reconstruction_rig import SECOND
from reconstruction_rig import SUCCESS
from reconstruction_rig import finish
from reconstruction_rig import stamps
from std_srvs.srv import SetBool
from std_srvs.srv import Trigger
from waiting import LIMIT
from waiting import until

from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages.headers import make_header

pytestmark = pytest.mark.dds


def test_enable_and_one_shot(graph, running):
    node, publishers, _pipeline = running
    assert graph.call(SetBool, "/reconstruction/enable", SetBool.Request(data=False)).success
    graph.send(publishers, observation(1 * SECOND))
    until(lambda: node.diagnostics.drops.get("disabled") == 1)
    client = graph.node.create_client(Trigger, "/reconstruction/reconstruct")
    assert client.wait_for_service(LIMIT)
    future = client.call_async(Trigger.Request())
    until(lambda: bool(node._requests))
    graph.send(publishers, observation(2 * SECOND))
    until(future.done)
    assert future.result().success
    assert "1 object" in future.result().message
    nothing = observation(3 * SECOND)
    nothing.mask[:] = 0
    future = client.call_async(Trigger.Request())
    until(lambda: bool(node._requests))
    graph.send(publishers, nothing)
    until(future.done)
    assert (future.result().success, "empty" in future.result().message) == (False, True)
    graph.send(publishers, observation(4 * SECOND))
    until(lambda: node.diagnostics.drops.get("disabled") == 2)
    assert graph.call(SetBool, "/reconstruction/enable", SetBool.Request(data=True)).success
    graph.send(publishers, observation(5 * SECOND))
    until(lambda: stamps(graph, interface.MESH) == [2 * SECOND, 3 * SECOND, 5 * SECOND])


def test_one_shot_without_frames_says_so(graph, running):
    node, _, _ = running
    node.set_parameters([Parameter("trigger_timeout", value=0.2)])
    answer = graph.call(Trigger, "/reconstruction/reconstruct", Trigger.Request())
    assert (answer.success, answer.message) == (False, "waiting for image: no message yet")
    assert node.trigger_deactivate() == SUCCESS
    assert "not active" in graph.call(Trigger, "/reconstruction/reconstruct", Trigger.Request()).message


def test_save(graph, running, tmp_path):
    node, publishers, _ = running
    node.set_parameters([Parameter("output_dir", value=str(tmp_path))])
    answer = graph.call(Trigger, "/reconstruction/save", Trigger.Request())
    assert (answer.success, "nothing was reconstructed" in answer.message) == (False, True)
    graph.send(publishers, observation(SECOND))
    finish(node, graph, 1)
    answer = graph.call(Trigger, "/reconstruction/save", Trigger.Request())
    assert answer.success
    assert sorted(p.name for p in tmp_path.glob("*/*")) == ["gaussians_1.ply", "mesh_1.ply", "points_1.ply"]
    assert answer.message == str(next(tmp_path.iterdir()))


@pytest.mark.parametrize("what", ["full", "file"])
def test_what_cannot_be_saved_is_a_sentence_and_leaves_nothing(graph, running, tmp_path, what):
    import resource

    node, publishers, _ = running
    graph.send(publishers, observation(SECOND))
    finish(node, graph, 1)
    place = tmp_path / "out"
    if what == "file":
        place.write_text("in the way")
    node.set_parameters([Parameter("output_dir", value=str(place))])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if what == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))  # no file may grow beyond: as if the disk were full
    try:
        answer = graph.call(Trigger, "/reconstruction/save", Trigger.Request())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not answer.success
    assert "cannot write" in answer.message
    assert [p.name for p in tmp_path.rglob("*")] == (["out"] if what == "file" else [])
    node.set_parameters([Parameter("output_dir", value=str(tmp_path / "good"))])
    assert graph.call(Trigger, "/reconstruction/save", Trigger.Request()).success, "the node lives"
    node.set_parameters([Parameter("output_dir", value=str(tmp_path / "good"))])


def test_parameters_are_refused_or_take_effect_with_the_next_frame(graph, running):
    node, publishers, _ = running
    for name, value in (
        ("mask_mode", "both"),
        ("min_depth", -1.0),
        ("device", "cpu"),
        ("use_depth", False),
        ("min_depth", 7.0),
    ):
        result = node.set_parameters([Parameter(name, value=value)])[0]
        assert not result.successful, name
        assert result.reason
    before = node.settings
    assert (
        node.set_parameters_atomically([Parameter("max_rate", value=1.0), Parameter("max_age", value=-1.0)]).successful
        is False
    )
    assert node.settings is before
    assert node.set_parameters([Parameter("max_rate", value=1.0)])[0].successful
    graph.send(publishers, observation(10 * SECOND))
    until(lambda: stamps(graph, interface.MESH) == [10 * SECOND])
    graph.send(publishers, observation(int(10.5 * SECOND)))
    until(lambda: node.diagnostics.drops == {"max_rate": 1})
    graph.send(publishers, observation(int(11.5 * SECOND)))
    until(lambda: stamps(graph, interface.MESH) == [10 * SECOND, int(11.5 * SECOND)])
    assert node.diagnostics.drops == {"max_rate": 1}
    assert node.set_parameters([Parameter("max_age", value=5.0)])[0].successful
    graph.send(publishers, observation(20 * SECOND))
    until(lambda: node.diagnostics.drops.get("stale") == 1)


def test_diagnostics_are_published_every_second(graph, running):
    from diagnostic_msgs.msg import DiagnosticArray

    node, publishers, _ = running
    heard = []
    graph.node.create_subscription(DiagnosticArray, "/diagnostics", heard.append, 10)
    graph.send(publishers, observation(SECOND))
    finish(node, graph, 1)

    def total():
        values = [{v.key: v.value for v in m.status[0].values} for m in heard]
        return [v for v in values if v.get("frames.total") == "1" and "latency.total.mean_ms" in v]

    until(lambda: len(total()) >= 2)
    assert total()[0]["state"] == "active"
    assert heard[-1].status[0].name == "/reconstruction: frames"


def test_diagnostics_name_device_weights_and_what_is_missing(graph):
    node = graph.add(ReconstructionNode, load=lambda s: BallPipeline())
    assert node.start()
    assert node.facts() == {"device": "cpu", "weights": "ball"}
    assert node.waiting() == "waiting for image: no message yet; nobody publishes /image"
    graph.call(SetBool, "/reconstruction/enable", SetBool.Request(data=False))
    assert "call ~/enable" in node.waiting()


def test_an_output_that_nobody_can_hear_is_named(graph):
    """A subscriber that wants `render` reliably."""
    node = graph.add(ReconstructionNode, load=lambda s: BallPipeline())
    assert node.start()
    graph.subscribe(interface.RENDER, profile=qos.reliable(1))
    until(lambda: node.diagnostics.drops.get("incompatible_qos"))
    message = node.diagnostics.message(make_header(0, "").stamp, "active").status[0].message
    assert "render" in message
    assert "RELIABILITY" in message.upper()
