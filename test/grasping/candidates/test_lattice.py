from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from grasp_checks import as_mesh
from scipy.spatial.transform import Rotation

from gsn_perception.evaluation.grasps.rolling import has_twin
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import PlannerSettings
from gsn_perception.grasping.candidates.lattice import lattice_pairs
from gsn_perception.grasping.candidates.lattice import object_axes
from gsn_perception.grasping.object_surface import Surface

PANDA = Gripper.named("panda")
UP = np.array([0.0, 0.0, 1.0])


def fine(shape, edge=0.005):
    return trimesh.Trimesh(*trimesh.remesh.subdivide_to_size(shape.vertices, shape.faces, edge))


def seen_anew(shape, seed, turn=0.0):
    """The shape as another frame would have it: other triangles, noise, turned about the vertical with its camera."""
    rng = np.random.default_rng(seed)
    cut = fine(shape, rng.uniform(0.004, 0.006))
    rough = cut.vertices + 2e-4 * rng.normal(size=cut.vertices.shape)
    mesh = as_mesh(trimesh.Trimesh(rough, cut.faces, process=False))
    seen = (mesh.vertices @ [1.0, 0.3, 0.8] > 0).astype(np.float32)
    R = Rotation.from_euler("z", turn, degrees=True).as_matrix()
    return replace(mesh, confidence=seen).transform(make_transform(R, np.zeros(3)))


LYING = trimesh.creation.capsule(0.08, 0.02, transform=trimesh.transformations.rotation_matrix(np.pi / 2, [0, 1, 0]))


@pytest.mark.parametrize("shape", [trimesh.creation.box((0.05, 0.03, 0.1)), LYING], ids=["box", "capsule"])
def test_pairs_lie_on_the_surface_within_both_cones_and_hold_matter_between_them(shape):
    surface = Surface.of(as_mesh(shape))
    pairs, _ = lattice_pairs(surface, PANDA, axis=UP, friction=0.5, clearance=0.003)
    assert len(pairs) > 50
    nearest = trimesh.proximity.closest_point(shape, pairs.points.reshape(-1, 3))
    assert nearest[1].max() < 5e-5  # rays are float32
    between = pairs.points[:, 0, None] + np.array([0.05, 0.5, 0.95])[:, None] * (
        pairs.points[:, 1:] - pairs.points[:, :1]
    )
    assert shape.contains(between.reshape(-1, 3)).mean() > 0.999
    ends = shape.face_normals[pairs.faces]
    cosines = np.stack([-(ends[:, 0] * pairs.axes).sum(1), (ends[:, 1] * pairs.axes).sum(1)])
    assert cosines.min() > np.cos(np.arctan(0.5)) - 0.02  # normals are averaged over a pad's reach
    assert pairs.widths.max() <= PANDA.max_width - 0.003
    np.testing.assert_allclose((pairs.tangents * pairs.axes).sum(axis=1), 0, atol=1e-6)


def test_the_coarse_lattice_is_in_the_lattice_and_leads():
    box = trimesh.creation.box((0.05, 0.03, 0.1))
    pairs, _ = lattice_pairs(Surface.of(as_mesh(box)), PANDA, axis=UP, friction=0.5, clearance=0.003)
    coarse = pairs.bonus == pairs.bonus.max()
    assert 0.02 < coarse.mean() < 0.2  # one in two by two by two by two, and the middle ones
    middles = pairs.points[coarse].mean(axis=1)
    apart = np.linalg.norm(middles[:, None] - middles, axis=2)
    same = np.abs(pairs.axes[coarse] @ pairs.axes[coarse].T) > 0.999
    assert apart[same & (apart > 1e-6)].min() > 0.017  # every second line of 9 mm


@pytest.mark.parametrize("turn", [0.0, 33.0, 170.0])
def test_axes_follow_the_object_and_not_its_triangles(turn):
    box = trimesh.creation.box((0.05, 0.03, 0.1))
    before, after = (object_axes(Surface.of(seen_anew(box, n, t)), UP) for n, t in ((1, 0.0), (2, turn)))
    turned = Rotation.from_euler("z", turn, degrees=True).apply(before.T).T
    angle = np.degrees(np.arctan2(np.cross(turned[:, 0], after[:, 0]) @ UP, turned[:, 0] @ after[:, 0]))
    assert abs((angle + 45) % 90 - 45) < 1.0


