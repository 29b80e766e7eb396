"""What MoveIt is told, with its own messages where they are installed and with stand-ins for them."""

import sys

import numpy as np
import pytest

pytest.importorskip("rclpy")
import moveit_stand_ins
import trimesh
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping import Gripper
from gsn_perception.ros import optional
from gsn_perception.ros.messages.grasps import pose_to_matrix
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.moveit import collision_objects
from gsn_perception.ros.moveit import grasps
from gsn_perception.ros.moveit.table import THICKNESS
from gsn_perception.ros.moveit.table import TableBox
from gsn_perception.ros.moveit.table import TableTracker
from gsn_perception.ros.node.plan_requests import PlanAnswer
from gsn_perception.ros.results.frame_result import FrameResult
from gsn_perception.ros.results.grasp_result import GraspResult

HEADER = make_header(5_000_000_007, "cam")
PANDA = Gripper.named("panda")


@pytest.fixture(params=["stand-ins", "real"])
def messages(request, monkeypatch):
    if request.param == "real":
        pytest.importorskip("moveit_msgs.msg")
    else:
        for name, module in moveit_stand_ins.modules().items():
            monkeypatch.setitem(sys.modules, name, module)
    return optional.require("moveit_msgs.msg")


def byte(value):
    return value if isinstance(value, bytes) else bytes([value])


def test_an_object_stands_at_its_centre_with_its_vertices_about_it(messages):
    box = trimesh.creation.box((0.1, 0.2, 0.3)).apply_translation((1.0, 2.0, 3.0))
    added = collision_objects.collision_object("gsn_4", Mesh(box.vertices, box.faces), HEADER)
    assert (added.id, byte(added.operation), added.header) == ("gsn_4", b"\x00", HEADER)
    np.testing.assert_allclose(pose_to_matrix(added.pose), make_transform(np.eye(3), np.array([1, 2, 3])), atol=1e-6)
    (shape,) = added.meshes
    corners = np.array([(p.x, p.y, p.z) for p in shape.vertices])
    np.testing.assert_allclose([corners.min(0), corners.max(0)], [[-0.05, -0.1, -0.15], [0.05, 0.1, 0.15]], atol=1e-6)
    np.testing.assert_array_equal([t.vertex_indices for t in shape.triangles], box.faces)
    assert added.mesh_poses[0].orientation.w == 1.0
    removed = collision_objects.removal("gsn_2", HEADER)
    assert (removed.id, byte(removed.operation), removed.header) == ("gsn_2", b"\x01", HEADER)


def test_meshes_are_as_fine_as_asked_for_and_stay_in_place(messages):
    wavy = trimesh.creation.icosphere(subdivisions=5, radius=0.05)
    wavy.vertices *= 1 + 0.1 * np.sin(80 * wavy.vertices[:, :1])
    message, points = collision_objects._object_message("gsn_1", Mesh(wavy.vertices, wavy.faces), HEADER, 2000)
    assert 1500 < len(message.meshes[0].triangles) <= 2000
    corners = np.array([(p.x, p.y, p.z) for p in message.meshes[0].vertices])
    p = message.pose.position
    bounds = np.stack([corners.min(0), corners.max(0)]) + [p.x, p.y, p.z]
    np.testing.assert_allclose(bounds, wavy.bounds, atol=0.001)
    assert len(points) <= 500
    np.testing.assert_allclose([points.min(0), points.max(0)], [corners.min(0), corners.max(0)], atol=0.003)


def test_the_table_is_a_box(messages):
    slab = TableBox(make_transform(np.eye(3), np.array([0.5, 0, -0.015])), np.array([0.8, 0.6, 0.03]))
    table = collision_objects.table_message(slab, HEADER)
    assert (table.id, byte(table.operation), table.header) == ("gsn_table", b"\x00", HEADER)
    (shape,) = table.primitives
    assert (shape.type, list(shape.dimensions)) == (shape.BOX, [0.8, 0.6, 0.03])
    assert (table.pose.position.x, table.pose.position.z) == (0.5, -0.015)
    assert len(table.primitive_poses) == 1


