"""The reconstruction node on a graph of its own: lifecycle, topics, services, parameters, bad input."""

import time

import numpy as np
import pytest

pytest.importorskip("rclpy")
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from conftest import until
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSCompatibility
from rclpy.qos import qos_check_compatible
from std_srvs.srv import SetBool
from std_srvs.srv import Trigger

from gsn_perception.geometry import InputError
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import gaussians
from gsn_perception.ros import images
from gsn_perception.ros import interface
from gsn_perception.ros import meshes
from gsn_perception.ros import plane
from gsn_perception.ros import qos
from gsn_perception.ros.headers import make_header
from gsn_perception.ros.headers import stamp_to_ns

pytestmark = pytest.mark.dds
SECOND = 1_000_000_000
OUTPUTS = interface.RECONSTRUCTION_OUTPUTS
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


def header(message):
    return message.markers[0].header if hasattr(message, "markers") else message.header


def stamps(graph, topic):
    return [stamp_to_ns(header(m).stamp) for m in graph.received[topic.name]]


def is_empty(message) -> bool:
    if hasattr(message, "markers"):
        return len(message.markers) == 1
    if hasattr(message, "polygon"):
        return not message.polygon.points
    return message.width == 0


@pytest.fixture
def running(graph):
    """An active node with a ball pipeline, its outputs heard, its inputs advertised."""
    pipeline = BallPipeline()
    node = graph.add(ReconstructionNode, load=lambda settings: pipeline)
    for topic in OUTPUTS:
        graph.subscribe(topic)
    assert node.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    until(lambda: all(graph.node.count_publishers(t.name) for t in OUTPUTS))
    return node, publishers, pipeline


def finish(node, graph, count: int) -> None:
    until(lambda: all(len(graph.received[t.name]) >= count for t in OUTPUTS), what="outputs missing")


def test_every_frame_gives_one_message_on_each_output_with_its_stamp_and_frame(graph, running):
    node, publishers, pipeline = running
    for index in range(1, 5):
        graph.send(publishers, observation(index * SECOND))
        finish(node, graph, index)
    for topic in OUTPUTS:
        assert stamps(graph, topic) == [i * SECOND for i in range(1, 5)], topic.name
        assert {header(m).frame_id for m in graph.received[topic.name]} == {"cam_optical"}
    ball = meshes.markers_to_meshes(graph.received["mesh"][0])[1]
    assert ball.is_watertight()
    assert ball.vertices.mean(axis=0)[2] == pytest.approx(0.53, abs=0.002)
    assert len(gaussians.cloud_to_gaussians(graph.received["gaussians"][0])[1]) == len(ball.vertices)
    assert len(gaussians.cloud_to_points(graph.received["points"][0])[1]) == len(ball.vertices)
    assert plane.polygon_to_plane(graph.received["support_plane"][0]).normal[2] == pytest.approx(-1)
    seen = pipeline.seen[0]
    np.testing.assert_array_equal(seen.image, observation(SECOND).image)
    np.testing.assert_allclose(seen.camera.K, observation(SECOND).camera.K)
    assert node.diagnostics.drops == {}


def test_nothing_found_is_an_empty_message_and_deactivation_clears_what_is_latched(graph, running):
    node, publishers, _ = running
    graph.send(publishers, observation(1 * SECOND))
    finish(node, graph, 1)
    nothing = observation(2 * SECOND)
    nothing.mask[:] = 0
    graph.send(publishers, nothing)
    finish(node, graph, 2)
    for topic in OUTPUTS:
        assert [is_empty(m) for m in graph.received[topic.name]] == [False, True]
    assert node.diagnostics.drops == {"not_reconstructed": 1}
    graph.send(publishers, observation(3 * SECOND))
    finish(node, graph, 3)
    assert node.trigger_deactivate() == SUCCESS
    finish(node, graph, 4)
    for topic in OUTPUTS:
        assert is_empty(graph.received[topic.name][-1])
        assert stamps(graph, topic)[-1] == 3 * SECOND
    graph.forget()
    graph.send(publishers, observation(4 * SECOND))
    time.sleep(0.3)
    assert not any(graph.received.values())  # inactive: silent


