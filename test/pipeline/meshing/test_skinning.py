"""A mesh that crosses itself is extracted again on a coarser grid."""

from types import SimpleNamespace

import numpy as np
import trimesh

from gsn_perception.geometry import Mesh
from gsn_perception.pipeline import ReconstructorSettings
from gsn_perception.pipeline.meshing.skinning import metric_mesh
from gsn_perception.surface.watertight.strictly_closed import strictly_closed


def item(scale=0.2):
    view = SimpleNamespace(similarity=lambda s: np.diag([s, s, s, 1.0]))
    return SimpleNamespace(crop=SimpleNamespace(view=view), scale=SimpleNamespace(value=scale))


def ball():
    made = trimesh.creation.icosphere(subdivisions=2)
    return Mesh(made.vertices, made.faces)


def folded():
    vertices = ball().vertices.copy()
    vertices[0] = -1.5 * vertices[0]  # through the other side
    return Mesh(vertices, ball().faces)


def test_the_first_strictly_closed_one_is_taken():
    asked = []

    def mesher(item, *, resolution, max_triangles):
        asked.append(resolution)
        return folded() if len(asked) < 3 else ball(), False

    assert not strictly_closed(folded())
    mesh = metric_mesh(item(), ReconstructorSettings(mesh_resolution=60), mesher)
    assert strictly_closed(mesh)
    assert asked == [60, 54, 48]
    assert np.allclose(np.linalg.norm(mesh.vertices, axis=1), 0.2, atol=1e-6)


def test_a_good_mesh_is_made_once():
    asked = []

    def mesher(item, *, resolution, max_triangles):
        asked.append(resolution)
        return ball(), False

    metric_mesh(item(), ReconstructorSettings(), mesher)
    assert asked == [64]
