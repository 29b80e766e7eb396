from __future__ import annotations

import numpy as np
import pytest
import trimesh
from grasp_checks import as_mesh
from grasp_checks import closing_contacts
from grasp_checks import gripper_samples
from grasp_checks import reconstruction_of
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import PlannerSettings
from gsn_perception.grasping import gripper_names
from gsn_perception.grasping import pre_grasp
from gsn_perception.grasping.scoring.features import FEATURES
from gsn_perception.grasping.scoring.score import ScoreModel
from gsn_perception.grasping.selection import rotation_between

SHAPES = {
    "cube": trimesh.creation.box((0.04, 0.04, 0.04)),
    "cylinder": trimesh.creation.cylinder(0.02, 0.1, sections=64),
    "sphere": trimesh.creation.icosphere(4, 0.02),
}
PANDA = Gripper.named("panda")


def bowl():
    """An open cup with a 4 mm wall, 12 cm wide, standing on z = 0."""
    outline = [[0, 0], [0.04, 0], [0.06, 0.06], [0.056, 0.06], [0.037, 0.004], [0, 0.004]]
    return trimesh.creation.revolve(np.array(outline), sections=64)


def tall_mug():
    """A body with a handle: a concave object with several ways to be held."""
    body = trimesh.creation.cylinder(0.035, 0.09, sections=48)
    handle = trimesh.creation.torus(0.022, 0.005, major_sections=48, minor_sections=16)
    handle.apply_transform(make_transform(Rotation.from_euler("x", 90, degrees=True).as_matrix(), [0.045, 0, 0]))
    return trimesh.util.concatenate([body, handle])


@pytest.mark.parametrize("gripper", gripper_names())
@pytest.mark.parametrize("name", SHAPES)
def test_contacts_are_antipodal_and_the_width_fits(name, gripper):
    shape, gripper = SHAPES[name], Gripper.named(gripper)
    grasps = GraspPlanner(gripper).plan_mesh(as_mesh(shape), label=7)
    assert len(grasps) >= 10
    for grasp in grasps:
        (a, b), normals = closing_contacts(shape, grasp)
        y = grasp.T_frame_tcp[:3, 1]
        cone = np.cos(np.arctan(0.5)) - 1e-6
        assert normals[0] @ y > cone
        assert -normals[1] @ y > cone
        distance = np.linalg.norm(a - b)
        assert distance == pytest.approx(0.04, abs=0.006)
        rooms = [min(distance + 2 * room, gripper.max_width) for room in PlannerSettings().openings]
        assert min(abs(grasp.width - width) for width in rooms) < 1e-4
        np.testing.assert_allclose((a + b) / 2, grasp.T_frame_tcp[:3, 3], atol=1e-4)
        assert grasp.label == 7


def test_best_grasp_of_a_sphere_goes_through_its_centre():
    best = GraspPlanner(PANDA).plan_mesh(as_mesh(SHAPES["sphere"]))[0]
    assert np.linalg.norm(best.T_frame_tcp[:3, 3]) < 2e-3
    assert best.score > 0.8


@pytest.mark.parametrize("shape", [SHAPES["cube"], bowl(), tall_mug()], ids=["cube", "bowl", "mug"])
def test_frames_scores_and_order(shape):
    grasps = GraspPlanner(PANDA).plan_mesh(as_mesh(shape))
    scores = [g.score for g in grasps]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] >= 0.2
    assert scores[0] <= 1
    assert len(grasps) <= 20
    for grasp in grasps:
        R = grasp.T_frame_tcp[:3, :3]
        np.testing.assert_allclose(R.T @ R, np.eye(3), atol=1e-6)
        assert np.linalg.det(R) == pytest.approx(1)
        np.testing.assert_allclose(np.cross(R[:, 1], R[:, 2]), R[:, 0], atol=1e-6)
        assert PANDA.min_width < grasp.width <= PANDA.max_width


