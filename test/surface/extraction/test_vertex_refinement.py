from __future__ import annotations

import numpy as np
import pytest
import trimesh

from gsn_perception.geometry import Mesh
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.extraction.implicit_shape import closed_mesh
from gsn_perception.surface.extraction.vertex_refinement import refine_vertices


def ball(points):
    """A steep, crooked occupancy of a ball of radius 0.4: distances are not in its values."""
    return np.tanh(30 * (0.4 - np.linalg.norm(points, axis=1))).astype(np.float32) + 0.2


LEVEL = 0.2


def shell(jitter):
    shape = trimesh.creation.icosphere(3, 0.4)
    radius = 1 + jitter * np.random.default_rng(0).standard_normal(len(shape.vertices))
    return Mesh(shape.vertices * radius[:, None], shape.faces)


def error(mesh):
    return np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.4)


def test_vertices_go_back_to_the_surface():
    before = shell(0.01)
    after = refine_vertices(before, ball, level=LEVEL, reach=0.02, steps=2)
    assert error(after).mean() < 0.03 * error(before).mean()
    assert after.is_watertight()
    np.testing.assert_array_equal(after.faces, before.faces)


def test_vertices_out_of_reach_stay():
    before = shell(0.0).transform(np.diag([1.2, 1.2, 1.2, 1.0]))
    after = refine_vertices(before, ball, level=LEVEL, reach=0.02, steps=2)
    np.testing.assert_array_equal(after.vertices, before.vertices)


@pytest.mark.parametrize("refinements", [0, 2])
def test_smoothed_and_decimated_meshes_come_back_to_the_field(refinements):
    shape = ImplicitShape(ball, np.full(3, -0.5), np.full(3, 0.5), LEVEL)
    mesh = closed_mesh(shape, resolution=32, max_triangles=1500, smoothing=3, refinements=refinements)
    assert mesh.is_watertight()
    assert (error(mesh).max() < 3e-4) == (refinements > 0)