def test_an_even_ball_has_no_axes_and_a_ball_seen_from_a_side_has():
    ball = as_mesh(trimesh.creation.icosphere(4, 0.03))
    assert object_axes(Surface.of(ball), UP) is None
    assert not len(lattice_pairs(Surface.of(ball), PANDA, axis=UP, friction=0.5, clearance=0.003)[0])
    for azimuth in (10.0, 40.0):
        towards = Rotation.from_euler("z", azimuth, degrees=True).apply([1.0, 0, 0])
        seen = replace(ball, confidence=(ball.vertices @ towards > 0).astype(np.float32))
        axes = object_axes(Surface.of(seen), UP)
        assert axes is not None
        angle = np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
        assert abs((angle - azimuth + 45) % 90 - 45) < 3


def test_the_same_grasp_comes_again_when_the_object_is_seen_anew():
    """What points drawn at random do not give."""
    box = trimesh.creation.box((0.05, 0.03, 0.1))
    plane = Plane(UP, 0.05)
    shares = []
    for approaches in (5, 0):
        planner = GraspPlanner(PANDA, PlannerSettings(lattice_approaches=approaches))
        first = planner.plan_mesh(seen_anew(box, 0), support_plane=plane)[0]
        again = []
        for number in range(1, 7):
            turn = 55.0 * number
            back = make_transform(Rotation.from_euler("z", -turn, degrees=True).as_matrix(), np.zeros(3))
            found = planner.plan_mesh(seen_anew(box, number, turn), support_plane=plane)
            again.append(has_twin(first, tuple(g.transform(back) for g in found)))
        shares.append(np.mean(again))
    assert shares[0] >= 0.8
    assert shares[1] < shares[0]


def test_what_fits_to_the_millimetre_is_tried_last():
    box = as_mesh(trimesh.creation.box((0.078, 0.12, 0.1)))
    plane = Plane(UP, 0.05)
    assert not GraspPlanner(PANDA, PlannerSettings(tight=False)).plan_mesh(box, support_plane=plane)
    tight = GraspPlanner(PANDA).plan_mesh(box, support_plane=plane)
    assert tight
    assert all(g.width > 0.078 for g in tight)
    assert "none with the margins asked for" in GraspPlanner(PANDA).plan(box, support_plane=plane).reason
    easy = as_mesh(trimesh.creation.box((0.05, 0.12, 0.1)))
    runs = [GraspPlanner(PANDA, PlannerSettings(tight=t)).plan_mesh(easy, support_plane=plane) for t in (True, False)]
    assert [g.score for g in runs[0]] == [g.score for g in runs[1]]


def test_a_vertex_of_no_triangle_and_a_huge_object_do_no_harm():
    box = trimesh.creation.box((0.05, 0.03, 0.1))
    stray = replace(as_mesh(box), vertices=np.concatenate([box.vertices, [[3.0, 3.0, 3.0]]]))
    found = [
        len(lattice_pairs(Surface.of(m), PANDA, axis=UP, friction=0.5, clearance=0.003)[0])
        for m in (as_mesh(box), stray)
    ]
    assert found[0] == found[1]
    huge = Surface.of(as_mesh(trimesh.creation.box((3.0, 0.03, 2.0))))
    began = time.process_time()
    assert len(lattice_pairs(huge, PANDA, axis=UP, friction=0.5, clearance=0.003)[0])
    assert time.process_time() - began < 5


def test_the_line_of_sight_is_the_viewpoints():
    box = as_mesh(trimesh.creation.box((0.05, 0.05, 0.05))).transform(make_transform(np.eye(3), np.array([0.5, 0, 0])))
    above = GraspPlanner(PANDA).plan(box, viewpoint=np.array([0.5, 0, 1.0])).grasps[0]
    assert above.T_frame_tcp[2, 2] < -0.7
    before = GraspPlanner(PANDA).plan(box).grasps[0]
    assert before.T_frame_tcp[0, 2] > 0.7