@pytest.mark.parametrize("gripper", gripper_names())
@pytest.mark.parametrize("shape", [SHAPES["cylinder"], bowl(), tall_mug()], ids=["cylinder", "bowl", "mug"])
def test_no_gripper_point_is_in_the_object_or_under_the_table(shape, gripper):
    gripper = Gripper.named(gripper)
    plane = Plane(np.array([0, 0, 1.0]), -shape.bounds[0, 2])
    settings = PlannerSettings(max_grasps=8)
    grasps = GraspPlanner(gripper, settings).plan_mesh(as_mesh(shape), support_plane=plane)
    assert grasps
    bodies = shape.split()
    for grasp in grasps:
        points = gripper_samples(gripper, grasp, approach=settings.standoff, spacing=0.004)
        near = points[((points > shape.bounds[0]) & (points < shape.bounds[1])).all(axis=1)]
        assert not any(body.contains(near).any() for body in bodies if len(near))
        assert plane.height(points).min() > 0.0029


def test_without_the_table_there_are_grasps_from_below():
    mesh = as_mesh(SHAPES["cylinder"])
    settings = PlannerSettings(max_grasps=200, nms_translation=0.005)
    free = GraspPlanner(PANDA, settings).plan_mesh(mesh)
    plane = Plane(np.array([0, 0, 1.0]), 0.05)
    standing = GraspPlanner(PANDA, settings).plan(mesh, support_plane=plane)

    def lowest(grasp):
        return plane.height(gripper_samples(PANDA, grasp, spacing=0.02)).min()

    assert min(map(lowest, free)) < 0
    assert standing.rejected["hitting the support plane"] > 0
    assert min(map(lowest, standing.grasps)) > 0.0029


def test_low_objects_are_held_by_the_fingertips():
    slab = trimesh.creation.box((0.12, 0.03, 0.012))
    plane = Plane(np.array([0, 0, 1.0]), 0.006)
    grasps = GraspPlanner(PANDA).plan_mesh(as_mesh(slab), support_plane=plane)
    assert grasps
    assert all(plane.height(gripper_samples(PANDA, g)).min() > 0.0029 for g in grasps)
    assert max(g.T_frame_tcp[2, 3] for g in grasps) > 0.002


@pytest.mark.parametrize(
    ("shape", "plane", "reason"),
    [
        (trimesh.creation.box((0.2, 0.2, 0.2)), None, "wider than the gripper opens"),
        (trimesh.creation.box((0.2, 0.2, 0.001)), None, "thinner than the gripper closes"),
        (trimesh.creation.box((0.12, 0.06, 0.003)), Plane(np.array([0, 0, 1.0]), 0.0015), "slipping out of the pads"),
    ],
    ids=["wide", "thin", "flat"],
)
def test_where_nothing_can_be_held_the_reason_is_told(shape, plane, reason):
    result = GraspPlanner(PANDA).plan(as_mesh(shape), support_plane=plane)
    assert result.grasps == ()
    assert result.features.shape == (0, len(FEATURES))
    assert result.rejected[reason] > 300
    assert reason in result.reason
    assert result.reason.startswith("no grasp")


def test_scene_points_are_avoided_and_own_points_do_no_harm():
    cube = SHAPES["cube"]
    mesh, plane = as_mesh(cube), Plane(np.array([0, 0, 1.0]), 0.02)
    wall = trimesh.creation.box((0.01, 0.3, 0.3))
    wall.apply_translation([0.05, 0, 0.13])
    obstacle = trimesh.sample.sample_surface_even(wall, 20000, seed=0)[0]
    own = trimesh.sample.sample_surface(cube, 2000, seed=0)[0]
    floor = np.random.default_rng(0).uniform(-0.2, 0.2, (5000, 3)) * [1, 1, 0] - [0, 0, 0.02]
    missing = np.full((10, 3), np.nan)
    planner = GraspPlanner(PANDA, PlannerSettings(max_grasps=100))
    free = planner.plan(mesh, support_plane=plane)
    unharmed = planner.plan(mesh, support_plane=plane, scene=np.concatenate([own, floor, missing]))
    assert [g.score for g in unharmed.grasps] == [g.score for g in free.grasps]
    beside = planner.plan(mesh, support_plane=plane, scene=np.concatenate([own, floor, obstacle]))
    assert beside.rejected["hitting the scene"] > 0
    assert _inside(wall, free.grasps) > 0
    assert beside.grasps
    assert _inside(wall, beside.grasps) == 0