def test_bad_messages_are_dropped_with_a_reason_and_the_node_lives_on(graph, running):
    node, publishers, _ = running
    short = images.from_rgb(observation(0).image, make_header(1 * SECOND, "cam_optical"))
    short.data = short.data[:-1]
    good = observation(1 * SECOND)
    graph.send(publishers, observation(2 * SECOND))
    finish(node, graph, 1)
    short.header = make_header(3 * SECOND, "cam_optical")
    publishers["depth"].publish(images.from_depth(good.depth, short.header))
    publishers["mask"].publish(images.from_mask(good.mask, short.header))
    publishers["image"].publish(short)
    until(lambda: node.diagnostics.drops.get("bad_frame") == 1)
    small = observation(4 * SECOND)
    small.mask[:] = 0
    small.mask[20:23, 30:31] = 1
    graph.send(publishers, small)
    finish(node, graph, 2)
    assert node.diagnostics.drops == {"bad_frame": 1, "object": 1}
    graph.send(publishers, observation(5 * SECOND))
    finish(node, graph, 3)
    assert [is_empty(m) for m in graph.received["mesh"]] == [False, True, False]


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


def test_a_fixed_camera_pose_moves_the_results(graph):
    parameters = {"target_frame": "base", "camera_to_target": [1.0, 2.0, 3.0, 1.0, 0.0, 0.0, 0.0]}
    node = graph.add(ReconstructionNode, load=lambda s: BallPipeline(), parameters=parameters)
    graph.subscribe(interface.MESH)
    assert node.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    graph.send(publishers, observation(SECOND))
    until(lambda: graph.received["mesh"])
    message = graph.received["mesh"][0]
    assert header(message).frame_id == "base"
    centre = meshes.markers_to_meshes(message)[1].vertices.mean(axis=0)
    assert centre[2] == pytest.approx(3 - 0.53, abs=0.002)  # a half turn about x: z points back


def test_enable_and_one_shot(graph, running):
    node, publishers, _pipeline = running
    assert graph.call(SetBool, "/reconstruction/enable", SetBool.Request(data=False)).success
    graph.send(publishers, observation(1 * SECOND))
    until(lambda: node.diagnostics.drops.get("disabled") == 1)
    client = graph.node.create_client(Trigger, "/reconstruction/reconstruct")
    assert client.wait_for_service(5)
    future = client.call_async(Trigger.Request())
    until(lambda: bool(node._tickets))
    graph.send(publishers, observation(2 * SECOND))
    until(future.done)
    assert future.result().success
    assert "1 object" in future.result().message
    nothing = observation(3 * SECOND)
    nothing.mask[:] = 0
    future = client.call_async(Trigger.Request())
    until(lambda: bool(node._tickets))
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
    for stamp in (10, 10.5, 11.5):
        graph.send(publishers, observation(int(stamp * SECOND)))
        time.sleep(0.15)
    until(lambda: stamps(graph, interface.MESH) == [10 * SECOND, int(11.5 * SECOND)])
    assert node.diagnostics.drops == {"max_rate": 1}
    assert node.set_parameters([Parameter("max_age", value=5.0)])[0].successful
    graph.send(publishers, observation(20 * SECOND))
    until(lambda: node.diagnostics.drops.get("stale") == 1)


def test_wrong_overrides_stop_the_node_with_a_sentence(graph):
    for name, value in (("max_objects", 0), ("size_hint", "large"), ("mask_mode", "both")):
        with pytest.raises(InputError, match=r"max_objects|size_hint|mask_mode"):
            graph.add(ReconstructionNode, load=lambda s: BallPipeline(), parameters={name: value})


def test_a_slow_worker_takes_the_newest_frame_and_services_stay_quick(graph):
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline(seconds=0.4))
    graph.subscribe(interface.MESH)
    assert node.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    for index in range(1, 7):
        graph.send(publishers, observation(index * SECOND))
        time.sleep(0.05)
    began = time.monotonic()
    assert graph.call(SetBool, "/reconstruction/enable", SetBool.Request(data=True)).success
    assert time.monotonic() - began < 0.35
    until(lambda: len(graph.received["mesh"]) == 2)
    assert stamps(graph, interface.MESH) == [1 * SECOND, 6 * SECOND]
    assert node.diagnostics.drops == {"overtaken": 4}


