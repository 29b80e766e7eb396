"""The judge against cases whose outcome is known without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

pytest.importorskip("mujoco")

from gsn_perception.evaluation.physics.judge import Judge
from gsn_perception.evaluation.physics.judge import JudgeSettings
from gsn_perception.evaluation.physics.parts import convex_parts
from gsn_perception.evaluation.physics.world import WorldSettings
from gsn_perception.evaluation.physics.world import body_of
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import gripper_names

DOWN = np.diag([1.0, -1.0, -1.0])


def judge_of(size, *, gripper="panda", force=None, **world):
    box = trimesh.creation.box(size)
    mesh = Mesh(box.vertices, box.faces)
    parts = convex_parts(mesh)
    gripper = Gripper.named(gripper)
    if force is not None:
        gripper = replace(gripper, max_force=force)
    settings = JudgeSettings(world=WorldSettings(**world))
    return Judge(parts, body_of(mesh, parts, settings.world.density), gripper, settings)


def carry_out(judge, size, *, z, width, x=0.0, y=0.0):
    pose = judge.settle(make_transform(np.eye(3), [0, 0, size[2] / 2]))
    return judge(Grasp(make_transform(DOWN, [x, y, z]), width, 1.0), pose)


@pytest.mark.parametrize("gripper", gripper_names())
def test_a_box_gripped_squarely_is_held_and_does_not_slip(gripper):
    size = (0.05, 0.04, 0.08)
    outcome = carry_out(judge_of(size, gripper=gripper), size, z=0.06, width=0.05)
    assert outcome.held
    assert outcome.force < 1
    assert outcome.slip < 2e-3
    assert [s.stage for s in outcome.snapshots] == ["approach", "close", "lift", "shake"]
    heights = [s.T_world_object[2, 3] for s in outcome.snapshots]
    assert heights[3] - heights[0] == pytest.approx(0.2, abs=0.005)
    assert outcome.snapshots[1].width == pytest.approx(0.04, abs=2e-3)


def test_without_friction_it_slips():
    size = (0.05, 0.04, 0.08)
    outcome = carry_out(judge_of(size, friction=1e-4, torsion=0.0), size, z=0.06, width=0.05)
    assert (outcome.verdict, outcome.stage) == ("slipped", "lift")


@pytest.mark.parametrize(("share", "verdict"), [(2.0, "held"), (0.5, "slipped")])
def test_friction_carries_what_coulomb_says(share, verdict):
    """Two pads carry 2 mu F: half the force that weight and shake ask for lets go, twice holds."""
    size = (0.05, 0.04, 0.08)
    mass = 300 * np.prod(size)
    most = mass * (9.81 + 0.04 * (2 * np.pi * 2) ** 2)  # shaken upwards with 4 cm at 2 Hz
    needed = most / (2 * 0.5)
    outcome = carry_out(judge_of(size, force=share * needed), size, z=0.045, width=0.05)
    assert outcome.verdict == verdict


def test_closing_beside_it_misses():
    size = (0.05, 0.04, 0.08)
    outcome = carry_out(judge_of(size), size, z=0.06, width=0.05, x=0.05)
    assert (outcome.verdict, outcome.stage) == ("missed", "close")


@pytest.mark.parametrize("z", [0.06, 0.0])
def test_a_box_wider_than_the_stroke_and_a_table_are_collisions(z):
    size = (0.10, 0.10, 0.08) if z else (0.05, 0.04, 0.08)
    outcome = carry_out(judge_of(size), size, z=z, width=0.08 if z else 0.05)
    assert (outcome.verdict, outcome.stage) == ("collision on approach", "approach")
    assert outcome.force > 20


def test_a_thin_tower_pushed_over_is_tipped():
    size = (0.012, 0.012, 0.16)
    judge = judge_of(size)
    pose = judge.settle(make_transform(np.eye(3), [0, 0, 0.08]))
    beside = Grasp(make_transform(DOWN, [0.015, 0.02, 0.155]), 0.07, 1.0)  # the pad's edge sweeps it aside
    outcome = judge(beside, pose)
    assert (outcome.verdict, outcome.stage) == ("tipped", "close")
    assert judge(Grasp(make_transform(DOWN, [0, 0.03, 0.14]), 0.08, 1.0), pose).held  # off centre, but between


def test_the_same_grasp_has_the_same_outcome():
    size = (0.3, 0.04, 0.08)
    runs = [carry_out(judge_of(size), size, z=0.06, width=0.05, x=0.1) for _ in range(2)]
    assert runs[0].slip == runs[1].slip
    assert runs[0].verdict == runs[1].verdict


def test_mass_properties_are_those_of_the_solid():
    size = np.array([0.1, 0.06, 0.04])
    box = trimesh.creation.box(size)
    box.apply_translation([0.2, 0.1, 0])
    mesh = Mesh(box.vertices, box.faces)
    body = body_of(mesh, convex_parts(mesh), 300.0)
    assert body.mass == pytest.approx(300 * size.prod(), rel=1e-5)
    np.testing.assert_allclose(body.center, [0.2, 0.1, 0], atol=1e-6)
    expected = (
        body.mass
        / 12
        * np.diag([size[1] ** 2 + size[2] ** 2, size[0] ** 2 + size[2] ** 2, size[0] ** 2 + size[1] ** 2])
    )
    np.testing.assert_allclose(body.inertia, expected, atol=2e-7)


def test_concave_parts_follow_the_surface_and_are_cached(tmp_path):
    pytest.importorskip("coacd")
    ring = trimesh.creation.annulus(0.03, 0.05, 0.02)
    mesh = Mesh(ring.vertices, ring.faces)
    parts = convex_parts(mesh, tmp_path)
    assert len(parts) > 2
    hulls = [trimesh.convex.convex_hull(part) for part in parts]
    assert sum(h.volume for h in hulls) == pytest.approx(ring.volume, rel=0.15)
    assert not any(h.contains([[0, 0, 0]])[0] for h in hulls)
    again = convex_parts(mesh, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    for a, b in zip(parts, again, strict=True):
        np.testing.assert_array_equal(a, b)
