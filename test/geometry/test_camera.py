"""Cameras: where pixel centres are, and what is refused."""

import cv2
import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import look_at

K = np.array([[600.0, 0, 320], [0, 610, 240], [0, 0, 1]])


def test_half_a_pixel_is_added_once_where_a_K_is_read_and_taken_off_for_opencv() -> None:
    camera = Camera.from_integer_centres(K, 640, 480)
    assert camera.K[0, 2] == 320.5
    assert camera.K[1, 2] == 240.5
    np.testing.assert_allclose(camera.integer_centre_K, K)
    # OpenCV's own projection, centres at integers, is ours less half a pixel
    points = np.random.default_rng(0).uniform([-1, -1, 2], [1, 1, 4], (20, 3))
    theirs, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.integer_centre_K, None)
    np.testing.assert_allclose(camera.project(points) - 0.5, theirs[:, 0], atol=1e-6)


def test_rays_and_back_projection_invert_projection() -> None:
    camera = Camera.from_integer_centres(K, 640, 480)
    points = np.random.default_rng(1).uniform([-1, -1, 2], [1, 1, 4], (20, 3))
    rays = camera.rays(camera.project(points))
    np.testing.assert_allclose(rays * points[:, 2:], points, atol=1e-9)
    depth = np.full((480, 640), 2.0, np.float32)
    cloud = camera.back_project(depth)
    np.testing.assert_allclose(camera.project(cloud[100, 200].astype(float)), [200.5, 100.5], atol=1e-3)


def test_look_at_puts_the_target_in_the_middle_and_up_upwards() -> None:
    pose = look_at(np.array([1.0, 2, 3]), np.array([0.1, 0.2, 0.3]))
    camera = Camera.from_fov(1.0, 100, 100, pose)
    inside = camera.camera_from_world @ [0.1, 0.2, 0.3, 1]
    np.testing.assert_allclose(camera.project(inside[:3]), [50, 50], atol=1e-9)
    above = camera.camera_from_world @ [0.1, 0.2, 0.4, 1]
    assert camera.project(above[:3])[1] < 50
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (np.zeros((3, 3)), "zero"),
        (np.diag([600.0, 0, 1]), "singular"),
        (np.full((3, 3), np.nan), "finite"),
        (np.eye(4), "3x3"),
        (np.array([[600.0, 5, 320], [0, 600, 240], [0, 0, 1]]), "skew"),
        ([["a", 1, 2]] * 3, "numeric"),
    ],
)
def test_bad_intrinsics_are_one_sentence(bad, word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        Camera(bad, 640, 480)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="positive"):
        Camera(K, 0, 480)


def test_back_projected_pixels_lie_on_their_rays_at_their_depth():
    camera = Camera(np.array([[51.3, 0, 30.2], [0, 47.9, 25.1], [0, 0, 1]]), 64, 48)
    v, u = np.mgrid[:48, :64] + 0.5
    rays = camera.rays(np.stack([u, v], axis=-1))
    np.testing.assert_array_equal(camera.pixel_rays(), rays)
    depth = np.random.default_rng(0).uniform(0.2, 3, (48, 64)).astype(np.float32)
    depth[3, 5] = np.nan
    np.testing.assert_array_equal(camera.back_project(depth), (rays * depth[..., None]).astype(np.float32))