def _beside(offset):
    """A cube of 4 cm and a tall box beside it on one plane."""
    wall = trimesh.creation.box((0.02, 0.1, 0.16))
    wall.apply_translation([offset, 0, 0.06])
    return wall


def _inside(box, grasps):
    low, high = box.bounds
    points = [gripper_samples(PANDA, g, approach=0.08, spacing=0.004) for g in grasps]
    return sum(((p > low) & (p < high)).all(axis=1).any() for p in points)


def test_meshes_of_other_objects_are_avoided():
    mesh, plane = as_mesh(SHAPES["cube"]), Plane(np.array([0, 0, 1.0]), 0.02)
    planner = GraspPlanner(PANDA, PlannerSettings(max_grasps=100))
    wall = _beside(0.045)
    free = planner.plan(mesh, support_plane=plane)
    assert _inside(wall, free.grasps) > 0
    beside = planner.plan(mesh, support_plane=plane, obstacles=[as_mesh(wall)])
    assert beside.rejected["hitting another object"] > 0
    assert beside.grasps
    assert _inside(wall, beside.grasps) == 0
    far = planner.plan(mesh, support_plane=plane, obstacles=[as_mesh(_beside(0.6))])
    assert [g.score for g in far.grasps] == [g.score for g in free.grasps]


def test_a_neighbour_that_reaches_into_the_object_leaves_its_free_sides():
    """Reconstructions of objects that touch overlap by millimetres; that must not forbid every grasp."""
    mesh, plane = as_mesh(SHAPES["cube"]), Plane(np.array([0, 0, 1.0]), 0.02)
    wall = trimesh.creation.box((0.02, 0.03, 0.08)).subdivide().subdivide().subdivide()
    wall.apply_translation([0.026, 0, 0.02])  # its inner face lies 4 mm inside the cube
    found = GraspPlanner(PANDA).plan(mesh, support_plane=plane, obstacles=[as_mesh(wall)])
    assert found.grasps
    closing = np.array([g.T_frame_tcp[:3, 1] for g in found.grasps])
    assert (np.abs(closing[:, 1]) > 0.7).all()  # along y: the sides towards and away from the neighbour are taken


def test_a_scene_is_planned_object_by_object_clear_of_the_others():
    plane = Plane(np.array([0, 0, 1.0]), 0.02)
    cube, wall = SHAPES["cube"], _beside(0.045)
    made = [reconstruction_of(as_mesh(shape), label, plane) for label, shape in ((3, cube), (8, wall))]
    plans = GraspPlanner(PANDA, PlannerSettings(max_grasps=100)).plan_scene(made)
    assert list(plans) == [3, 8]
    assert all(g.label == label for label, plan in plans.items() for g in plan.grasps)
    assert plans[3].grasps
    assert plans[8].grasps
    assert _inside(wall, plans[3].grasps) == 0
    assert _inside(cube, plans[8].grasps) == 0


def test_walled_in_object_has_no_grasp():
    shell = trimesh.sample.sample_surface_even(trimesh.creation.icosphere(3, 0.06), 30000, seed=0)[0]
    result = GraspPlanner(PANDA).plan(as_mesh(SHAPES["cube"]), scene=shell)
    assert not result.grasps
    assert "hitting the scene" in result.reason


def test_same_seed_same_grasps_other_seed_others():
    mesh = as_mesh(tall_mug())
    runs = [GraspPlanner(PANDA, PlannerSettings(seed=s)).plan_mesh(mesh) for s in (5, 5, 6)]
    poses = [np.array([g.T_frame_tcp for g in run]) for run in runs]
    np.testing.assert_array_equal(poses[0], poses[1])
    assert poses[0].shape != poses[2].shape or not np.allclose(poses[0], poses[2])


