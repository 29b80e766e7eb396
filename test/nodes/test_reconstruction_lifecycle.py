"""The reconstruction node's lifecycle: transitions, autostart, restarts."""

import pytest

pytest.importorskip("rclpy")
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from reconstruction_rig import FAILURE
from reconstruction_rig import OUTPUTS
from reconstruction_rig import SECOND
from reconstruction_rig import SUCCESS
from reconstruction_rig import finish
from reconstruction_rig import stamps
from waiting import until

from gsn_perception.geometry import InputError
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros.messages.headers import make_header

pytestmark = pytest.mark.dds


def test_lifecycle_twice_and_outputs_after_it(graph):
    loads = []
    node = graph.add(ReconstructionNode, load=lambda settings: loads.append(settings) or BallPipeline())
    for topic in OUTPUTS:
        graph.subscribe(topic)
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    for round_ in (1, 2):
        assert node.trigger_configure() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        matched(publishers)
        graph.forget()
        graph.send(publishers, observation(round_ * SECOND))
        finish(node, graph, 1)
        assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
        until(lambda: not any(p.get_subscription_count() for p in publishers.values()))
    assert len(loads) == 2


def test_a_failing_configure_says_why_and_can_be_repeated(graph):
    answers = iter([InputError("there are no weights nowhere.safetensors; check the name"), ZeroDivisionError("oops")])

    def load(settings):
        error = next(answers, None)
        if error is not None:
            raise error
        return BallPipeline()

    node = graph.add(ReconstructionNode, load=load)
    assert node.trigger_configure() == FAILURE
    message = node.diagnostics.message(make_header(0, "").stamp, "unconfigured").status[0]
    assert "nowhere.safetensors" in message.message
    assert node.trigger_configure() == FAILURE
    assert node.start()


def test_bad_checkpoint_and_missing_tf_fail_to_configure(graph, tmp_path):
    node = graph.add(ReconstructionNode, parameters={"checkpoint": str(tmp_path / "no.safetensors")})
    assert node.trigger_configure() == FAILURE
    assert "no.safetensors" in node.diagnostics.message(make_header(0, "").stamp, "").status[0].message
    pytest.importorskip("gsn_perception.pipeline")
    try:
        import tf2_ros  # noqa: F401
    except ImportError:
        tf = graph.add(
            ReconstructionNode, load=lambda s: BallPipeline(), namespace="tf", parameters={"target_frame": "base"}
        )
        assert tf.trigger_configure() == FAILURE


def test_a_configure_that_fails_after_tf_gives_it_back(graph, monkeypatch):
    from gsn_perception.nodes import reconstruction_node

    class Transforms:
        is_open = True

        def close(self):
            self.is_open = False

    def load(settings):
        raise InputError("there are no weights nowhere.safetensors; check the name")

    made = Transforms()
    monkeypatch.setattr(reconstruction_node, "transform_source", lambda *arguments: made)
    node = graph.add(ReconstructionNode, load=load)
    assert node.trigger_configure() == FAILURE
    assert not made.is_open


def test_an_inactive_node_keeps_no_messages(graph):
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    assert node.start()
    matched(publishers)
    graph.send(publishers, observation(SECOND, mask=False))  # waits for its mask
    until(lambda: node.diagnostics.totals.get("image"))
    assert node._intake._assembler._joiner.has_images
    assert node.trigger_deactivate() == SUCCESS
    assert not node._intake._assembler._joiner.has_images
    assert node.waiting().startswith("waiting for image")


def test_autostart_and_namespace(graph):
    node = graph.add(
        ReconstructionNode, load=lambda s: BallPipeline(), parameters={"autostart": True}, namespace="left"
    )
    until(lambda: graph.node.count_subscribers("/left/image") == 1)
    assert node.is_active
    assert graph.node.count_publishers("/left/mesh") == 1


def test_autostart_and_diagnostics_do_not_wait_for_a_simulated_clock(graph):
    """A player waits for subscribers before it publishes /clock: who waited for the clock would wait for ever."""
    from diagnostic_msgs.msg import DiagnosticArray

    heard = []
    graph.node.create_subscription(DiagnosticArray, "/diagnostics", heard.append, 10)
    parameters = {"autostart": True, "use_sim_time": True}
    node = graph.add(ReconstructionNode, load=lambda s: BallPipeline(), parameters=parameters)
    until(lambda: graph.node.count_subscribers("/image") == 1)
    assert node.is_active
    until(lambda: heard)


@pytest.mark.parametrize("times", [5, pytest.param(50, marks=pytest.mark.long)])
def test_the_whole_lifecycle_any_number_of_times(graph, times):
    """Nothing is left behind: publishers, subscriptions and threads are as many as before."""
    import threading

    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    graph.subscribe(interface.MESH)
    counts = set()
    for round_ in range(1, times + 1):
        assert node.trigger_configure() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        matched(publishers)
        graph.send(publishers, observation(round_ * SECOND))
        until(lambda stamp=round_ * SECOND: stamp in stamps(graph, interface.MESH))
        assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
        until(lambda: not any(p.get_subscription_count() for p in publishers.values()))
        # the executor's pool grows up to its four threads when it likes
        ours = [t.name for t in threading.enumerate() if not t.name.startswith("ThreadPoolExecutor")]
        counts.add((len(list(node.publishers)), len(list(node.subscriptions)), len(ours)))
        graph.forget()
    assert len(counts) == 1, counts
    assert node.diagnostics.drops == {}


def test_wrong_overrides_stop_the_node_with_a_sentence(graph):
    for name, value in (("max_objects", 0), ("size_hint", "large"), ("mask_mode", "both")):
        with pytest.raises(InputError, match=r"max_objects|size_hint|mask_mode"):
            graph.add(ReconstructionNode, load=lambda s: BallPipeline(), parameters={name: value})


def test_a_misspelt_parameter_is_remarked_on_with_the_nearest_name(graph):
    given = {"max_object": 3, "qos_overrides./image.subscription.depth": 2, "max_rate": 5.0}
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline(), parameters=given)
    assert node.settings.max_rate == 5.0
    status = node.diagnostics.message(make_header(0, "").stamp, "unconfigured").status[0]
    values = {v.key: v.value for v in status.values}
    assert values["remark.unknown_parameter"] == "1"
    sentence = "node reconstruction has no parameter max_object, which is ignored; did you mean max_objects?"
    assert values["remarks"] == f"unknown_parameter: {sentence}"
