from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from grasp_checks import as_mesh
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.candidates.contacts import pad_contacts
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.candidates.sampling import sample_pairs
from gsn_perception.grasping.collision.visibility import finger_visibility
from gsn_perception.grasping.collision.visibility import visible_from
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.grasping.object_surface import center_of_mass
from gsn_perception.grasping.scoring.features import FEATURES
from gsn_perception.grasping.scoring.features import features
from gsn_perception.grasping.scoring.score import ScoreModel
from gsn_perception.grasping.selection import rotation_between
from gsn_perception.grasping.selection import select

PANDA = Gripper.named("panda")


def pose(center=(0, 0, 0), rotation=None, width=0.05):
    R = np.eye(3) if rotation is None else rotation
    return Poses.of(R[None], np.array([center], dtype=float), np.array([width]))


def test_pads_on_a_box_touch_flat_and_whole():
    surface = Surface.of(as_mesh(trimesh.creation.box((0.04, 0.04, 0.04))))
    touch = pad_contacts(pose(), PANDA, surface, tolerance=0.001)
    np.testing.assert_allclose(touch.points[0], [[0, 0.02, 0], [0, -0.02, 0]], atol=1e-6)
    np.testing.assert_allclose(touch.normals[0], [[0, 1, 0], [0, -1, 0]], atol=1e-9)
    np.testing.assert_allclose(touch.fill, 1)
    assert touch.width[0] == pytest.approx(0.04, abs=1e-6)


def test_pads_half_over_the_edge_touch_by_half():
    surface = Surface.of(as_mesh(trimesh.creation.box((0.04, 0.04, 0.04))))
    touch = pad_contacts(pose(center=(0, 0, -0.02)), PANDA, surface, tolerance=0.001)
    np.testing.assert_allclose(touch.fill, 0.5)
    past = pad_contacts(pose(center=(0, 0, -0.05)), PANDA, surface, tolerance=0.001)
    assert np.isinf(past.width[0])
    np.testing.assert_array_equal(past.fill, 0)


def test_features_fall_where_they_should():
    box = as_mesh(trimesh.creation.box((0.10, 0.04, 0.04)))
    surface = Surface.of(box)

    def of(poses, preferred=None, tolerance=0.001, up=None):
        touch = pad_contacts(poses, PANDA, surface, tolerance=tolerance)
        around = {"preferred": preferred, "up": up, "clear": np.ones(1), "sighted": np.ones(1)}
        figures = features(poses, touch, surface, friction=0.5, max_width=0.08, **around)
        return dict(zip(FEATURES, figures[0], strict=True))

    best = of(pose())
    assert best.pop("stroke") == pytest.approx(0.5, abs=1e-6)  # 4 of 8 cm
    np.testing.assert_allclose(list(best.values()), 1, atol=1e-6)
    aside = pose(center=(0.03, 0, 0))
    assert of(aside)["balance"] == pytest.approx(np.exp(-0.03 / 0.04), abs=1e-6)
    assert of(aside, up=np.array([0, 0, 1.0]))["gravity"] == pytest.approx(np.exp(-0.03 / 0.04), abs=1e-6)
    for slope in (0, 30, -90):
        up = Rotation.from_euler("x", slope, degrees=True).apply([0, 0, 1.0])
        assert of(pose(), up=up)["level"] == pytest.approx(1 - abs(np.sin(np.radians(slope))))
    assert of(aside, up=np.array([1.0, 0, 0]))["gravity"] == pytest.approx(1)  # the mass hangs below the grip
    tilted = Rotation.from_euler("z", 10, degrees=True).as_matrix()
    assert of(pose(rotation=tilted))["friction"] < 0.5  # stiff pads meet opposite corners
    flat = of(pose(rotation=tilted), tolerance=0.01)
    assert flat["friction"] == pytest.approx(1 - np.radians(10) / np.arctan(0.5), abs=1e-3)
    assert flat["squeeze"] < 0.9
    assert of(pose(center=(0, 0, -0.02)))["area"] == pytest.approx(0.5)
    for angle, expected in ((0, 1.0), (90, 0.5), (180, 0.0)):
        R = Rotation.from_euler("y", angle, degrees=True).as_matrix()
        assert of(pose(rotation=R), np.array([0, 0, 1.0]))["approach"] == pytest.approx(expected, abs=1e-9)