@pytest.mark.parametrize(("lattice", "share"), [(0, 0.95), (5, 0.9)])  # lines graze edges of these even shapes
@pytest.mark.parametrize("with_plane", [True, False])
@pytest.mark.parametrize("shape", [bowl(), tall_mug()], ids=["bowl", "mug"])
def test_grasps_turn_with_the_object(shape, with_plane, lattice, share):
    """Under any rotation about the camera, and with a plane under any rigid motion."""
    start = make_transform(Rotation.from_euler("x", 200, degrees=True).as_matrix(), [0.05, 0.02, 0.5])
    mesh = as_mesh(shape).transform(start)
    up, foot = start[:3, 2], start[:3, :3] @ [0, 0, shape.bounds[0, 2]] + start[:3, 3]
    # every candidate: among near ties, rounding decides whom suppression leaves
    thin = {"max_grasps": 2000, "nms_translation": 1e-3, "nms_rotation": 0.03}
    everything = PlannerSettings(rounds=1, enough=2000 if not lattice else 5, lattice_approaches=lattice, **thin)
    planner = GraspPlanner(PANDA, everything)
    plane = Plane(up, -up @ foot) if with_plane else None
    before = planner.plan_mesh(mesh, support_plane=plane)
    for number in range(3):
        R = Rotation.random(random_state=number).as_matrix()
        T = make_transform(R, [0.1, -0.2, 0.05] if with_plane else [0, 0, 0])
        turned = None
        if with_plane:
            normal = R @ up
            turned = Plane(normal, -normal @ (R @ foot + T[:3, 3]))
        after = planner.plan_mesh(mesh.transform(T), support_plane=turned)
        assert after[0].score == pytest.approx(before[0].score, abs=1e-3)
        poses, twins = np.array([g.T_frame_tcp for g in after]), 0
        for expected in (g.transform(T).T_frame_tcp for g in before):
            near = poses[np.linalg.norm(poses[:, :3, 3] - expected[:3, 3], axis=1) < 5e-3, :3, :3]
            twins += bool((rotation_between(near, expected[:3, :3]) < np.radians(5)).any())
        assert len(before) > 30
        assert twins >= share * len(before)


def test_no_two_grasps_are_the_same():
    settings = PlannerSettings(max_grasps=100)
    grasps = GraspPlanner(PANDA, settings).plan_mesh(as_mesh(SHAPES["cylinder"]))
    centers = np.array([g.T_frame_tcp[:3, 3] for g in grasps])
    rotations = np.array([g.T_frame_tcp[:3, :3] for g in grasps])
    gap = np.linalg.norm(centers[:, None] - centers[None], axis=-1)
    half_turn = np.diag([-1.0, -1.0, 1.0])
    plain = Rotation.from_matrix(np.einsum("aji,bjk->abik", rotations, rotations).reshape(-1, 3, 3)).magnitude()
    other = np.einsum("aji,bjk->abik", rotations, rotations @ half_turn).reshape(-1, 3, 3)
    angle = np.minimum(plain, Rotation.from_matrix(other).magnitude()).reshape(gap.shape)
    twins = (gap < settings.nms_translation) & (angle < settings.nms_rotation) & ~np.eye(len(grasps), dtype=bool)
    assert len(grasps) > 20
    assert not twins.any()


def test_workspace_and_cone_limit_the_grasps():
    mesh, plane = as_mesh(SHAPES["cylinder"]), Plane(np.array([0, 0, 1.0]), 0.05)
    settings = PlannerSettings(workspace_min=(-1, -1, 0.01), workspace_max=(1, 1, 1))
    grasps = GraspPlanner(PANDA, settings).plan_mesh(mesh, support_plane=plane)
    assert grasps
    assert all(g.T_frame_tcp[2, 3] >= 0.01 for g in grasps)
    top = GraspPlanner(PANDA, PlannerSettings(approach_cone=0.3)).plan(mesh, support_plane=plane)
    assert top.grasps
    assert all(g.T_frame_tcp[2, 2] <= -np.cos(0.3) + 1e-9 for g in top.grasps)
    assert top.rejected["outside the approach cone"] > 0


