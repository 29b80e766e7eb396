from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Camera
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.transforms import look_at
from gsn_perception.scenes.views import ViewSampling
from gsn_perception.scenes.views import VirtualView
from gsn_perception.scenes.views import camera_ring
from gsn_perception.scenes.views import hull_vertices
from gsn_perception.scenes.views import sphere_direction
from gsn_perception.scenes.views import sphere_view
from gsn_perception.scenes.views import tabletop_camera
from gsn_perception.scenes.views import view_from
from gsn_perception.scenes.views import with_pose_errors


def test_training_views_have_the_wanted_cones(box):
    rng, hull = np.random.default_rng(0), hull_vertices(box.mesh.vertices)
    views = [sphere_view(rng, hull, 128, ViewSampling()) for _ in range(300)]
    theta = np.rad2deg([v.theta for v in views])
    assert theta.min() > 3.8
    assert theta.max() < 25.0
    logs = (np.log(theta) - np.log(4)) / np.log(6)
    assert np.histogram(logs, bins=4, range=(-0.02, 1.02))[0].min() > 45  # of 75 expected in each quarter
    centre = np.array([0, 0, 0.05])
    eyes = np.array([v.camera.world_from_camera[:3, 3] - centre for v in views])
    elevation = np.rad2deg(np.arcsin(eyes[:, 2] / np.linalg.norm(eyes, axis=1)))
    assert elevation.min() > -10.1
    assert elevation.max() < 75.1
    assert (elevation > 15).mean() > 0.7
    azimuth = np.arctan2(eyes[:, 1], eyes[:, 0])
    assert np.histogram(azimuth, bins=8, range=(-np.pi, np.pi))[0].min() > 15


def test_the_object_touches_its_cone(box):
    rng, hull = np.random.default_rng(1), hull_vertices(box.mesh.vertices)
    for _ in range(20):
        view = sphere_view(rng, hull, 128, ViewSampling())
        T = view.camera.camera_from_world
        points = hull @ T[:3, :3].T + T[:3, 3]
        angle = np.arccos(points[:, 2] / np.linalg.norm(points, axis=1))
        assert angle.max() == pytest.approx(view.theta, abs=1e-6)
        radius = np.linalg.norm(view.camera.project(points) - 64, axis=1).max()
        assert radius == pytest.approx(64 * np.tan(view.theta) / np.tan(1.15 * view.theta), rel=1e-6)


def test_virtual_view_is_the_object_view_of_the_real_camera(box):
    hull = hull_vertices(box.mesh.vertices)
    pose = look_at(np.array([0.5, -0.3, 0.4]), np.array([0.1, 0.05, 0.0]), roll=0.3)
    virtual = VirtualView.of(hull, pose, 96)
    T = np.linalg.inv(pose)
    reference = ObjectView.of_rays(hull @ T[:3, :3].T + T[:3, 3], 96)
    np.testing.assert_allclose(virtual.camera.world_from_camera[:3, :3], pose[:3, :3] @ reference.R_camera_virtual)
    np.testing.assert_allclose(virtual.world_from_normalised, pose @ reference.similarity(virtual.scale), atol=1e-12)
    # the scale is that which puts the true box centre at the depth of the cube's centre
    centre = np.linalg.inv(virtual.world_from_normalised) @ [0, 0, 0.05, 1]
    assert centre[2] == pytest.approx(0, abs=1e-7)


def test_view_from_reaches_the_angle(box):
    hull = hull_vertices(box.mesh.vertices)
    for degrees in (4, 10, 24):
        view = view_from(hull, np.array([0.6, 0, 0.8]), np.deg2rad(degrees), 64)
        assert np.rad2deg(view.theta) == pytest.approx(degrees, rel=0.02)


def test_sphere_directions_stay_in_the_band():
    rng = np.random.default_rng(0)
    d = np.array([sphere_direction(rng, (-10, 70)) for _ in range(400)])
    np.testing.assert_allclose(np.linalg.norm(d, axis=1), 1)
    assert d[:, 2].min() >= np.sin(np.deg2rad(-10))
    assert d[:, 2].max() <= np.sin(np.deg2rad(70))
    assert np.mean(d[:, 2]) == pytest.approx((np.sin(np.deg2rad(-10)) + np.sin(np.deg2rad(70))) / 2, abs=0.06)


def test_ring_and_tabletop_cameras_look_at_their_target():
    centre = np.array([0.1, 0.2, 0.05])
    ring = camera_ring(Camera.from_fov(1.0, 64, 48), centre, 0.7, 0.5, 6)
    for camera in ring:
        p = camera.camera_from_world @ [*centre, 1]
        np.testing.assert_allclose(p[:3], [0, 0, 0.7], atol=1e-12)
        assert camera.world_from_camera[2, 1] < 0  # image y points down
    rng = np.random.default_rng(0)
    for _ in range(20):
        camera = tabletop_camera(rng, target=centre)
        p = camera.camera_from_world @ [*centre, 1]
        assert (camera.width, camera.height) == (640, 480)
        assert np.linalg.norm(p[:2]) < 0.05
        assert 0.45 < p[2] < 0.95
        assert 29 < np.rad2deg(np.arcsin(-camera.world_from_camera[2, 2])) < 61


def test_pose_errors_have_their_size():
    camera = Camera.from_fov(1.0, 64, 48, look_at(np.array([0.5, 0.1, 0.4]), np.zeros(3)))
    moved = with_pose_errors([camera] * 400, 2.0, 0.5, np.random.default_rng(0))
    errors = [np.linalg.inv(camera.world_from_camera) @ m.world_from_camera for m in moved]
    assert np.std([e[:3, 3] for e in errors]) == pytest.approx(0.002, rel=0.1)
    turns = [Rotation.from_matrix(e[:3, :3]).as_rotvec() for e in errors]
    assert np.rad2deg(np.std(turns)) == pytest.approx(0.5, rel=0.1)
    (same,) = with_pose_errors([camera], 0.0, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(same.world_from_camera, camera.world_from_camera, atol=1e-12)