def test_the_camera_sees_the_near_finger_and_not_the_far_one():
    cube, wall = (Surface.of(as_mesh(trimesh.creation.box((0.04, 0.04, h)))) for h in (0.04, 0.2))
    assert finger_visibility(pose(), PANDA, wall, None) == pytest.approx(1)
    assert finger_visibility(pose(), PANDA, wall, np.array([1.0, 0, 0])) == pytest.approx(
        1
    )  # a finger on either side of it
    assert finger_visibility(pose(), PANDA, wall, np.array([0, 1.0, 0.1])) == pytest.approx(
        0.5
    )  # one before, one behind it
    # past the cube's edge the camera sees two of the far finger's three boxes
    assert finger_visibility(pose(), PANDA, cube, np.array([0, 1.0, -1.0])) == pytest.approx(5 / 6)


def test_a_mesh_knows_where_it_was_seen_from():
    ball = as_mesh(trimesh.creation.icosphere(4, 0.03)).transform(make_transform(np.eye(3), np.array([0, 0, 0.5])))
    seen = (ball.vertices[:, 2] < 0.495).astype(np.float32)  # the side of the origin
    mesh = replace(ball, confidence=seen)
    assert visible_from(mesh, np.zeros(3))
    assert not visible_from(mesh, np.array([0, 0, 1.0]))
    assert not visible_from(mesh, np.array([0.5, 0, 0.5]))
    assert not visible_from(ball, np.zeros(3))
    assert not visible_from(replace(ball, confidence=0 * seen), np.zeros(3))


def test_score_is_a_chance_that_no_better_feature_lowers():
    rng = np.random.default_rng(0)
    figures = rng.uniform(0, 1, (100, len(FEATURES)))
    model = ScoreModel.fitted()
    values = model(figures)
    assert ((values > 0) & (values < 1)).all()
    for column in range(len(FEATURES)):
        better = figures.copy()
        better[:, column] = np.minimum(better[:, column] + 0.1, 1)
        assert (model(better) >= values).all()
    assert model(np.ones((1, len(FEATURES))))[0] - model(np.zeros((1, len(FEATURES))))[0] > 0.5
    by_hand = 1 / (1 + np.exp(-(sum(w * f for w, f in zip(model.weights, figures[0], strict=True)) + model.bias)))
    assert values[0] == pytest.approx(by_hand)


def test_unusable_weights_are_refused():
    good = ScoreModel.fitted().named()
    assert ScoreModel.parse(good) == ScoreModel.fitted()
    for wrong in ({}, {**good, "bias": "high"}, {**good, "weights": {}}):
        with pytest.raises(InputError, match="weights"):
            ScoreModel.parse(wrong)
    with pytest.raises(InputError, match="none negative"):
        ScoreModel((-1.0,) * len(FEATURES), 0.0)


def test_rough_normals_are_averaged_and_flat_faces_are_left_alone():
    fine = trimesh.creation.icosphere(5, 0.03)
    rng = np.random.default_rng(0)
    rough = fine.vertices + 2e-4 * rng.normal(size=fine.vertices.shape)
    truth = fine.triangles_center / np.linalg.norm(fine.triangles_center, axis=1, keepdims=True)
    mesh = Mesh(rough, fine.faces)
    before, after = mesh.face_normals(), Surface.of(mesh).normals
    angles = [np.degrees(np.arccos(np.clip((n * truth).sum(1), -1, 1))).mean() for n in (before, after)]
    assert angles[0] > 10
    assert angles[1] < 4
    box = as_mesh(trimesh.creation.box((0.04, 0.04, 0.04)))
    np.testing.assert_array_equal(Surface.of(box).normals, box.face_normals())


