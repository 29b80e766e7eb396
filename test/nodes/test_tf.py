"""Results in target_frame by the real tf2: at the image's stamp, over resets of time, under remapped topics."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("tf2_ros", reason="tf2_ros comes with a ROS 2 installation")
from conftest import BallPipeline
from conftest import ball_mesh
from conftest import matched
from conftest import observation
from conftest import until
from reconstruction_rig import SUCCESS
from reconstruction_rig import stamps
from rosgraph_msgs.msg import Clock
from tf2_msgs.msg import TFMessage
from transforms_rig import moved

from gsn_perception.geometry.transforms import make_transform
from gsn_perception.nodes.grasp_node import GraspNode
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages import clouds
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.headers import ns_to_stamp
from gsn_perception.ros.messages.points import cloud_to_points
from gsn_perception.ros.results import frame_result
from gsn_perception.ros.results.frame_result import FrameResult

pytestmark = pytest.mark.dds
SECOND = 1_000_000_000


class Robot:
    """A camera on a robot: images, /tf of the camera in base at x = its stamp in seconds, and a clock."""

    def __init__(self, graph, names=("/tf", "/tf_static"), profile=None) -> None:
        self.graph = graph
        self.camera = graph.advertise(interface.RECONSTRUCTION_INPUTS)
        self.moving = graph.node.create_publisher(TFMessage, names[0], profile or qos.reliable(100))
        self.static = graph.node.create_publisher(TFMessage, names[1], qos.latched(1))
        self.clock = graph.node.create_publisher(Clock, "/clock", qos.reliable(10))
        self.static.publish(TFMessage(transforms=[moved(0, 100.0, "cam_optical", "cam")]))
        graph.subscribe(interface.POINTS)

    def at(self, stamp: int, *, clock: bool = True) -> None:
        """The instant ``stamp``: transform, image, then the time."""
        self.moving.publish(TFMessage(transforms=[moved(stamp, stamp / SECOND, "cam", "base")]))
        self.graph.send(self.camera, observation(stamp))
        if clock:
            self.clock.publish(Clock(clock=ns_to_stamp(stamp)))

    def answered(self, stamp: int, *, clock: bool = True) -> float:
        """The camera's x in the points' frame, once ``stamp`` is answered."""
        deadline = time.monotonic() + 60
        while stamp not in stamps(self.graph, interface.POINTS):
            assert time.monotonic() < deadline, "no answer"
            self.at(stamp, clock=clock)
            time.sleep(0.1)  # best effort: an image may be lost
        found = next(m for m in self.graph.received["points"] if stamps_of(m) == stamp)
        assert found.header.frame_id == "base"
        (points,) = cloud_to_points(found).values()
        seen = BallPipeline()(observation(stamp))[0]
        return float((points.xyz - seen.points.xyz).mean(axis=0)[0])


def stamps_of(message) -> int:
    return message.header.stamp.sec * SECOND + message.header.stamp.nanosec


def started(graph, *, sim_time: bool = False, **options):
    parameters = {"target_frame": "base", "tf_timeout": 0.5, "use_sim_time": sim_time}
    node = graph.add(ReconstructionNode, load=lambda s: BallPipeline(), parameters=parameters, **options)
    assert node.start()
    return node


def ready(robot: Robot) -> Robot:
    matched(robot.camera)
    matched({"tf": robot.moving, "tf_static": robot.static})
    return robot


def test_results_are_where_the_camera_was_at_the_images_stamp(graph):
    started(graph)
    robot = ready(Robot(graph))
    for stamp in (3 * SECOND, 7 * SECOND):
        assert robot.answered(stamp) == pytest.approx(100 + stamp / SECOND, abs=0.01)


@pytest.mark.parametrize("clock", [True, False])
def test_every_frame_after_a_reset_is_answered_with_the_new_transforms(graph, clock):
    node = started(graph, sim_time=clock)
    robot = ready(Robot(graph))
    for stamp in (60 * SECOND, 61 * SECOND):
        robot.answered(stamp, clock=clock)
    graph.forget()
    for tick in range(1, 8):
        stamp = tick * SECOND // 7
        assert robot.answered(stamp, clock=clock) == pytest.approx(100 + stamp / SECOND, abs=0.01)
    assert node.is_active


def test_a_short_loop_is_not_interpolated_with_the_one_before(graph):
    """Simulated time: the clock tells of a reset that is too short for the transforms to tell."""
    started(graph, sim_time=True)
    robot = ready(Robot(graph))
    robot.answered(2 * SECOND)
    graph.forget()
    robot.moving.publish(TFMessage(transforms=[moved(SECOND // 2, 50.0, "cam", "base")]))
    assert robot.answered(SECOND // 4) == pytest.approx(100.25, abs=0.01)


def test_cleanup_gives_everything_back(graph):
    node = started(graph)
    heard = ("/tf", "/tf_static")
    assert all(graph.node.count_subscribers(name) == 1 for name in heard)
    services = {name for name, _ in graph.node.get_service_names_and_types()}
    assert not any("tf2_frames" in name for name in services)
    for _ in range(2):
        assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
        until(lambda: not any(graph.node.count_subscribers(name) for name in heard))
        assert node.start()
        until(lambda: all(graph.node.count_subscribers(name) == 1 for name in heard))


def test_remapped_to_relative_names(graph):
    rules = ["--ros-args", "-r", "/tf:=tf", "-r", "/tf_static:=tf_static"]
    started(graph, namespace="left", cli_args=rules)
    until(lambda: graph.node.count_subscribers("/left/tf") == 1)
    assert graph.node.count_subscribers("/left/tf_static") == 1
    assert not graph.node.count_subscribers("/tf")


def test_a_best_effort_tf_is_told_of(graph):
    node = started(graph)
    robot = Robot(graph, profile=qos.sensor(100))
    matched(robot.camera)

    def told() -> str:
        robot.at(5 * SECOND)
        time.sleep(0.1)
        return node.diagnostics.message(ns_to_stamp(0), "active").status[0].message

    until(lambda: "/tf offers incompatible QoS (RELIABILITY" in told(), timeout=60)


def test_what_is_no_tf_message_is_dropped_with_a_sentence(graph):
    node = started(graph)
    robot = ready(Robot(graph))
    robot.answered(3 * SECOND)
    broken = TFMessage(transforms=[moved(4 * SECOND, np.nan, "cam", "base")])
    broken.transforms[0].transform.rotation.w = 0.0
    robot.moving.publish(broken)  # tf2 ignores it
    assert robot.answered(6 * SECOND) == pytest.approx(106, abs=0.01)
    assert node.is_active


def test_a_scene_in_the_cameras_frame_is_kept_clear_of_by_grasps_in_base(graph):
    """The planner's answer with the camera's cloud is that with the same cloud in the objects' frame."""
    node = graph.add(GraspNode, parameters={"num_candidates": 64, "max_grasps": 5, "tf_timeout": 10.0})
    graph.subscribe(interface.GRASPS)
    assert node.start()
    robot = Robot(graph)
    publishers = graph.advertise((*interface.GRASP_INPUTS, interface.SCENE), qos.latched())
    matched(publishers)
    seen = observation(SECOND)
    shift = make_transform(np.eye(3), np.array([101.0, 0.0, 0.0]))  # of the instant 1 s
    shell = ball_mesh(0.07, BallPipeline()(seen)[0].T_camera_object[:3, 3]).vertices

    def planned(stamp: int, frame_id: str, offset: float) -> int:
        rows = np.zeros(len(shell), [(n, "<f4") for n in "xyz"])
        rows["x"], rows["y"], rows["z"] = (shell + [offset, 0, 0]).T
        header = make_header(SECOND, frame_id)
        publishers["scene"].publish(clouds.to_message(rows, header))
        until(lambda: node._scene.header == header)
        result = FrameResult.of(
            replace(seen, stamp=stamp), BallPipeline()(seen), T_target_camera=shift, target_frame="base"
        )
        publishers["mesh"].publish(frame_result.mesh_message(result))
        publishers["support_plane"].publish(frame_result.plane_message(result))
        publishers["points"].publish(frame_result.points_message(result))
        until(lambda: stamp in stamps(graph, interface.GRASPS), timeout=60, what="no plan")
        return len(graph.received["grasps"][-1].poses)

    sent = threading.Event()

    def publish() -> None:
        while not sent.wait(0.1):
            robot.at(SECOND)

    late = threading.Thread(target=publish)
    late.start()
    try:
        through_tf = planned(SECOND, "cam_optical", 0.0)
    finally:
        sent.set()
        late.join()
    free = planned(SECOND + 1, "base", 0.0)  # a hundred metres away
    assert through_tf == planned(SECOND + 2, "base", 101.0)
    assert through_tf < free
    until(lambda: not graph.node.count_subscribers("/tf"), what="TF is still listened to")