def test_camera_side_is_preferred_without_a_plane():
    shift = np.array([0.1, 0.05, 0.6])
    mesh = as_mesh(SHAPES["sphere"]).transform(make_transform(np.eye(3), shift))
    grasps = GraspPlanner(PANDA).plan_mesh(mesh)
    assert np.mean([g.T_frame_tcp[:3, 2] @ shift / np.linalg.norm(shift) for g in grasps[:10]]) > 0.8


def test_observed_contacts_win():
    bar = trimesh.creation.box((0.16, 0.03, 0.03)).subdivide().subdivide().subdivide()
    seen = (bar.vertices[:, 0] > 0).astype(np.float32)
    blind = Mesh(bar.vertices, bar.faces)
    with_mesh = Mesh(bar.vertices, bar.faces, confidence=seen)
    unused = np.zeros_like(bar.vertices)
    cloud = Points(np.asarray(bar.vertices), unused, unused, seen)
    keen = ScoreModel(tuple(3.0 if name == "observed" else 1.0 for name in FEATURES), -6.0)
    planner = GraspPlanner(PANDA, PlannerSettings(model=keen))
    sides = [
        np.sign(planner.plan_mesh(mesh, points=points)[0].T_frame_tcp[0, 3])
        for mesh, points in ((with_mesh, None), (blind, cloud))
    ]
    assert sides == [1, 1]
    scores = [planner.plan(m).features[0, FEATURES.index("observed")] for m in (blind, with_mesh)]
    assert scores[0] == 1
    assert scores[1] > 0.7


def test_pre_grasp_backs_off_along_the_approach():
    grasp = GraspPlanner(PANDA).plan_mesh(as_mesh(SHAPES["cube"]))[0]
    moved = pre_grasp(grasp, 0.1).T_frame_tcp
    np.testing.assert_allclose(moved[:3, 3], grasp.T_frame_tcp[:3, 3] - 0.1 * grasp.T_frame_tcp[:3, 2])
    np.testing.assert_array_equal(moved[:3, :3], grasp.T_frame_tcp[:3, :3])


def test_bad_input_is_refused_in_a_sentence():
    planner = GraspPlanner(PANDA)
    with pytest.raises(InputError, match="no surface"):
        planner.plan_mesh(Mesh(np.zeros((0, 3)), np.zeros((0, 3))))
    with pytest.raises(InputError, match="no surface"):
        planner.plan_mesh(Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]])))
    with pytest.raises(InputError, match="finite"):
        planner.plan_mesh(Mesh(np.full((3, 3), np.nan), np.array([[0, 1, 2]])))
    for wrong in ({"friction": 0.0}, {"max_grasps": -1}, {"standoff": -0.1}, {"score_threshold": 2.0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            PlannerSettings(**wrong)


def test_a_camera_in_the_origin_is_recognised_by_what_it_observed():
    """As the grasp node meets it: a mesh without confidence, points with it."""
    box = trimesh.creation.box((0.05, 0.05, 0.2))
    mesh = as_mesh(trimesh.Trimesh(*trimesh.remesh.subdivide_to_size(box.vertices, box.faces, 0.01)))
    mesh = mesh.transform(make_transform(np.eye(3), np.array([0.0, 0.0, 0.25])))
    rows, seen = mesh.vertices, (mesh.vertices[:, 2] < 0.155).astype(np.float32)
    points = Points(rows, np.full_like(rows, 0.5), np.zeros_like(rows), seen)
    column = FEATURES.index("sighted")
    planner = GraspPlanner(PANDA, PlannerSettings(max_grasps=200, score_threshold=0.0))
    known = planner.plan(mesh, points=points).features[:, column]
    assert known.min() < 1
    assert planner.plan(mesh).features[:, column].min() == 1
    given = planner.plan(mesh, points=points, viewpoint=np.zeros(3)).features[:, column]
    np.testing.assert_array_equal(known, given)