def test_on_a_plane_pairs_are_near_the_horizontal():
    ball = Surface.of(as_mesh(trimesh.creation.icosphere(4, 0.02)))
    up = np.array([0, 0, 1.0])

    def rise(plane):
        pairs, _ = sample_pairs(ball, PANDA, count=2000, friction=0.5, clearance=0.003, seed=0, up=plane)
        normals = ball.normals[pairs.faces]
        inside = np.minimum(-(normals[:, 0] * pairs.axes).sum(1), (normals[:, 1] * pairs.axes).sum(1))
        assert inside.min() >= np.cos(np.arctan(0.5)) - 1e-6
        return np.abs(pairs.axes @ up)

    assert np.median(rise(up)) < 0.75 * np.median(rise(None))
    assert rise(up).max() < np.sin(np.radians(60) + np.arctan(0.5))


@pytest.mark.parametrize("closed", [True, False])
def test_centre_of_mass(closed):
    cone = trimesh.creation.cone(0.03, 0.08, sections=64)
    cone.apply_translation([0.1, 0.2, 0.3])
    if closed:
        expected = cone.center_mass
    else:
        cone = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], [[0, 1, 2], [1, 3, 2]])
        expected = [0.5, 0.5, 0]
    np.testing.assert_allclose(center_of_mass(as_mesh(cone)), expected, atol=1e-5)


def test_pairs_lie_on_the_surface_spread_over_the_area_and_inside_both_cones():
    shape = trimesh.creation.box((0.06, 0.03, 0.03))
    surface = Surface.of(as_mesh(shape))
    pairs, rejected = sample_pairs(surface, PANDA, count=4000, friction=0.3, clearance=0.003, seed=0)
    assert len(pairs) + sum(rejected.values()) == 4000
    gap = np.abs(np.abs(pairs.points) - shape.extents / 2).min(axis=2)
    assert gap.max() < 1e-5
    normals = surface.normals[pairs.faces]
    cosines = np.stack([-(normals[:, 0] * pairs.axes).sum(1), (normals[:, 1] * pairs.axes).sum(1)])
    assert cosines.min() >= np.cos(np.arctan(0.3)) - 1e-6
    assert cosines.min() < np.cos(0.7 * np.arctan(0.3))
    ends = np.abs(normals[:, 0] @ np.array([1.0, 0, 0])) > 0.5
    assert ends.mean() == pytest.approx(2 * 9 / (2 * 9 + 4 * 18), abs=0.05)


def test_selection_is_greedy_and_knows_the_half_turn():
    turn = np.diag([-1.0, -1.0, 1.0])
    rotations = np.stack([np.eye(3), turn, Rotation.from_euler("y", 60, degrees=True).as_matrix(), np.eye(3)])
    centers = np.array([[0, 0, 0], [0.001, 0, 0], [0, 0, 0], [0.05, 0, 0]])
    poses = Poses.of(rotations, centers, np.full(4, 0.05))
    kept = select(poses, np.array([0.5, 0.9, 0.7, 0.6]), limit=10, translation=0.01, rotation=0.5)
    assert kept.tolist() == [1, 2, 3]
    assert select(poses, np.array([0.5, 0.9, 0.7, 0.6]), limit=1, translation=0.01, rotation=0.5).tolist() == [1]
    ahead = replace(poses, bonus=np.array([0.5, 0.0, 0.0, 0.0]))  # the first is chosen before its better neighbour
    kept = select(ahead, np.array([0.5, 0.9, 0.7, 0.6]), limit=10, translation=0.01, rotation=0.5)
    assert kept.tolist() == [2, 3, 0]  # and scores decide the order
    one = select(ahead, np.array([0.5, 0.9, 0.7, 0.6]), limit=1, translation=0.01, rotation=0.5)
    assert one.tolist() == [2]  # a bonus counts against neighbours alone
    assert rotation_between(np.eye(3), turn) == pytest.approx(0, abs=1e-6)
    assert rotation_between(np.eye(3), rotations[2]) == pytest.approx(np.radians(60))
