"""Epsilon: balls in known hulls, what must not change it, and what must."""

import numpy as np
import pytest
import trimesh
from scipy.optimize import linprog
from scipy.spatial.transform import Rotation

from gsn_perception.evaluation.grasps.ferrari_canny import hull_radius
from gsn_perception.evaluation.grasps.ferrari_canny import robust_epsilon
from gsn_perception.evaluation.grasps.ferrari_canny import wrenches
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.object_surface import Surface

PANDA = Gripper.named("panda")


def test_balls_in_cubes_and_cross_polytopes():
    cube = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 6), -1).reshape(-1, 6)
    assert hull_radius(cube) == pytest.approx(1)
    assert hull_radius(np.concatenate([np.eye(6), -np.eye(6)])) == pytest.approx(6**-0.5)
    assert hull_radius(cube + 1.5) == 0  # the origin is outside
    assert hull_radius(cube * [1, 1, 1, 1, 1, 0]) == 0  # flat


def resists(found, load):
    """Whether a mix of the wrenches equals the load, by linear programming."""
    equal = np.vstack([found.T, np.ones(len(found))])
    return linprog(np.zeros(len(found)), A_eq=equal, b_eq=np.append(load, 1)).status == 0


def test_loads_within_epsilon_are_resisted_and_some_beyond_are_not():
    rng = np.random.default_rng(0)
    points = np.array([[x, y, z] for y in (-0.02, 0.02) for x, z in ((-0.01, -0.01), (0.01, -0.01), (0, 0.012))])
    inward = np.array([[0, -np.sign(y), 0] for _, y, _ in points])
    found = wrenches(points, inward, 0.5, center=np.zeros(3), length=0.03)
    radius = hull_radius(found)
    assert radius > 0.02
    loads = rng.normal(size=(400, 6))
    loads /= np.linalg.norm(loads, axis=1, keepdims=True)
    assert all(resists(found, 0.99 * radius * load) for load in loads[:60])
    support = (found @ loads.T).max(axis=0)  # how far the hull reaches in each direction
    assert support.min() >= radius - 1e-9


def _box_grasp(shift=0.0, turn=0.0, width=0.06):
    """Across a box of 4 cm, closing along y, approaching along -z."""
    R = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]) @ Rotation.from_rotvec([turn, 0, 0]).as_matrix()
    return Grasp(make_transform(R, np.array([shift, 0, 0])), width, 1.0)


def _surface(extents, pose=None):
    box = trimesh.creation.box(extents)
    if pose is not None:
        box.apply_transform(pose)
    return Surface.of(Mesh(box.vertices, box.faces))


def test_squarely_beats_the_rim_and_off_the_object_is_nothing():
    surface = _surface((0.12, 0.04, 0.04))
    values = [robust_epsilon(_box_grasp(shift), PANDA, surface, friction=0.5) for shift in (0.0, 0.045, 0.2)]
    assert values[0] > values[1] > 0
    assert values[2] == 0


def test_more_friction_and_a_straighter_hand_resist_more():
    surface = _surface((0.12, 0.04, 0.04))
    slippery, rough = (robust_epsilon(_box_grasp(), PANDA, surface, friction=f) for f in (0.2, 0.8))
    assert rough > 1.5 * slippery > 0
    aslant = robust_epsilon(_box_grasp(turn=0.35), PANDA, surface, friction=0.3)
    assert aslant < robust_epsilon(_box_grasp(), PANDA, surface, friction=0.3)


def test_moving_object_and_grasp_together_changes_nothing():
    T = make_transform(Rotation.from_rotvec([0.4, -1.0, 0.3]).as_matrix(), np.array([0.3, -0.2, 0.8]))
    here, grasp = _surface((0.1, 0.04, 0.05)), _box_grasp(0.01)
    there = _surface((0.1, 0.04, 0.05), T)
    moved = Grasp(T @ grasp.T_frame_tcp, grasp.width, 1.0)
    expected = robust_epsilon(grasp, PANDA, here, friction=0.5)
    assert robust_epsilon(moved, PANDA, there, friction=0.5) == pytest.approx(expected, rel=0.15)
