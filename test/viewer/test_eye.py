"""The place to look from: all in the picture, large, from above the plane, beside the camera's axis."""

import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry.transforms import look_at
from gsn_perception.viewer.eye import FOV
from gsn_perception.viewer.eye import choose_eye
from gsn_perception.viewer.eye import front


def _up(pitch):
    """Against gravity, for a camera that looks down by ``pitch``."""
    return np.array([0.0, -np.cos(pitch), -np.sin(pitch)])


def _pixels(eye, points, up):
    camera = Camera.from_fov(FOV, 800, 800, look_at(eye.position, eye.target, up))
    return camera.project((points - camera.world_from_camera[:3, 3]) @ camera.world_from_camera[:3, :3])


@pytest.mark.parametrize("pitch", np.deg2rad([0, 30, 60, 85, 90]))
@pytest.mark.parametrize("size", [(0.1, 0.1, 0.1), (0.15, 0.01, 0.01), (0.01, 0.15, 0.01), (0.3, 0.2, 0.01), (2, 1, 1)])
def test_objects_fill_the_picture_and_stay_inside(pitch, size):
    rng = np.random.default_rng(1)
    points = (rng.random((300, 3)) - 0.5) * size + [0.1, -0.05, 0.6 + size[2]]
    up = _up(pitch)
    eye = choose_eye(points, up)
    pixels = _pixels(eye, points, up)
    assert pixels.min() > 80
    assert pixels.max() < 720
    assert np.ptp(pixels, axis=0).max() > 0.4 * 800
    way = (eye.position - eye.target) / np.linalg.norm(eye.position - eye.target)
    assert np.rad2deg(np.arcsin(way @ up)) == pytest.approx(28, abs=0.1)  # slightly above
    assert way @ front(eye.target, up) > 0.5  # in front


@pytest.mark.parametrize("angle", np.deg2rad([-35, 35]))
def test_a_pen_is_not_looked_at_along_its_length(angle):
    up, centre = _up(0.5), np.array([0.0, 0.0, 0.6])
    ahead = front(centre, up)
    axis = np.cos(angle) * ahead + np.sin(angle) * np.cross(up, ahead)
    points = centre + np.linspace(-0.07, 0.07, 50)[:, None] * axis + np.random.default_rng(0).normal(0, 0.002, (50, 3))
    eye = choose_eye(points, up)
    way = (eye.position - eye.target) / np.linalg.norm(eye.position - eye.target)
    assert abs(way @ axis) < 0.5


def test_grippers_make_room_but_do_not_make_the_object_small():
    up, points = _up(0.5), np.random.default_rng(0).random((200, 3)) * 0.1 + [0, 0, 0.5]
    alone = choose_eye(points, up)
    near = choose_eye(points, up, points + 0.1 * up)
    far = choose_eye(points, up, points + 5 * up)
    distances = [np.linalg.norm(e.position - e.target) for e in (alone, near, far)]
    assert distances[0] < distances[1] <= distances[2] < 1.6 * distances[0]
    assert _pixels(near, points + 0.1 * up, up).min() > 0


def test_under_an_overhead_camera_the_bottom_of_the_image_is_in_front():
    np.testing.assert_allclose(front(np.array([0.02, 0.03, 0.5]), _up(np.pi / 2)), [0, 1, 0], atol=1e-6)
    assert front(np.array([0.0, 0.0, 0.5]), _up(0.3))[2] < -0.9  # else the camera's side


def test_nothing_at_all_is_looked_at_in_front_of_the_camera():
    eye = choose_eye(np.zeros((0, 3)), np.array([0.0, -1.0, 0.0]))
    assert np.isfinite(eye.position).all()
    assert eye.target[2] > 0
    assert np.isfinite(choose_eye(np.array([[0.0, 0.0, 0.4]]), np.array([0.0, -1.0, 0.0])).position).all()