def test_a_grasp_says_how_to_come_how_to_close_and_where_to_go(messages):
    pose = make_transform(Rotation.from_euler("x", 90, degrees=True).as_matrix(), np.array([1.0, 2.0, 3.0]))
    grasp = Grasp(pose, 0.06, 0.7, 3, closed_width=0.04)
    table = Plane(np.array([0, 0, 1.0]), 0)
    (out,) = grasps.grasp_messages([grasp], HEADER, PANDA, plane=table, names={3: "gsn_9"})
    assert (out.id, out.grasp_quality, out.grasp_pose.header) == ("gsn_9_0", 0.7, HEADER)
    hand = out.grasp_pose.pose.position  # of the hand, behind the TCP
    np.testing.assert_allclose([hand.x, hand.y, hand.z], [1.0, 2.0 + PANDA.tcp_offset, 3.0], atol=1e-12)
    fingers = ["panda_finger_joint1", "panda_finger_joint2"]
    assert list(out.pre_grasp_posture.joint_names) == list(out.grasp_posture.joint_names) == fingers
    np.testing.assert_allclose(out.pre_grasp_posture.points[0].positions, [0.03, 0.03])
    np.testing.assert_allclose(out.grasp_posture.points[0].positions, [0.02, 0.02])
    assert sum(out.grasp_posture.points[0].effort) == PANDA.max_force
    ways = (out.pre_grasp_approach, out.post_grasp_retreat, out.post_place_retreat)
    for way, direction in zip(ways, (pose[:3, 2], table.normal, -pose[:3, 2]), strict=True):
        vector = way.direction.vector
        np.testing.assert_allclose([vector.x, vector.y, vector.z], direction, atol=1e-12)
        assert way.direction.header == HEADER
        assert 0 < way.min_distance < way.desired_distance
    (without,) = grasps.grasp_messages([grasp], HEADER, Gripper.named("generic"))
    vector = without.post_grasp_retreat.direction.vector
    np.testing.assert_allclose([vector.x, vector.y, vector.z], -pose[:3, 2], atol=1e-12)
    assert (list(without.grasp_posture.joint_names), without.id) == ([], "gsn_3_0")


def test_the_hand_of_a_robotiq_closes_along_its_x(messages):
    robotiq = Gripper.named("robotiq_2f85")
    pose = make_transform(Rotation.from_euler("xyz", [0.3, -0.4, 1.0]).as_matrix(), np.array([1.0, 2.0, 3.0]))
    (out,) = grasps.grasp_messages([Grasp(pose, 0.085, 0.7)], HEADER, robotiq)
    hand = pose_to_matrix(out.grasp_pose.pose)
    np.testing.assert_allclose(hand[:3, 0], pose[:3, 1], atol=1e-9)
    np.testing.assert_allclose(hand[:3, 2], pose[:3, 2], atol=1e-9)
    assert list(out.pre_grasp_posture.joint_names) == ["robotiq_85_left_knuckle_joint"]
    np.testing.assert_allclose(out.pre_grasp_posture.points[0].positions, [0.0], atol=1e-12)
    np.testing.assert_allclose(out.grasp_posture.points[0].positions, [0.8])


def test_the_answer_of_plan_grasps_gives_code_sentence_and_source(messages):
    result = GraspResult(
        HEADER,
        (Grasp(np.eye(4), 0.06, 0.7, 3), Grasp(np.eye(4), 0.05, 0.6, 4)),
        {3: "1 grasps", 4: "1 grasps", 5: "no grasp: 9 too wide"},
        names={3: "gsn_8", 4: "gsn_4", 5: "gsn_5"},
    )
    everything = PlanAnswer.of(result, "")
    kind = optional.require("moveit_msgs.srv").GraspPlanning

    def filled(answer):
        response = kind.Response()
        grasps.fill(response, answer, PANDA, "grasp")
        assert response.error_code.source == "grasp"
        return response.error_code.val, response.error_code.message, [grasp.id for grasp in response.grasps]

    code, _, ids = filled(everything)
    assert (code, ids) == (1, ["gsn_8_0", "gsn_4_1"])
    assert filled(everything.only("gsn_8")) == (1, "object 3 (gsn_8): 1 grasps", ["gsn_8_0"])
    assert filled(everything.only("3")) == filled(everything.only("gsn_8")), "by label, too"
    assert filled(everything.only("gsn_5")) == (-1, "object 5: no grasp: 9 too wide", [])
    code, sentence, ids = filled(everything.only("mug"))
    assert (code, ids) == (-19, [])
    assert "no object 'mug'" in sentence
    assert "gsn_8 (label 3)" in sentence
    assert filled(PlanAnswer("TIMED_OUT", "too long"))[:2] == (-6, "too long")
    assert filled(PlanAnswer.of(GraspResult(HEADER), "frames differ"))[:2] == (-1, "frames differ")


