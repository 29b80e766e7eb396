"""The object-centred virtual camera: smallest cone, exact warp, rolls, the way back."""

import time
from itertools import combinations

import cv2
import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.cones import smallest_cone
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.geometry.transforms import transform_points


def _brute_force_cone(directions: np.ndarray) -> float:
    """Every pair and triple, in float64."""
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    best = -1.0
    for size in (2, 3):
        for group in combinations(range(len(unit)), size):
            u = unit[list(group)]
            axis = u.sum(0) if size == 2 else np.cross(u[1] - u[0], u[2] - u[0])
            if np.linalg.norm(axis) < 1e-12:
                continue
            axis = axis / np.linalg.norm(axis)
            axis = axis if axis @ u[0] > 0 else -axis
            best = max(best, float((unit @ axis).min()))
    return float(np.arccos(best))


@pytest.mark.parametrize("seed", range(20))
def test_smallest_cone_against_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(rng.integers(2, 25), 3)) * rng.uniform(0.01, 0.5, 3) + [rng.normal() * 0.5, 0.2, 1.0]
    directions = directions[directions[:, 2] > 0.05]
    axis, theta = smallest_cone(directions)
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    assert np.arccos(np.clip((unit @ axis).min(), -1, 1)) == pytest.approx(theta, abs=1e-7)
    assert theta == pytest.approx(_brute_force_cone(directions), abs=1e-7)


def test_many_points_converge() -> None:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 20000)
    directions = np.stack([0.3 * np.cos(angle), 0.3 * np.sin(angle), np.ones_like(angle)], 1)
    axis, theta = smallest_cone(directions)
    np.testing.assert_allclose(axis, [0, 0, 1], atol=1e-4)
    assert theta == pytest.approx(np.arctan(0.3), abs=1e-6)


def _disc_mask(camera: Camera, direction: np.ndarray, radius: float) -> np.ndarray:
    rays = camera.pixel_rays()
    rays = rays / np.linalg.norm(rays, axis=2, keepdims=True)
    return (rays @ (direction / np.linalg.norm(direction)) > np.cos(radius)).astype(np.uint8)


@pytest.mark.parametrize("direction", [(0, 0, 1), (0.45, -0.3, 1), (-0.4, 0.26, 1)])
def test_warp_is_exact_far_off_the_principal_point(direction) -> None:
    """A smooth pattern painted on the sphere of directions looks the same through both cameras."""
    camera = Camera.from_fov(np.deg2rad(65), 640, 480)

    def pattern(rays: np.ndarray) -> np.ndarray:
        rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
        return 0.5 + 0.2 * np.sin(25 * rays[..., 0]) + 0.2 * np.cos(31 * rays[..., 1])

    view = ObjectView.of_mask(_disc_mask(camera, np.array(direction, float), 0.1), camera, 96)
    assert view.theta == pytest.approx(0.1, abs=0.003)
    warped = view.warp(pattern(camera.pixel_rays()), camera)
    truth = pattern(view.camera.pixel_rays() @ view.R_camera_virtual.T)
    inside = view.warp(np.ones((480, 640)), camera) > 0.999
    assert inside.mean() > 0.9
    assert np.abs(warped - truth)[inside].max() < 2e-3


def test_depth_is_rotated_not_just_warped() -> None:
    """A plane seen off-axis: z along the virtual axis follows from ray-plane intersection."""
    camera = Camera.from_fov(np.deg2rad(60), 640, 480)
    normal, offset = np.array([0.2, 0.1, 1.0]), 0.8
    depth = (offset / (camera.pixel_rays() @ normal)).astype(np.float32)
    view = ObjectView.of_mask(_disc_mask(camera, np.array([0.4, 0.2, 1]), 0.12), camera, 80)
    rays = view.camera.pixel_rays() @ view.R_camera_virtual.T
    truth = offset / (rays @ normal)  # virtual rays have z = 1 along the virtual axis
    got = view.warp_depth(depth, camera)
    known = np.isfinite(got)
    assert known.mean() > 0.9
    np.testing.assert_allclose(got[known], truth[known], rtol=3e-3)


