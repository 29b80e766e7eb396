"""The grasp node: a ball in, grasps out; scene, parameters, what it refuses."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy")
from conftest import RADIUS
from conftest import BallPipeline
from conftest import ball_mesh
from conftest import matched
from conftest import observation
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger
from waiting import until

from gsn_perception.io import read_grasps_json
from gsn_perception.nodes.grasp_node import GraspNode
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages import clouds
from gsn_perception.ros.messages import grasps
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.results import frame_result as results
from gsn_perception.ros.results.frame_result import FrameResult

pytestmark = pytest.mark.dds
SECOND = 1_000_000_000
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
CHEAP = {"num_candidates": 64, "max_grasps": 5}


def frame_result(stamp: int, *, objects: bool = True, frame_id: str = "cam_optical") -> FrameResult:
    seen = observation(stamp, frame_id=frame_id)
    return FrameResult.of(seen, BallPipeline()(seen) if objects else [])


def send(publishers, result: FrameResult) -> None:
    publishers["mesh"].publish(results.mesh_message(result))
    publishers["support_plane"].publish(results.plane_message(result))
    publishers["points"].publish(results.points_message(result))


@pytest.fixture
def running(graph):
    node = graph.add(GraspNode, parameters=CHEAP)
    for topic in interface.GRASP_OUTPUTS:
        graph.subscribe(topic)
    assert node.start()
    inputs = (*interface.GRASP_INPUTS, interface.SCENE)
    publishers = graph.advertise(inputs, qos.latched())
    matched(publishers)
    return node, publishers


def finish(graph, count: int) -> None:
    until(lambda: all(len(graph.received[t.name]) >= count for t in interface.GRASP_OUTPUTS), what="outputs missing")


def test_grasps_close_around_the_ball_and_all_outputs_agree(graph, running):
    _node, publishers = running
    send(publishers, frame_result(3 * SECOND))
    finish(graph, 1)
    poses, table, markers = (graph.received[t.name][0] for t in interface.GRASP_OUTPUTS)
    header = make_header(3 * SECOND, "cam_optical")
    assert poses.header == table.header == markers.markers[0].header == header
    found = grasps.table_to_grasps(table)
    assert 0 < len(found) <= 5
    assert [g.score for g in found] == sorted((g.score for g in found), reverse=True)
    assert len(markers.markers[1].points) == 8 * len(found)
    centre = frame_result(SECOND).objects[0].T_camera_object[:3, 3]
    for grasp, pose in zip(found, poses.poses, strict=True):
        np.testing.assert_allclose(grasps.pose_to_matrix(pose), grasp.T_frame_tcp, atol=1e-6)
        offset = grasp.T_frame_tcp[:3, :3].T @ (centre - grasp.T_frame_tcp[:3, 3])
        assert abs(offset[1]) < 0.01  # the ball's centre is midway between the fingers
        assert 2 * RADIUS * 0.8 < grasp.width < 0.08
        assert grasp.label == 1


def test_every_set_gives_one_message_and_empties_clear(graph, running):
    node, publishers = running
    for index, objects in enumerate((True, False, True), start=1):
        send(publishers, frame_result(index * SECOND, objects=objects))
        finish(graph, index)
    assert [len(m.poses) > 0 for m in graph.received["grasps"]] == [True, False, True]
    assert [len(m.markers) for m in graph.received["grasps/markers"]] == [2, 1, 2]
    assert node.trigger_deactivate() == SUCCESS
    finish(graph, 4)
    last = graph.received["grasps"][-1]
    assert (len(last.poses), stamp_to_ns(last.header.stamp)) == (0, 3 * SECOND)


def test_the_scene_is_kept_clear_of_and_never_taken_for_free_when_it_cannot_be_used(graph, running):
    node, publishers = running
    result = frame_result(1 * SECOND)
    send(publishers, result)
    finish(graph, 1)
    free = len(graph.received["grasps"][0].poses)
    assert free

    def scene(frame_id, stamp):
        shell = ball_mesh(0.07, result.objects[0].T_camera_object[:3, 3]).vertices
        rows = np.zeros(len(shell), [(n, "<f4") for n in "xyz"])
        rows["x"], rows["y"], rows["z"] = shell.T
        publishers["scene"].publish(clouds.to_message(rows, make_header(stamp, frame_id)))
        until(lambda: node._scene.header == make_header(stamp, frame_id))

    scene("cam_optical", 2 * SECOND)
    send(publishers, frame_result(2 * SECOND))
    finish(graph, 2)
    assert len(graph.received["grasps"][1].poses) < free
    scene("map", 3 * SECOND)
    send(publishers, frame_result(3 * SECOND))
    finish(graph, 3)
    scene("cam_optical", 1 * SECOND)
    send(publishers, frame_result(9 * SECOND))
    finish(graph, 4)
    assert [len(m.poses) for m in graph.received["grasps"][2:]] == [0, 0]
    assert node.diagnostics.drops["not_planned"] == 2


def test_plan_service_uses_the_last_inputs_and_new_parameters(graph, running):
    node, publishers = running
    answer = graph.call(Trigger, "/grasp/plan", Trigger.Request())
    assert (answer.success, "points" in answer.message) == (False, True)
    send(publishers, frame_result(1 * SECOND))
    finish(graph, 1)
    assert node.set_parameters([Parameter("max_grasps", value=1)])[0].successful
    answer = graph.call(Trigger, "/grasp/plan", Trigger.Request())
    assert answer.success
    assert "object 1: 1 grasps" in answer.message
    finish(graph, 2)
    assert len(graph.received["grasps"][1].poses) == 1
    assert not node.set_parameters([Parameter("gripper.name", value="claw")])[0].successful
    box = [Parameter("workspace_min", value=[5.0] * 3), Parameter("workspace_max", value=[6.0] * 3)]
    assert node.set_parameters_atomically(box).successful
    answer = graph.call(Trigger, "/grasp/plan", Trigger.Request())
    assert not answer.success
    assert "outside the workspace" in answer.message
    assert "workspace_min and workspace_max are in frame 'cam_optical'" in answer.message


def two_balls(stamp: int) -> FrameResult:
    """Balls 6 cm apart in height and more, labels 1 and 5, of which 5 is known as gsn_2."""
    seen = observation(stamp)
    seen.mask[:] = 0
    v, u = np.mgrid[:48, :64]
    for label, (x, y) in {1: (18, 14), 5: (46, 34)}.items():
        near = (u - x) ** 2 + (v - y) ** 2 < 64
        seen.mask[near], seen.depth[near] = label, 0.5
    return replace(FrameResult.of(seen, BallPipeline()(seen)), ids={1: "gsn_1", 5: "gsn_2"})


def labels_of(graph, index: int) -> set[int]:
    return {grasp.label for grasp in grasps.table_to_grasps(graph.received["grasps/table"][index])}


def test_a_plan_of_one_object_by_name_or_label(graph, running):
    node, publishers = running
    send(publishers, two_balls(1 * SECOND))
    finish(graph, 1)
    assert labels_of(graph, 0) == {1, 5}
    for index, (target, label) in enumerate({"gsn_2": 5, "1": 1}.items(), start=1):
        assert node.set_parameters([Parameter("target", value=target)])[0].successful
        answer = graph.call(Trigger, "/grasp/plan", Trigger.Request(), timeout=60)
        assert answer.success
        assert answer.message.startswith(f"object {label}")
        finish(graph, index + 1)
        assert labels_of(graph, index) == {label}
    facts = node.facts()
    assert (facts["plan.state"], facts["plan.target"], facts["plan.objects"]) == ("succeeded", "1", "1/1")
    assert facts["plan.message"] == answer.message
    node.set_parameters([Parameter("target", value="gsn_9")])
    answer = graph.call(Trigger, "/grasp/plan", Trigger.Request())
    assert (answer.success, answer.message) == (
        False,
        "there is no object 'gsn_9'; choose one of gsn_1 (label 1), gsn_2 (label 5)",
    )
    finish(graph, 4)
    assert labels_of(graph, 3) == set()
    assert why_nothing(node) == "", "there were grasps since the last diagnostics"
    send(publishers, two_balls(2 * SECOND))
    finish(graph, 5)
    assert why_nothing(node) == answer.message


def why_nothing(node) -> str:
    status = node.diagnostics.message(make_header(0, "").stamp, "active").status[0]
    return {value.key: value.value for value in status.values}["why_nothing"]


def test_empty_results_say_why(graph, running):
    node, publishers = running
    send(publishers, frame_result(1 * SECOND, objects=False))
    finish(graph, 1)
    until(lambda: node._worker.wait_idle(0.1))
    assert why_nothing(node) == "there is no object to grasp"
    node.set_parameters_atomically(
        [Parameter("workspace_min", value=[5.0] * 3), Parameter("workspace_max", value=[6.0] * 3)]
    )
    send(publishers, frame_result(2 * SECOND))
    finish(graph, 2)
    until(lambda: node._worker.wait_idle(0.1))
    assert "outside the workspace" in why_nothing(node)


def test_save_writes_grasps_for_isaac_beside_the_meshes(graph, running, tmp_path):
    node, publishers = running
    assert graph.call(Trigger, "/grasp/save", Trigger.Request()).message == "nothing was planned yet; wait for a plan"
    names = ["left_finger", "right_finger"]
    node.set_parameters([Parameter("output_dir", value=str(tmp_path)), Parameter("gripper.joints", value=names)])
    send(publishers, two_balls(1 * SECOND))
    finish(graph, 1)
    until(lambda: node._worker.wait_idle(0.1))
    later = [Parameter("gripper.joints", value=["other_left", "other_right"])]
    assert node.set_parameters(later)[0].successful, "for the next plan, not for the one that is saved"
    answer = graph.call(Trigger, "/grasp/save", Trigger.Request())
    assert answer.success, answer.message
    folder = Path(answer.message)
    assert folder == tmp_path / "19700101_000001_000000000_grasps"
    files = {
        "grasps.json",
        *(f"{kind}" for label in (1, 5) for kind in (f"isaac_grasp_{label}.yaml", f"mesh_{label}.ply")),
    }
    assert {path.name for path in folder.iterdir()} == files
    content = yaml.safe_load((folder / "isaac_grasp_5.yaml").read_text())
    assert (content["format"], content["format_version"]) == ("isaac_grasp", 1.0)
    assert (content["object_frame"], content["gripper_frame"]) == ("cam_optical", "panda_hand")
    own = [grasp for grasp in read_grasps_json(folder / "grasps.json").grasps if grasp.label == 5]
    assert len(content["grasps"]) == len(own) > 0
    for entry, grasp in zip(content["grasps"].values(), own, strict=True):
        hand = grasp.T_frame_tcp[:3, 3] - 0.1034 * grasp.T_frame_tcp[:3, 2]
        np.testing.assert_allclose(entry["position"], hand, atol=1e-6)
        assert list(entry["cspace_position"]) == list(entry["pregrasp_cspace_position"]) == names
        assert entry["cspace_position"]["left_finger"] < entry["pregrasp_cspace_position"]["left_finger"]
        assert 2 * entry["cspace_position"]["left_finger"] == pytest.approx(2 * RADIUS, abs=0.005)
    assert node.set_parameters([Parameter("gripper.joints", value=["one"])])[0].reason.startswith("panda has 2 finger")


def test_early_grasps_of_the_object_planned_first(graph, running):
    node, publishers = running
    heard = graph.received["grasps/early"]
    send(publishers, two_balls(1 * SECOND))
    finish(graph, 1)
    assert "grasps/early" not in node.diagnostics.totals, "nobody listens"
    graph.subscribe(interface.GRASPS_EARLY)
    until(lambda: graph.is_matched())
    for number, (first, stamp) in enumerate((("nearest", 2), ("largest", 3)), start=1):
        assert node.set_parameters([Parameter("plan_first", value=first)])[0].successful
        send(publishers, two_balls(stamp * SECOND))
        finish(graph, stamp)
        until(lambda number=number: len(heard) == number)
        early, whole = grasps.table_to_grasps(heard[-1]), grasps.table_to_grasps(graph.received["grasps/table"][-1])
        assert heard[-1].header == graph.received["grasps/table"][-1].header
        assert len({g.label for g in early}) == 1
        kept = [g for g in whole if g.label == early[0].label]
        np.testing.assert_allclose([g.T_frame_tcp for g in early], [g.T_frame_tcp for g in kept])
    assert not node.set_parameters([Parameter("plan_first", value="smallest")])[0].successful
    send(publishers, frame_result(4 * SECOND))
    finish(graph, 4)
    assert len(heard) == 2, "with one object the frame's message is the first one"


def test_inputs_that_disagree_are_refused(graph, running):
    node, publishers = running
    publishers["mesh"].publish(results.mesh_message(frame_result(SECOND, frame_id="other")))
    publishers["support_plane"].publish(results.plane_message(frame_result(SECOND)))
    publishers["points"].publish(results.points_message(frame_result(SECOND)))
    finish(graph, 1)
    assert node.diagnostics.drops == {"not_planned": 1}
    assert len(graph.received["grasps"][0].poses) == 0


def test_incompatible_publishers_are_named_and_overrides_let_them_in(graph, monkeypatch):
    node = graph.add(GraspNode, parameters=CHEAP)
    assert node.start()
    said: list[str] = []
    monkeypatch.setattr(node, "warn", said.append)
    volatile = graph.advertise([interface.POINTS], qos.reliable(1))
    until(lambda: node.diagnostics.drops.get("incompatible_qos"))
    assert len(said) == 1
    assert "/points" in said[0]
    assert "DURABILITY" in said[0]
    assert not volatile["points"].get_subscription_count()
    overrides = {"qos_overrides./m/points.subscription.durability": "volatile"}
    other = graph.add(GraspNode, parameters={**CHEAP, **overrides}, namespace="m")
    assert other.start()
    publisher = graph.node.create_publisher(interface.POINTS.type, "/m/points", qos.reliable(1))
    until(lambda: publisher.get_subscription_count() == 1)


def test_bad_grippers_and_missing_moveit(graph, monkeypatch):
    from gsn_perception.geometry import InputError

    with pytest.raises(InputError, match="no gripper named"):
        graph.add(GraspNode, parameters={"gripper.name": "claw"})
    monkeypatch.setitem(sys.modules, "moveit_msgs", None)
    monkeypatch.setitem(sys.modules, "moveit_msgs.srv", None)
    node = graph.add(GraspNode, parameters={**CHEAP, "moveit_service": True}, namespace="m")
    assert node.trigger_configure() == FAILURE
    assert "moveit_msgs" in node.diagnostics.message(make_header(0, "").stamp, "").status[0].message


def test_both_nodes_from_image_to_grasps(graph):
    reconstruction = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    planner = graph.add(GraspNode, parameters=CHEAP)
    graph.subscribe(interface.GRASPS)
    assert reconstruction.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    graph.send(publishers, observation(1 * SECOND))
    until(lambda: reconstruction.diagnostics.totals.get("frames") == 1)
    assert planner.start()  # late: the last result was latched, or is converted for it
    until(lambda: len(graph.received["grasps"]) == 1)
    graph.send(publishers, observation(2 * SECOND))
    until(lambda: len(graph.received["grasps"]) == 2)
    assert [stamp_to_ns(m.header.stamp) for m in graph.received["grasps"]] == [1 * SECOND, 2 * SECOND]
    assert all(m.poses for m in graph.received["grasps"])
    assert reconstruction.trigger_deactivate() == SUCCESS
    until(lambda: len(graph.received["grasps"]) == 3)  # the empties reach the grasps, too
    assert not graph.received["grasps"][-1].poses


def test_grasps_on_extruded_points_are_remarked_on():
    import numpy as np
    import trimesh

    from gsn_perception.geometry import Mesh
    from gsn_perception.geometry import Plane
    from gsn_perception.geometry import Points
    from gsn_perception.grasping import GraspPlanner
    from gsn_perception.grasping import Gripper
    from gsn_perception.ros.messages.headers import make_header
    from gsn_perception.ros.node.grasp_worker import plan
    from gsn_perception.ros.results.grasp_result import GraspTask

    wide = trimesh.creation.box((0.3, 0.3, 0.3)).apply_translation((0, 0, 0.15))
    narrow = trimesh.creation.box((0.04, 0.08, 0.1)).apply_translation((0, 0, 0.05))
    xyz = np.asarray(narrow.sample(8000, seed=0), np.float32)
    points = Points(xyz, np.zeros_like(xyz), np.zeros_like(xyz), np.ones(len(xyz), np.float32))
    task = GraspTask(
        make_header(0, "cam"), {3: Mesh(wide.vertices, wide.faces)}, {3: points}, Plane(np.array([0, 0, 1.0]), 0.0)
    )
    result = plan(task, GraspPlanner(Gripper.named("panda")))
    assert result.grasps
    assert {label: remark.code for label, remark in result.remarks.items()} == {3: "extruded_grasps"}
    assert "object 3" in result.remarks[3].text
