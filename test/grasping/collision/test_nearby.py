"""Triangles and scene points near an object are those that a query of every point finds."""

import numpy as np
import pytest
import trimesh
from grasp_checks import as_mesh

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.grasping.collision.collision import scene_nearby
from gsn_perception.grasping.collision.collision import triangles_nearby
from gsn_perception.grasping.object_surface import Surface

OWN = 0.008
PLANE = Plane(np.array([0.0, 0.6, 0.8]), -0.02)


def ball(centre, radius=0.03):
    made = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    return Mesh(made.vertices + centre, made.faces)


@pytest.mark.parametrize("gap", [-0.02, -0.001, 0.0, 0.0079, 0.0081, 0.03, 0.5])
def test_the_triangles_of_a_neighbour_are_those_that_a_query_of_every_corner_keeps(gap):
    surface = Surface.of(ball([0, 0, 0.5]))
    other = ball([0.06 + gap, 0.004, 0.497])
    corners = other.triangles.astype(np.float64)
    apart = surface.distance(corners.reshape(-1, 3)).reshape(-1, 3).max(axis=1) > OWN
    size = np.linalg.norm(corners - corners[:, :1], axis=2).max(axis=1)
    near = np.linalg.norm(corners[:, 0] - surface.center, axis=1) < 0.2 + size
    np.testing.assert_array_equal(triangles_nearby([other], surface, reach=0.2, own=OWN), corners[apart & near])
    if gap == -0.02:
        assert not apart.all(), "the case must hold triangles that overlap the object"


def test_scene_points_within_own_of_the_object_are_dropped():
    surface, plane = Surface.of(ball([0, 0, 0.5])), Plane(np.array([0.0, 0.0, -1.0]), 0.53)
    scene = np.random.default_rng(0).uniform([-0.1, -0.1, 0.4], [0.1, 0.1, 0.56], (4000, 3))
    found = scene_nearby(scene, surface, plane, reach=0.15, own=OWN, cell=1e-6)
    wanted = (np.linalg.norm(scene - surface.center, axis=1) < 0.15) & (plane.height(scene) > OWN)
    wanted &= surface.distance(scene) > OWN
    np.testing.assert_array_equal(found, scene[wanted])
    assert 0 < len(found) < len(scene)


@pytest.mark.parametrize("plane", [PLANE, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_near_and_above_and_not_the_objects_own(plane, dtype):
    box = trimesh.creation.box((0.06, 0.06, 0.06))
    surface = Surface.of(as_mesh(box))
    scene = np.random.default_rng(0).uniform(-0.3, 0.3, (3000, 3)).astype(dtype)
    scene[::50, 1] = np.nan
    scene[1::50, 2] = np.inf
    scene.flags.writeable = False
    found = scene_nearby(scene, surface, plane, reach=0.2, own=0.01, cell=1e-6)
    finite = scene[np.isfinite(scene).all(axis=1)].astype(np.float64)
    near = finite[np.linalg.norm(finite, axis=1) < 0.2]
    if plane is not None:
        near = near[plane.height(near) > 0.01]
    wanted = near[np.abs(trimesh.proximity.closest_point(box, near)[1]) > 0.01]
    assert 50 < len(wanted) < 1500
    np.testing.assert_array_equal(found, wanted)
