"""The judge's contacts against closed forms: how deep pads sink, what friction and patch carry, where fingers stop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

pytest.importorskip("mujoco")

from gsn_perception.evaluation.physics.judge import Judge
from gsn_perception.evaluation.physics.judge import JudgeSettings
from gsn_perception.evaluation.physics.motion import Sim
from gsn_perception.evaluation.physics.world import Body
from gsn_perception.evaluation.physics.world import WorldSettings
from gsn_perception.evaluation.physics.world import build
from gsn_perception.geometry import Grasp
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import gripper_names

DOWN = np.diag([1.0, -1.0, -1.0])
G = 9.81


def box_body(size, mass, center=(0.0, 0.0, 0.0)):
    x, y, z = size
    inertia = mass / 12 * np.diag([y * y + z * z, x * x + z * z, x * x + y * y])
    return Body(mass, np.array(center, dtype=float), inertia + 1e-9 * np.eye(3))


def gripped(size, mass, *, gripper="panda", force=None, parts=None, center=(0.0, 0.0, 0.0), turn=None, **world):
    """The simulation of a box that was closed upon in the air near its top; gravity off until it is held."""
    hand = Gripper.named(gripper)
    hand = hand if force is None else replace(hand, max_force=force)
    parts = [trimesh.creation.box(size).vertices] if parts is None else parts
    model = build(parts, box_body(size, mass, center), hand, WorldSettings(**world))
    model.opt.gravity[:] = 0
    sim = Sim(model)
    at = [0, 0, 0.6]
    sim.place(make_transform(np.eye(3) if turn is None else turn, at))
    opening = min(size[1] + 0.02, hand.max_width)
    sim.put_hand(make_transform(DOWN, [0, 0, 0.6 + (size[2] / 2 - 0.015 if turn is None else 0)]), opening)
    sim.close(opening)
    sim.rest(0.3)
    model.opt.gravity[:] = [0, 0, -G]
    return sim


def pad_forces(sim):
    """Normal force on each finger, newton, and the deepest contact, metres."""
    import mujoco

    forces, wrench, deepest = {"left": 0.0, "right": 0.0}, np.zeros(6), 0.0
    for index in range(sim._data.ncon):
        contact = sim._data.contact[index]
        mujoco.mj_contactForce(sim._model, sim._data, index, wrench)
        for name in forces:
            forces[name] += wrench[0] * (sim._body[name] in sim._of_geom[contact.geom])
        deepest = max(deepest, -contact.dist)
    return forces, deepest


@pytest.mark.parametrize("gripper", gripper_names())
@pytest.mark.parametrize(("thick", "mass"), [(0.002, 0.002), (0.004, 0.004), (0.04, 0.002), (0.04, 0.2), (0.04, 2.0)])
def test_pads_press_with_their_limit_and_sink_in_no_deeper_than_they_may(gripper, thick, mass):
    sim = gripped((0.05, thick, 0.08), mass, gripper=gripper)
    forces, deepest = pad_forces(sim)
    for force in forces.values():
        assert force == pytest.approx(Gripper.named(gripper).max_force, rel=0.01)
    assert deepest < 6e-5
    assert sim.snapshot("close").width == pytest.approx(thick, abs=2 * 6e-5)


def test_a_contact_sinks_by_the_formula():
    """f (1 - d) A t^2 with the force shared by four contacts, here of a light object that may give as much as is asked."""
    for give in (4e-5, 2e-4):
        _, deepest = pad_forces(gripped((0.05, 0.04, 0.08), 0.004, give=give))
        assert deepest == pytest.approx(give, rel=0.1)


@pytest.mark.parametrize("gripper", gripper_names())
def test_fingers_meet(gripper):
    hand = Gripper.named(gripper)
    sim = Sim(build([np.eye(4, 3) * 0.02], box_body((0.01,) * 3, 0.01), hand, WorldSettings()))
    sim.place(make_transform(np.eye(3), [1, 0, 0.02]))
    sim.put_hand(make_transform(DOWN, [0, 0, 0.5]), 0.04)
    sim.close(0.04)
    assert sim.snapshot("close").width == pytest.approx(0, abs=5e-5)
    # also where no stop of the joints helps
    sim._model.jnt_limited[:] = 0
    sim.rest(0.2)
    assert sim.snapshot("close").width == pytest.approx(0, abs=2e-4)
    forces, _ = pad_forces(sim)
    assert forces["left"] == pytest.approx(hand.max_force, rel=0.01)


@pytest.mark.parametrize("mass", [0.02, 0.2])
@pytest.mark.parametrize(("share", "slides"), [(0.93, True), (1.07, False)])
def test_a_block_slides_where_its_weight_exceeds_two_mu_f(mass, share, slides):
    size, friction = (0.05, 0.04, 0.08), 0.5
    sim = gripped(size, mass, force=share * mass * G / (2 * friction), friction=friction)
    before = sim.object_in_hand
    sim.rest(0.5)
    moved = float(np.linalg.norm(sim.object_in_hand - before))
    assert (moved > 5e-3) if slides else (moved < 3e-4)


def bumps(radius=0.004, half=0.02):
    """Two spheres through which pads touch at one point each, and a bar between them that they carry."""
    ball = trimesh.creation.icosphere(subdivisions=3, radius=radius).vertices
    tip = half - radius
    return [ball + [0, tip, 0], ball - [0, tip, 0], trimesh.creation.box((0.01, 2 * tip, 0.01)).vertices]


@pytest.mark.parametrize("tilt", [0.0, 60.0])
@pytest.mark.parametrize(("share", "turns"), [(0.85, True), (1.15, False)])
def test_a_lever_turns_between_two_points_where_its_moment_exceeds_their_torsion(tilt, share, turns):
    """A point contact carries (ft / mu F)^2 + (m / gamma F)^2 <= 1, a lever tilted by a loads it with m g l cos a / 2."""
    mass, arm, friction, torsion = 0.1, 0.05, 0.5, 0.02
    turn = trimesh.transformations.rotation_matrix(np.radians(tilt), [0, 1, 0])[:3, :3]
    moment = mass * G * arm * np.cos(np.radians(tilt))
    force = np.hypot(mass * G / 2 / friction, moment / 2 / torsion)
    sim = gripped(
        (0.02, 0.04, 0.02), mass, force=share * force, parts=bumps(), center=(arm, 0, 0), turn=turn,
        friction=friction, torsion=torsion,
    )  # fmt: skip
    before = sim.object_pose[:3, :3]
    sim.rest(0.4)
    cosine = np.clip((np.trace(before.T @ sim.object_pose[:3, :3]) - 1) / 2, -1, 1)
    angle = np.degrees(np.arccos(cosine))
    assert (angle > 8) if turns else (angle < 2)


@pytest.mark.parametrize(("thick", "mass"), [(0.002, 0.002), (0.004, 0.004)])
def test_a_plate_on_edge_is_lifted_between_the_pads(thick, mass):
    size = (0.08, thick, 0.08)
    judge = Judge([trimesh.creation.box(size).vertices], box_body(size, mass), Gripper.named("panda"), JudgeSettings())
    pose = make_transform(np.eye(3), [0, 0, 0.04])
    outcome = judge(Grasp(make_transform(DOWN, [0, 0, 0.06]), 0.03, 1.0), pose)
    assert outcome.held
    assert outcome.snapshots[1].width == pytest.approx(thick, abs=2e-4)
    assert outcome.slip < 1e-3


def test_what_lies_on_the_table_lies_still():
    for mass in (0.002, 0.2, 2.0):
        size = (0.05, 0.04, 0.08)
        judge = Judge([trimesh.creation.box(size).vertices], box_body(size, mass), Gripper.named("panda"))
        rest = judge.settle(make_transform(np.eye(3), [0, 0, 0.041]))
        np.testing.assert_allclose(rest, make_transform(np.eye(3), [0, 0, 0.04]), atol=1e-4)
