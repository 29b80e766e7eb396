"""Where the mesh gives no grasp: measured points extruded to the plane, labelled, with a score of their own."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.candidates.extrusion import extruded_points
from gsn_perception.grasping.scoring.score import ScoreModel
from gsn_perception.grasping.settings import PlannerSettings

TABLE = Plane(np.array([0, 0, 1.0]), 0.0)


def box_points(sides=(0.05, 0.08, 0.1), count=6000):
    """The upper side and two flanks, as a camera sees them; the rest is a guess."""
    rng = np.random.default_rng(0)
    a, b, c = (np.asarray(s) for s in sides)
    u, v = rng.uniform(-0.5, 0.5, (2, count))
    top = np.stack([u * a, v * b, np.full(count, c)], axis=1)
    flank = np.stack([np.full(count, a / 2), u * b, (v + 0.5) * c], axis=1)
    guess = np.stack([np.full(count, -0.3), u, v + 0.5], axis=1)
    xyz = np.concatenate([top, flank, guess]).astype(np.float32)
    seen = np.repeat(np.float32([1, 1, 0]), count)
    return Points(xyz, np.zeros_like(xyz), np.tile(np.float32([0, 0, 1]), (len(xyz), 1)), seen)


def slab():
    made = trimesh.creation.box((0.3, 0.3, 0.3)).apply_translation((0, 0, 0.15))
    return Mesh(made.vertices, made.faces)


@pytest.fixture(scope="module")
def planner():
    return GraspPlanner(Gripper.named("panda"))


def test_the_solid_is_that_of_what_was_seen():
    mesh = extruded_points(box_points(), TABLE)
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(0.05 * 0.08 * 0.1, rel=0.15)
    assert (mesh.confidence == 1).all()


def test_a_mesh_too_wide_falls_back_and_says_so(planner):
    found = planner.plan(slab(), points=box_points(), support_plane=TABLE, viewpoint=np.array([1.0, 0, 1.0]))
    assert found.extruded
    assert {grasp.source for grasp in found.grasps} == {"extruded"}
    assert "measured points" in found.reason
    places = np.stack([grasp.T_frame_tcp[:3, 3] for grasp in found.grasps])
    assert (np.abs(places[:, :2]) < 0.06).all()
    assert (places[:, 2] > 0).all()


def test_it_can_be_switched_off_and_needs_points_and_plane(planner):
    off = GraspPlanner(planner.gripper, replace(planner.settings, extrude=False))
    assert not off.plan(slab(), points=box_points(), support_plane=TABLE).grasps
    assert not planner.plan(slab(), points=box_points()).grasps
    assert not planner.plan(slab(), support_plane=TABLE).grasps


def test_a_mesh_that_can_be_grasped_is_not_replaced(planner):
    made = trimesh.creation.box((0.05, 0.08, 0.1)).apply_translation((0, 0, 0.05))
    found = planner.plan(Mesh(made.vertices, made.faces), points=box_points(), support_plane=TABLE)
    assert not found.extruded
    assert {grasp.source for grasp in found.grasps} == {"mesh"}


def test_too_few_observed_points_are_no_solid():
    points = box_points()
    with pytest.raises(InputError, match="observed"):
        extruded_points(replace(points, confidence=np.zeros_like(points.confidence)), TABLE)


def test_the_score_of_extruded_points_is_another_logistic_curve():
    model, apart = ScoreModel.fitted(), ScoreModel.fitted_extruded()
    figures = np.random.default_rng(0).uniform(0, 1, (50, len(model.weights)))
    logit, other = (np.log(p / (1 - p)) for p in (model(figures), apart(figures)))
    slope, shift = np.polyfit(logit, other, 1)
    assert np.allclose(slope * logit + shift, other, atol=1e-6)
    assert PlannerSettings().for_extruded().model == apart