def test_conversion_waits_for_a_subscriber_and_a_late_one_gets_the_last_result(graph, monkeypatch):
    from gsn_perception.ros import results

    calls = []
    convert = results.mesh_message
    monkeypatch.setattr(results, "mesh_message", lambda result: calls.append(1) or convert(result))
    pipeline = BallPipeline()
    node = graph.add(ReconstructionNode, load=lambda settings: pipeline)
    assert node.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    for index in (1, 2):
        graph.send(publishers, observation(index * SECOND))
        until(lambda count=index: node.diagnostics.totals.get("frames") == count)
    until(lambda: node._mailbox.wait_idle(0))
    assert calls == []
    graph.subscribe(interface.MESH)
    until(lambda: graph.received["mesh"])
    assert stamps(graph, interface.MESH) == [2 * SECOND]
    graph.subscribe(interface.MESH)  # latched now: served without another conversion
    until(lambda: len(graph.received["mesh"]) == 2)
    assert len(calls) == 1


def test_depth_and_mask_are_optional_streams(graph):
    pipeline = BallPipeline()
    node = graph.add(ReconstructionNode, load=lambda settings: pipeline)
    graph.subscribe(interface.MESH)
    assert node.start()
    inputs = (interface.IMAGE, interface.CAMERA_INFO, interface.MASK)
    publishers = graph.advertise(inputs)
    matched(publishers)
    graph.send(publishers, observation(1 * SECOND, depth=False))  # nobody publishes depth: it is not waited for
    until(lambda: len(graph.received["mesh"]) == 1)
    assert pipeline.seen[0].depth is None
    assert pipeline.seen[0].mask is not None


@pytest.mark.parametrize("reliable", [True, False])
def test_reliable_and_best_effort_cameras_are_heard(graph, reliable):
    profile = qos.reliable(5) if reliable else qos.sensor(5)
    assert qos_check_compatible(profile, qos.sensor())[0] != QoSCompatibility.ERROR
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    graph.subscribe(interface.MESH)
    assert node.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS, profile)
    matched(publishers)
    graph.send(publishers, observation(SECOND))
    until(lambda: graph.received["mesh"])


def test_compressed_images(graph):
    import cv2
    from sensor_msgs.msg import CompressedImage

    pipeline = BallPipeline()
    node = graph.add(ReconstructionNode, load=lambda s: pipeline, parameters={"image_transport": "compressed"})
    assert node.start()
    inputs = (interface.IMAGE_COMPRESSED, interface.CAMERA_INFO, interface.DEPTH, interface.MASK)
    publishers = graph.advertise(inputs)
    matched(publishers)
    item = observation(SECOND)
    data = cv2.imencode(".png", item.image[..., ::-1])[1].tobytes()
    message = CompressedImage(header=make_header(item.stamp, item.frame_id), format="png", data=data)

    class Both:
        def publish(self, _):
            publishers["image/compressed"].publish(message)

    graph.send({**publishers, "image": Both()}, item)
    until(lambda: pipeline.seen)
    np.testing.assert_array_equal(pipeline.seen[0].image, item.image)


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

    until(lambda: len(total()) >= 2, timeout=6)
    assert total()[0]["state"] == "active"
    assert heard[-1].status[0].name == "/reconstruction"


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


def test_time_that_jumps_back_goes_on_delivering(graph, running):
    node, publishers, _ = running
    node.set_parameters([Parameter("max_rate", value=5.0)])
    for count, stamp in enumerate((9 * SECOND, 10 * SECOND, 2 * SECOND, 3 * SECOND), start=1):
        graph.send(publishers, observation(stamp))
        finish(node, graph, count)
    assert stamps(graph, interface.MESH) == [9 * SECOND, 10 * SECOND, 2 * SECOND, 3 * SECOND]
    assert node.diagnostics.drops == {}