@pytest.mark.parametrize(("name", "parameter"), [("Grasp", "moveit_service"), ("CollisionObject", "publish_moveit")])
def test_where_moveit_is_missing_the_parameter_that_asked_is_named(monkeypatch, name, parameter):
    for module in ("moveit_msgs", "moveit_msgs.msg", "moveit_msgs.srv"):
        monkeypatch.setitem(sys.modules, module, None)
    ask = grasps.service_type if name == "Grasp" else collision_objects.collision_object_type
    with pytest.raises(InputError, match=f"^{parameter} needs moveit_msgs.*or set {parameter} to false$"):
        ask()


def looking_down(T_target_camera, *, far=0.8, depth=True, frame_id="base"):
    """A camera 0.8 m above a table that is seen over 0.8 x 0.6 m, without objects."""
    camera = Camera(np.array([[80.0, 0, 40], [0, 80.0, 30], [0, 0, 1]]), 80, 60)
    noise = np.random.default_rng(0).normal(0, 0.001, (60, 80))
    seen = Observation(
        np.zeros((60, 80, 3), np.uint8),
        camera,
        depth=(far + noise).astype(np.float32) if depth else None,
        support_plane=Plane(np.array([0, 0, -1.0]), far),
        frame_id="cam",
    )
    return FrameResult.of(seen, [], T_target_camera=T_target_camera, target_frame=frame_id)


DOWN = make_transform(Rotation.from_euler("x", 180, degrees=True).as_matrix(), np.array([0.5, 0.0, 0.8]))


def test_the_table_is_as_large_as_it_is_seen_and_lies_below_the_plane():
    slab = TableTracker().update(looking_down(DOWN))
    np.testing.assert_allclose(sorted(slab.size), [THICKNESS, 0.6, 0.8], atol=0.02)
    np.testing.assert_allclose(slab.T_frame_slab[:3, 3], [0.5, 0, -THICKNESS / 2], atol=0.01)
    np.testing.assert_allclose(slab.T_frame_slab[:3, 2], [0, 0, 1], atol=1e-6)
    assert np.linalg.det(slab.T_frame_slab[:3, :3]) == pytest.approx(1)


def test_the_table_stands_still_in_noise_grows_by_what_is_seen_and_follows_a_new_plane():
    top = TableTracker()
    first = top.update(looking_down(DOWN))
    jitter = DOWN.copy()
    jitter[:3, 3] += [0.004, -0.003, 0.002]
    still = top.update(looking_down(jitter))
    np.testing.assert_array_equal(still.T_frame_slab, first.T_frame_slab)
    np.testing.assert_array_equal(still.size, first.size)
    aside = DOWN.copy()
    aside[0, 3] += 0.3
    grown = top.update(looking_down(aside))
    np.testing.assert_allclose(np.prod(grown.size[:2]), 1.1 * 0.6, rtol=0.05)
    low = DOWN.copy()
    low[2, 3] -= 0.1
    np.testing.assert_allclose(top.update(looking_down(low)).T_frame_slab[2, 3], -0.1 - THICKNESS / 2, atol=1e-3)


def test_without_depth_and_objects_nobody_knows_how_far_the_table_goes():
    assert TableTracker().update(looking_down(DOWN, depth=False)) is None
    assert TableTracker().update(FrameResult(HEADER)) is None
