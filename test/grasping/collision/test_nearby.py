"""The scene points that a gripper can reach, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from grasp_checks import as_mesh

from gsn_perception.geometry import Plane
from gsn_perception.grasping.collision.collision import scene_nearby
from gsn_perception.grasping.object_surface import Surface

PLANE = Plane(np.array([0.0, 0.6, 0.8]), -0.02)


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