def test_rolling_the_camera_rolls_the_crop_by_the_same_angle() -> None:
    camera = Camera.from_fov(np.deg2rad(60), 480, 480)
    directions = np.random.default_rng(0).normal(size=(30, 3)) * 0.05 + [0.4, -0.2, 1.0]
    roll = rotation_about_z(0.8)
    a, b = ObjectView.of_rays(directions, 64), ObjectView.of_rays(directions @ roll.T, 64)
    np.testing.assert_allclose(b.R_camera_virtual, roll @ a.R_camera_virtual @ roll.T, atol=1e-7)
    assert a.theta == pytest.approx(b.theta, abs=1e-9)
    assert camera.width == 480


def test_similarity_touches_the_cone_and_lands_in_the_crop_and_in_the_image() -> None:
    camera = Camera.from_fov(np.deg2rad(60), 640, 480)
    view = ObjectView.of_mask(_disc_mask(camera, np.array([0.3, 0.25, 1]), 0.15), camera, 128)
    # the cube's inscribed sphere seen from the camera spans exactly the cone
    assert np.arcsin(0.5 / view.distance) == pytest.approx(view.theta)
    points = np.random.default_rng(0).uniform(-0.3, 0.3, (40, 3))
    metric = transform_points(view.similarity(0.2), points)
    np.testing.assert_allclose(metric, 0.2 * (points + [0, 0, view.distance]) @ view.R_camera_virtual.T)
    in_image, in_crop = camera.project(metric), view.camera.project(points + [0, 0, view.distance])
    lifted = np.concatenate([in_image, np.ones((40, 1))], 1) @ view.homography(camera).T
    np.testing.assert_allclose(lifted[:, :2] / lifted[:, 2:], in_crop, atol=1e-6)


def test_downsampling_does_not_alias() -> None:
    camera = Camera.from_fov(np.deg2rad(50), 1024, 1024)
    checker = (np.indices((1024, 1024)).sum(0) % 2).astype(np.float32)
    view = ObjectView.of_mask(_disc_mask(camera, np.array([0.0, 0, 1]), 0.35), camera, 64)
    warped = view.warp(checker, camera)
    assert np.abs(warped[16:48, 16:48] - 0.5).max() < 0.1
    # a plain bilinear warp of the same picture does alias
    plain = cv2.warpPerspective(checker, view.homography(camera), (64, 64))
    assert np.abs(plain[16:48, 16:48] - 0.5).max() > 0.2


def test_empty_and_too_wide_masks_are_refused() -> None:
    camera = Camera.from_fov(np.deg2rad(150), 200, 200)
    with pytest.raises(InputError, match="empty"):
        ObjectView.of_mask(np.zeros((200, 200)), camera, 64)
    with pytest.raises(InputError, match="120 degrees"):
        ObjectView.of_mask(np.ones((200, 200)), camera, 64)


@pytest.mark.parametrize("spread", [0.0, 1e-12, 1e-8, 1e-4])
def test_rays_that_hardly_differ_take_no_time(spread: float) -> None:
    """All of a thousand rays touch the cone up to rounding; found by the fuzz, where it took hours."""
    angle = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    directions = np.stack([spread * np.cos(angle), spread * np.sin(angle), np.ones(1000)], axis=1)
    began = time.process_time()
    axis, theta = smallest_cone(directions)
    assert time.process_time() - began < 1
    np.testing.assert_allclose(axis, [0, 0, 1], atol=1e-6)
    assert theta == pytest.approx(spread, abs=5e-8)


def test_an_absurd_focal_length_is_refused() -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 10:30] = 1
    camera = Camera(np.array([[1e30, 0, 32], [0, 1e30, 24], [0, 0, 1]]), 64, 48)
    with pytest.raises(InputError, match="focal length"):
        ObjectView.of_mask(mask, camera, 64)


def test_the_window_loses_nothing_and_moves_nothing() -> None:
    """Warping the window alone gives the same crop as warping the whole image, also at the image's border."""
    camera = Camera.from_fov(np.deg2rad(65), 320, 240)
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.random((240, 320), dtype=np.float32), (0, 0), 2)
    for direction in ((0.0, 0.0, 1.0), (0.4, -0.3, 1.0), (-0.5, 0.35, 1.0)):
        view = ObjectView.of_mask(_disc_mask(camera, np.array(direction), 0.12), camera, 64)
        rows, columns = view.window(camera)
        part = image[rows, columns]
        assert part.size < 0.5 * image.size
        whole = view.warp(image, camera)
        np.testing.assert_allclose(view.warp(part, camera.windowed(rows, columns)), whole, atol=2e-3)
