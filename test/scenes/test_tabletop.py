from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scene_shapes import from_trimesh

from gsn_perception.geometry import InputError
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.tabletop import polygon_gap
from gsn_perception.scenes.tabletop import random_tabletop


@pytest.fixture(scope="module")
def objects():
    return [
        from_trimesh("ball", trimesh.creation.icosphere(subdivisions=4, radius=0.05), color=(0.9, 0.1, 0.1)),
        from_trimesh("brick", trimesh.creation.box((0.08, 0.05, 0.12)), color=(0.1, 0.8, 0.1)),
        from_trimesh("ring", trimesh.creation.torus(0.06, 0.02), color=(0.1, 0.1, 0.9)),
        from_trimesh("house", trimesh.creation.box((5.0, 5.0, 5.0))),
    ]


@pytest.fixture(scope="module")
def seen(objects):
    scene, camera = random_tabletop(objects, seed=3, count=3)
    camera = camera.resized(320, 240)
    return scene, camera, scene.observe(camera)


def test_objects_rest_on_the_table_without_touching(objects):
    for seed in range(8):
        scene, _ = random_tabletop(objects, seed, count=5)
        meshes = [scene.mesh(p.label) for p in scene.placed]
        assert [p.label for p in scene.placed] == [1, 2, 3, 4, 5]
        for mesh in meshes:
            assert mesh.vertices[:, 2].min() == pytest.approx(0, abs=1e-6)
        for i, a in enumerate(meshes):
            for b in meshes[:i]:
                near = np.linalg.norm(a.vertices[:, None, :2] - b.vertices[None, ::7, :2], axis=-1).min()
                assert near > 0.039
        assert "house" not in [p.item.name for p in scene.placed]


def test_labels_are_the_objects(seen, objects):
    scene, _camera, observation = seen
    assert observation.mask.dtype == np.uint8
    assert set(np.unique(observation.mask)) == {0, 1, 2, 3}
    hue = {"ball": 0, "brick": 1, "ring": 2}
    for placed in scene.placed:
        color = np.median(observation.image[observation.mask == placed.label], axis=0)
        assert int(np.argmax(color)) == hue[placed.item.name]


def test_masked_depth_lies_on_the_true_mesh_in_the_camera_frame(seen):
    import open3d as o3d

    scene, camera, observation = seen
    points = camera.back_project(observation.depth)
    for placed in scene.placed:
        mesh = scene.mesh(placed.label, camera)
        caster = o3d.t.geometry.RaycastingScene()
        caster.add_triangles(o3d.core.Tensor(mesh.vertices), o3d.core.Tensor(mesh.faces.astype(np.uint32)))
        distance = caster.compute_distance(o3d.core.Tensor(points[observation.mask == placed.label])).numpy()
        assert len(distance) > 100
        assert distance.max() < 1e-5


def test_the_support_plane_is_the_table(seen):
    _scene, camera, observation = seen
    height = observation.support_plane.height(camera.back_project(observation.depth))
    table = (observation.mask == 0) & np.isfinite(observation.depth)
    assert np.abs(height[table]).max() < 1e-4
    assert height[observation.mask > 0].min() > -1e-4
    assert height[observation.mask > 0].max() > 0.03
    assert observation.support_plane.height(np.zeros(3)) == pytest.approx(camera.world_from_camera[2, 3])


def test_sensor_errors_are_put_on_depth(seen):
    scene, camera, true = seen
    measured = scene.observe(camera, sensor=DepthSensor(), seed=4, supersample=1).depth
    holes = np.isnan(measured)
    assert 0.005 < holes.mean() < 0.3
    error = np.abs(measured - true.depth)[~holes]
    assert 1e-4 < np.median(error) < 0.01
    again = scene.observe(camera, sensor=DepthSensor(), seed=4, supersample=1).depth
    np.testing.assert_array_equal(measured, again)


def test_orbit_goes_around_and_keeps_looking(seen):
    scene, camera, _ = seen
    cameras = scene.orbit(camera, 6)
    np.testing.assert_allclose(cameras[0].world_from_camera[:3, 3], camera.world_from_camera[:3, 3], atol=1e-9)
    eyes = np.array([c.world_from_camera[:3, 3] for c in cameras])
    np.testing.assert_allclose(np.linalg.norm(eyes - scene.centre, axis=1), np.linalg.norm(eyes[0] - scene.centre))
    np.testing.assert_allclose(eyes.mean(axis=0)[:2], scene.centre[:2], atol=1e-9)
    for c in cameras:
        p = c.camera_from_world @ [*scene.centre, 1]
        assert np.abs(p[:2]).max() < 1e-9
        assert p[2] > 0


def test_swing_keeps_the_objects_in_view_and_changes_height_distance_and_roll(seen):
    scene, camera, _ = seen
    cameras = scene.swing(camera, 8, arc=np.deg2rad(60))
    np.testing.assert_allclose(cameras[0].world_from_camera[:3, 3], camera.world_from_camera[:3, 3], atol=1e-9)
    away = np.array([c.world_from_camera[:3, 3] - scene.centre for c in cameras])
    assert np.ptp(np.linalg.norm(away, axis=1)) > 0.03
    assert np.ptp(away[:, 2]) > 0.03
    for c in cameras:
        p = c.camera_from_world @ [*scene.centre, 1]
        assert np.linalg.norm(p[:2]) < 0.1 * p[2]
    level = [abs(c.world_from_camera[2, 0]) for c in cameras]  # z of the image's x axis
    assert max(level) > np.sin(np.deg2rad(5))


def test_scenes_are_seeded(objects):
    (a, camera_a), (b, camera_b), (c, _) = (random_tabletop(objects, s, 2) for s in (5, 5, 6))
    np.testing.assert_array_equal(a.placed[0].T_world_object, b.placed[0].T_world_object)
    np.testing.assert_array_equal(camera_a.world_from_camera, camera_b.world_from_camera)
    assert not np.array_equal(a.placed[0].T_world_object, c.placed[0].T_world_object)


def test_bad_input_is_said(objects, seen):
    with pytest.raises(InputError, match="no object of at most"):
        random_tabletop(objects[3:], 0)
    with pytest.raises(InputError, match="no object 9"):
        seen[0].mesh(9)


def test_polygon_gap():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    assert polygon_gap(square, square + [1.5, 0.3]) == pytest.approx(0.5)
    assert polygon_gap(square, square + [0.5, 0.5]) < 0
    assert 0 < polygon_gap(square, square + [2.0, 2.0]) <= np.sqrt(2)
