from dataclasses import replace

import numpy as np
import pytest

from gsn_perception.evaluation.views.cases import choose
from gsn_perception.evaluation.views.cases import novel_view_case
from gsn_perception.evaluation.views.protocol import Protocol
from gsn_perception.evaluation.views.protocol import bounding_radius
from gsn_perception.evaluation.views.protocol import box_centre
from gsn_perception.evaluation.views.protocol import draw_targets
from gsn_perception.evaluation.views.protocol import draw_viewpoint
from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.geometry.transforms import transform_points


def seen(camera, item):
    return camera.project(transform_points(camera.camera_from_world, item.mesh.vertices.astype(float)))


def test_input_viewpoints_hold_the_object_anywhere_in_the_image(box):
    protocol = Protocol()
    offsets = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        start = draw_viewpoint(box, rng, protocol)
        pixels = seen(start.camera, box)
        assert (pixels > 1).all()
        assert (pixels < np.array(protocol.input_size) - 1).all()
        offsets.append(pixels.mean(axis=0) - start.camera.K[:2, 2])
        eye = start.camera.world_from_camera[:3, 3] - box_centre(box)
        elevation = np.rad2deg(np.arcsin(eye[2] / np.linalg.norm(eye)))
        assert -10 <= elevation <= 70
        cone = np.rad2deg(np.arcsin(bounding_radius(box) / np.linalg.norm(eye)))
        assert 8 <= cone <= 15
    assert np.abs(offsets).max(axis=0)[0] > 100  # well off the axis
    assert np.abs(offsets).max(axis=0)[1] > 50


def test_targets_look_at_the_box_centre_and_hold_the_bounding_sphere(box):
    protocol = Protocol()
    targets = draw_targets(box, 0.5, np.random.default_rng(2), protocol)
    assert len(targets) == 8
    azimuths = []
    for camera in targets:
        centre = transform_points(camera.camera_from_world, box_centre(box))
        np.testing.assert_allclose(camera.project(centre), [64, 64], atol=1e-6)
        assert centre[2] == pytest.approx(0.5)
        pixels = seen(camera, box)
        assert pixels.min() > 0
        assert pixels.max() < 128
        eye = camera.world_from_camera[:3, 3] - box_centre(box)
        azimuths.append(np.arctan2(eye[1], eye[0]))
    gaps = np.diff(np.sort(np.unwrap(np.sort(azimuths))))
    assert gaps.max() < np.pi / 2 + 1e-9  # stratified: no quarter of the circle is left out


def test_true_scale_puts_the_cube_as_far_as_the_box(box):
    start = draw_viewpoint(box, np.random.default_rng(0), Protocol())
    centre = transform_points(start.camera_from_object, box_centre(box))
    cube = start.similarity[:3, 3]
    axis = start.view.R_camera_virtual[:, 2]
    assert axis @ cube == pytest.approx(axis @ centre)
    normalised = np.linalg.inv(start.similarity) @ np.append(centre, 1)
    assert np.linalg.norm(normalised[:3]) < 0.3


def test_a_rolled_viewpoint_rolls_the_normalised_frame(box):
    start = draw_viewpoint(box, np.random.default_rng(1), Protocol())
    angle = 0.7
    rolled = start.rolled(box, angle)
    assert rolled.scale == pytest.approx(start.scale, rel=1e-6)
    world = start.camera.world_from_camera @ start.similarity
    world_rolled = rolled.camera.world_from_camera @ rolled.similarity
    turn = np.eye(4)
    turn[:3, :3] = rotation_about_z(angle)
    np.testing.assert_allclose(world_rolled, world @ turn, atol=1e-6)


def test_a_case_is_a_function_of_seed_and_name(box, box_case, protocol):
    again = novel_view_case(box, protocol)
    np.testing.assert_array_equal(again.observation.image, box_case.observation.image)
    np.testing.assert_array_equal(again.truth, box_case.truth)
    other = novel_view_case(replace(box, name="another"), protocol)
    assert not np.array_equal(other.truth, box_case.truth)


def test_the_case_shows_the_object_where_its_cameras_say(box, box_case):
    assert box_case.mask.any()
    assert not box_case.mask[[0, -1]].any()
    for truth, mask, camera in zip(box_case.truth, box_case.truth_masks, box_case.targets, strict=True):
        assert truth[0, 0] == pytest.approx(1)  # white
        rows, columns = np.nonzero(mask)
        centre = camera.project(transform_points(camera.camera_from_world, box_case.centre))
        assert abs(rows.mean() + 0.5 - centre[1]) < 5
        assert abs(columns.mean() + 0.5 - centre[0]) < 5


def test_budgets_take_the_classes_in_turn(box, ball):
    objects = [replace(box, name=f"b{i}") for i in range(9)] + [replace(ball, name=f"m{i}") for i in range(2)]
    chosen = choose(objects, "smoke", 0)
    assert len(chosen) == 3
    assert {o.shape for o in chosen} == {"box", "mid"}
    assert choose(objects, "full", 0) == objects
    assert [o.name for o in choose(objects, "short", 0)] == [o.name for o in choose(objects, "short", 0)]
    with pytest.raises(InputError, match="budget"):
        choose(objects, "huge", 0)
