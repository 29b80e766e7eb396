from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import trimesh

pytest.importorskip("mujoco")

from gsn_perception.evaluation.grasps import running
from gsn_perception.evaluation.grasps.planners.baselines import top_down
from gsn_perception.evaluation.grasps.planners.exhaustive import search
from gsn_perception.evaluation.grasps.rolling import has_twin
from gsn_perception.evaluation.grasps.trials import RestingObject
from gsn_perception.evaluation.grasps.trials import make_judge
from gsn_perception.evaluation.grasps.trials import make_trial
from gsn_perception.evaluation.grasps.trials import resting_poses
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import PlannerSettings
from gsn_perception.grasping.candidates.extrusion import extruded_mesh
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

PANDA = Gripper.named("panda")
UP = np.array([0, 0, 1.0])


def box(*size):
    shape = trimesh.creation.box(size)
    return TexturedMesh(f"box{size}", Mesh(shape.vertices, shape.faces), shape="box").recentred()


def test_objects_rest_on_the_table_in_different_poses():
    item = box(0.12, 0.07, 0.04)
    judge = make_judge(item, PANDA)
    poses = resting_poses(item, judge, 3, seed=1)
    assert [p.index for p in poses] == [0, 1, 2]
    for pose in poses:
        assert np.abs(np.ptp(pose.mesh.vertices[:, 2]) - [0.04, 0.07, 0.12]).min() < 2e-3
    downs = [p.T_world_object[2, :3] for p in poses]
    assert max(downs[i] @ downs[j] for i, j in ((0, 1), (0, 2), (1, 2))) < 0.1
    for pose in poses:
        assert abs(pose.mesh.vertices[:, 2].min()) < 1e-3
        np.testing.assert_allclose(judge.settle(pose.T_world_object), pose.T_world_object, atol=2e-3)
    again = resting_poses(item, judge, 3, seed=1)
    np.testing.assert_array_equal(poses[2].T_world_object, again[2].T_world_object)


def test_only_what_fits_between_the_fingers_is_graspable():
    for size, expected in (((0.05, 0.05, 0.05), True), ((0.2, 0.2, 0.2), False)):
        item = box(*size)
        judge = make_judge(item, PANDA)
        found = search(resting_poses(item, judge, 1, 0)[0], judge)
        assert found.graspable is expected
        assert (found.candidates > 0) is expected


def test_an_object_inside_out_or_without_its_bottom_rests_and_is_grasped_as_the_whole():
    whole = box(0.05, 0.04, 0.12)
    faces = whole.mesh.faces
    bottom = whole.mesh.face_normals()[:, 2] < -0.9
    for mesh in (Mesh(whole.mesh.vertices, faces[:, ::-1]), Mesh(whole.mesh.vertices, faces[~bottom][:, ::-1])):
        item = replace(whole, mesh=mesh)
        judge = make_judge(item, PANDA)
        (resting,) = resting_poses(item, judge, 1, 0)
        (expected,) = resting_poses(whole, make_judge(whole, PANDA), 1, 0)
        np.testing.assert_allclose(resting.T_world_object, expected.T_world_object, atol=1e-3)
        assert search(resting, judge).graspable


def test_a_rolled_camera_stands_where_it_stood_and_sees_the_whole_object():
    item = box(0.08, 0.06, 0.05)
    resting = RestingObject(item, 0, np.eye(4))
    upright, rolled = make_trial(resting, 0, 3), make_trial(resting, 0, 3, roll=np.radians(60))
    a, b = upright.camera.world_from_camera, rolled.camera.world_from_camera
    np.testing.assert_allclose(a[:3, 3], b[:3, 3])
    np.testing.assert_allclose(a[:3, 2], b[:3, 2], atol=1e-12)
    assert a[:3, 0] @ b[:3, 0] == pytest.approx(0.5)
    areas = []
    for trial in (upright, rolled):
        mask = trial.observation.mask > 0
        assert mask[1:-1, 1:-1].sum() == mask.sum()
        areas.append(mask.sum())
    assert areas[0] == pytest.approx(areas[1], rel=0.02)


def test_extruding_the_top_of_a_box_gives_the_box_under_any_pose():
    rng = np.random.default_rng(0)
    top = np.concatenate([rng.uniform([-0.05, -0.03], [0.05, 0.03], (8000, 2)), np.full((8000, 1), 0.04)], axis=1)
    T = make_transform(trimesh.transformations.random_rotation_matrix(rng.random(3))[:3, :3], [0.1, 0.2, 0.6])
    plane = Plane(T[:3, 2], -float(T[:3, 2] @ T[:3, 3]))
    mesh = extruded_mesh(top @ T[:3, :3].T + T[:3, 3], plane)
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(0.1 * 0.06 * 0.04, rel=0.15)
    heights = plane.height(mesh.vertices.astype(np.float64))
    assert heights.min() == pytest.approx(0, abs=2e-3)
    assert heights.max() == pytest.approx(0.04, abs=2e-3)


def test_top_down_closes_along_the_shortest_side():
    rng = np.random.default_rng(0)
    flat = rng.uniform([-0.07, -0.02], [0.07, 0.02], (4000, 2))
    points = np.concatenate([flat, np.full((4000, 1), 0.05)], axis=1) + [0.3, 0.1, 0]
    grasp = top_down(points, Plane(UP, 0.0), PANDA)
    np.testing.assert_allclose(grasp.T_frame_tcp[:3, 2], -UP, atol=1e-9)
    assert abs(grasp.T_frame_tcp[1, 1]) > 0.999
    np.testing.assert_allclose(grasp.T_frame_tcp[:2, 3], [0.3, 0.1], atol=2e-3)
    assert 0.04 < grasp.width <= PANDA.max_width
    assert top_down(points * [1, 4, 1], Plane(UP, 0.0), PANDA) is None


def test_a_twin_may_have_its_fingers_swapped_but_not_be_elsewhere():
    grasp = Grasp(np.eye(4), 0.05, 1.0)
    swapped = Grasp(make_transform(np.diag([-1.0, -1.0, 1.0]), [0.004, 0, 0]), 0.05, 1.0)
    aside = Grasp(make_transform(np.eye(3), [0.006, 0, 0]), 0.05, 1.0)
    assert has_twin(grasp, (aside, swapped))
    assert not has_twin(grasp, (aside,))
    assert not has_twin(grasp, (aside,) * 10 + (swapped,))


_made = []


def _pipeline():
    _made.append(1)
    return lambda trial: None


def test_a_process_makes_its_pipeline_once_for_all_copies_of_its_work(monkeypatch):
    _made.clear()
    monkeypatch.setattr(running, "_contexts", {})
    work = running.WorkerSetup(running.Campaign(seed=1), PANDA, PlannerSettings(), _pipeline)
    first = running._method_context(pickle.loads(pickle.dumps(work)))
    assert running._method_context(pickle.loads(pickle.dumps(work))) is first
    assert len(_made) == 1
    other = replace(work, campaign=running.Campaign(seed=2))
    assert running._method_context(pickle.loads(pickle.dumps(other))) is not first
    assert len(_made) == 2
