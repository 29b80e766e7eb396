"""The nodes beside a planning scene that does what MoveIt's does, over DDS, with the real moveit_msgs."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("moveit_msgs.msg")
from conftest import RADIUS
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from conftest import until
from geometry_msgs.msg import TransformStamped
from rclpy.lifecycle import TransitionCallbackReturn

from gsn_perception.geometry import Observation
from gsn_perception.nodes.grasp_node import GraspNode
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.results import frame_result
from gsn_perception.ros.results.frame_result import FrameResult

moveit_messages = pytest.importorskip("moveit_msgs.msg")
moveit_services = pytest.importorskip("moveit_msgs.srv")
pytestmark = pytest.mark.dds
SECOND = 1_000_000_000
SUCCESS = TransitionCallbackReturn.SUCCESS
CollisionObject = moveit_messages.CollisionObject


class PlanningScene:
    """World and attached objects as MoveIt's ``planning_scene.cpp`` keeps them.

    ADD replaces what is in the world under that id, attached or not; REMOVE takes it out of the world.
    """

    def __init__(self, node) -> None:
        self.world: dict[str, object] = {}
        self.attached: dict[str, tuple[str, object]] = {}
        self.log: list[tuple[str, str]] = []
        node.create_subscription(CollisionObject, "collision_object", self._on_object, qos.reliable(100))
        node.create_service(moveit_services.GetPlanningScene, "get_planning_scene", self._on_ask)

    def attach(self, name: str, link: str) -> None:
        self.attached[name] = (link, self.world.pop(name))

    def detach(self, name: str) -> None:
        self.world[name] = self.attached.pop(name)[1]

    def _on_object(self, message) -> None:
        removes = message.operation == CollisionObject.REMOVE
        self.log.append(("-" if removes else "+", message.id))
        if removes:
            self.world.pop(message.id)  # KeyError: MoveIt warns of an id it does not know
        else:
            self.world[message.id] = message

    def _on_ask(self, request, response):
        assert request.components.components == moveit_messages.PlanningSceneComponents.ROBOT_STATE_ATTACHED_OBJECTS
        for name, (link, message) in self.attached.items():
            item = moveit_messages.AttachedCollisionObject(link_name=link)
            item.object.id, item.object.header.frame_id = name, link
            item.object.pose = message.pose  # the link's frame is the camera's here
            response.scene.robot_state.attached_collision_objects.append(item)
        return response


def frame(stamp: int, labels: dict[str, int], places=None) -> Observation:
    """Balls of known names under labels of this frame."""
    where = {"a": (20, 16), "b": (44, 30), **(places or {})}
    v, u = np.mgrid[:48, :64]
    mask = np.zeros((48, 64), np.uint8)
    for name, label in labels.items():
        mask[(u - where[name][0]) ** 2 + (v - where[name][1]) ** 2 < 36] = label
    seen = observation(stamp)
    return Observation(
        seen.image, seen.camera, mask=mask, depth=np.where(mask > 0, 0.5, 0.56).astype(np.float32), stamp=stamp,
        frame_id=seen.frame_id,
    )  # fmt: skip


@pytest.fixture
def scene(graph):
    return PlanningScene(graph.node)


def start(graph, **parameters):
    parameters = {"publish_moveit": True, "moveit_keep": 1.5, **parameters}
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline(), parameters=parameters)
    graph.subscribe(interface.MESH)
    assert node.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    client = graph.node.create_client(moveit_services.GetPlanningScene, "get_planning_scene")
    assert client.wait_for_service(10)
    until(lambda: graph.node.count_publishers("collision_object") and node._collision._scene._client.service_is_ready())
    return node, publishers


def show(graph, node, publishers, seen: Observation) -> None:
    before = len(graph.received["mesh"])
    graph.send(publishers, seen)
    until(lambda: len(graph.received["mesh"]) > before)
    until(lambda: node._worker.wait_idle(0.1))


def test_the_planning_scene_follows_objects_whatever_their_labels(graph, scene):
    node, publishers = start(graph)
    show(graph, node, publishers, frame(1 * SECOND, {"a": 1, "b": 2}))
    until(lambda: set(scene.world) == {"gsn_1", "gsn_2"})
    place = scene.world["gsn_1"].pose.position
    show(graph, node, publishers, frame(2 * SECOND, {"a": 2, "b": 1}))
    until(lambda: len(scene.log) == 4)
    again = scene.world["gsn_1"].pose.position
    np.testing.assert_allclose([again.x, again.y, again.z], [place.x, place.y, place.z], atol=0.005)
    texts = {marker.id: marker.text for marker in graph.received["mesh"][-1].markers[1:]}
    assert texts == {2: "gsn_1", 1: "gsn_2"}
    corners = np.array([(p.x, p.y, p.z) for p in scene.world["gsn_1"].meshes[0].vertices])
    np.testing.assert_allclose(np.abs(corners).max(axis=0), RADIUS, atol=0.002)
    show(graph, node, publishers, frame(3 * SECOND, {"b": 1}))
    show(graph, node, publishers, frame(int(3.4 * SECOND), {"a": 1, "b": 2}))
    until(lambda: len(scene.log) == 7)
    assert ("-", "gsn_1") not in scene.log, "one frame without it is no reason to plan through it"
    show(graph, node, publishers, frame(6 * SECOND, {"b": 1}))
    until(lambda: scene.log[-2:] == [("-", "gsn_1"), ("+", "gsn_2")])
    assert node.trigger_deactivate() == SUCCESS
    until(lambda: not scene.world)


def test_what_the_robot_holds_is_left_to_moveit_until_it_lets_go(graph, scene):
    node, publishers = start(graph)
    show(graph, node, publishers, frame(1 * SECOND, {"a": 1, "b": 2}))
    until(lambda: len(scene.world) == 2)
    scene.attach("gsn_1", "hand")
    for second in (2, 3):  # held, seen under another label; then out of sight for longer than anything is kept
        show(graph, node, publishers, frame(second * SECOND, {"a": 7, "b": 2}))
    show(graph, node, publishers, frame(9 * SECOND, {"b": 1}))
    until(lambda: len(scene.log) == 5)
    assert [entry for entry in scene.log if entry[1] == "gsn_1"] == [("+", "gsn_1")]
    assert "gsn_1" not in scene.world
    scene.detach("gsn_1")
    show(graph, node, publishers, frame(10 * SECOND, {"b": 1}))
    assert "gsn_1" in scene.world
    show(graph, node, publishers, frame(15 * SECOND, {"b": 1}))
    until(lambda: ("-", "gsn_1") in scene.log)
    assert node.diagnostics.drops == {}


RIGHT = 24 / 60 * 0.53  # metres that 24 pixels are where the balls are


def lifted_to_the_right(graph, scene, node, publishers, move) -> None:
    """The robot takes ``a`` and carries it to the right; it is seen there under another label."""
    show(graph, node, publishers, frame(1 * SECOND, {"a": 1, "b": 2}))
    until(lambda: len(scene.world) == 2)
    scene.attach("gsn_1", "hand")
    move()
    show(graph, node, publishers, frame(2 * SECOND, {"a": 5, "b": 2}, {"a": (44, 16)}))
    texts = {marker.id: marker.text for marker in graph.received["mesh"][-1].markers[1:]}
    assert texts == {5: "gsn_1", 2: "gsn_2"}
    until(lambda: len(scene.log) == 3)
    assert scene.log[-1] == ("+", "gsn_2"), "nothing is added where the hand holds it"


def test_a_held_object_is_known_where_the_gripper_is(graph, scene, monkeypatch):
    node, publishers = start(graph)
    moved = np.eye(4)
    moved[0, 3] = RIGHT
    monkeypatch.setattr(type(node._processor), "locate", lambda self, link, stamp: moved)
    lifted_to_the_right(graph, scene, node, publishers, lambda: None)


def test_a_held_object_is_known_where_tf_says_the_gripper_is(graph, scene):
    pytest.importorskip("tf2_ros")
    from tf2_msgs.msg import TFMessage

    tf = graph.node.create_publisher(TFMessage, "/tf_static", qos.latched(1))

    def say(x: float) -> None:
        poses = {"cam_optical": 0.0, "hand": x}
        links = [TransformStamped(header=make_header(0, "base"), child_frame_id=name) for name in poses]
        for link, place in zip(links, poses.values(), strict=True):
            link.transform.translation.x, link.transform.rotation.w = place, 1.0
        tf.publish(TFMessage(transforms=links))

    say(0.0)
    node, publishers = start(graph, target_frame="base", target_is_level=False, tf_timeout=5.0)

    def move() -> None:
        say(RIGHT)
        until(lambda: node._processor.locate("hand", 2 * SECOND)[0, 3] == RIGHT)

    lifted_to_the_right(graph, scene, node, publishers, move)
    assert scene.world["gsn_2"].header.frame_id == "base"


def test_the_table_is_published_where_it_is_asked_for(graph, scene):
    node, publishers = start(graph, moveit_table=True)
    show(graph, node, publishers, frame(1 * SECOND, {"a": 1}))
    until(lambda: set(scene.world) == {"gsn_1", "gsn_table"})
    table = scene.world["gsn_table"]
    assert table.header.frame_id == "cam_optical"
    assert min(table.primitives[0].dimensions) > 0.01
    assert node.trigger_deactivate() == SUCCESS
    until(lambda: not scene.world)


def test_without_move_group_and_with_one_that_hangs_frames_go_on(graph, monkeypatch):
    from gsn_perception.ros.moveit import planning_scene

    monkeypatch.setattr(planning_scene, "_PATIENCE", 0.2)
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline(), parameters={"publish_moveit": True})
    graph.subscribe(interface.MESH)
    seen = []
    graph.node.create_subscription(CollisionObject, "collision_object", seen.append, qos.reliable(100))
    assert node.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    until(lambda: node._collision._publisher.get_subscription_count() == 1)
    graph.send(publishers, frame(1 * SECOND, {"a": 1}))
    until(lambda: len(seen) == 1)
    hold = threading.Event()
    graph.node.create_service(
        moveit_services.GetPlanningScene, "get_planning_scene", lambda request, response: hold.wait(30) and response
    )
    until(lambda: node._collision._scene._client.service_is_ready())
    graph.send(publishers, frame(2 * SECOND, {"a": 1}))
    until(lambda: node.diagnostics.totals.get("frames") == 2)
    until(lambda: node._worker.wait_idle(0.1))
    hold.set()
    until(lambda: len(seen) == 2)


def send(publishers, result: FrameResult) -> None:
    for topic, convert in (("mesh", "mesh"), ("support_plane", "plane"), ("points", "points")):
        publishers[topic].publish(getattr(frame_result, f"{convert}_message")(result))


@pytest.fixture
def planner(graph):
    node = graph.add(GraspNode, parameters={"num_candidates": 64, "max_grasps": 3, "moveit_service": True})
    for topic in interface.GRASP_OUTPUTS:
        graph.subscribe(topic)
    assert node.start()
    publishers = graph.advertise(interface.GRASP_INPUTS, qos.latched())
    matched(publishers)
    return node, publishers


def ask(graph, name: str = ""):
    request = moveit_services.GraspPlanning.Request()
    request.target.id = name
    return graph.call(moveit_services.GraspPlanning, "/plan_grasps", request, timeout=60)


def test_plan_grasps_answers_for_one_object(graph, planner):
    node, publishers = planner
    codes = moveit_messages.MoveItErrorCodes
    early = ask(graph)
    assert early.error_code.val == codes.UNABLE_TO_AQUIRE_SENSOR_DATA
    assert "points" in early.error_code.message
    seen = frame(1 * SECOND, {"a": 1, "b": 2})
    result = FrameResult.of(seen, BallPipeline()(seen))
    result = replace(result, ids={1: "gsn_6", 2: "gsn_2"})
    send(publishers, result)
    until(lambda: len(graph.received["grasps"]) == 1, 60)
    answer = ask(graph, "gsn_6")
    assert (answer.error_code.val, answer.error_code.source) == (codes.SUCCESS, "grasp")
    assert "object 1 (gsn_6)" in answer.error_code.message
    assert 0 < len(answer.grasps) <= 3
    assert all(grasp.id.startswith("gsn_6_") for grasp in answer.grasps)
    assert all(len(grasp.pre_grasp_posture.points) == 1 for grasp in answer.grasps)
    up = answer.grasps[0].post_grasp_retreat.direction.vector
    np.testing.assert_allclose([up.x, up.y, up.z], result.support_plane.normal, atol=1e-6)
    everything = ask(graph)
    assert {grasp.id.rsplit("_", 1)[0] for grasp in everything.grasps} == {"gsn_6", "gsn_2"}
    unknown = ask(graph, "mug")
    assert (unknown.error_code.val, len(unknown.grasps)) == (codes.INVALID_OBJECT_NAME, 0)
    assert "gsn_6 (label 1), gsn_2 (label 2)" in unknown.error_code.message
    assert len(graph.received["grasps"]) == 1, "an answer to one is no news for all"
    facts = node.facts()
    assert (facts["plan.state"], facts["plan.target"], facts["plan.objects"]) == ("failed", "mug", "0/0")
    node.trigger_deactivate()
    assert ask(graph, "gsn_6").error_code.val == codes.FAILURE
