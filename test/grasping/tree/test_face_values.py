"""Values of faces against numpy and scipy."""

from __future__ import annotations

import numpy as np
import trimesh
from grasp_checks import as_mesh
from scipy.sparse import coo_matrix

from gsn_perception.grasping.tree.face_values import averaged_normals
from gsn_perception.grasping.tree.face_values import face_values
from gsn_perception.grasping.tree.face_values import harmonics
from gsn_perception.grasping.tree.face_values import mass_moments


def rough_torus():
    shape = trimesh.creation.torus(0.05, 0.02)
    noise = np.random.default_rng(0).normal(size=shape.vertices.shape) * 5e-4
    return as_mesh(trimesh.Trimesh(shape.vertices + noise + [0.2, 0, 0.5], shape.faces, process=False))


def test_areas_normals_and_edges_are_those_of_the_mesh():
    mesh = rough_torus()
    areas, normals, edges = face_values(mesh.vertices, mesh.faces)
    np.testing.assert_allclose(areas, mesh.areas(), rtol=1e-12)
    np.testing.assert_allclose(normals, mesh.face_normals(), atol=1e-12)
    first = mesh.vertices[mesh.faces[:, :2]].astype(np.float64)
    np.testing.assert_allclose(edges, np.linalg.norm(first[:, 0] - first[:, 1], axis=1), rtol=1e-12)
    flat = face_values(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    assert not np.concatenate([flat[0], flat[1].ravel()]).any()


def test_averaging_is_a_product_with_the_incidence_matrix():
    mesh = rough_torus()
    areas, normals, _ = face_values(mesh.vertices, mesh.faces)
    count = len(mesh.faces)
    entries = (np.ones(3 * count), (mesh.faces.ravel(), np.repeat(np.arange(count), 3)))
    touches = coo_matrix(entries, shape=(len(mesh.vertices), count)).tocsr()
    wanted = normals
    for _ in range(3):
        wanted = touches.T @ (touches @ (areas[:, None] * wanted))
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    found = averaged_normals(mesh.faces, len(mesh.vertices), normals, areas, 3)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert np.abs(found - normals).max() > 0.01


def test_moments_are_those_of_another_library():
    mesh = rough_torus()
    shape = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    middle, volume, moment = mass_moments(mesh.vertices, mesh.faces, mesh.areas())
    np.testing.assert_allclose(volume, shape.volume, rtol=1e-6)
    np.testing.assert_allclose(middle, shape.centroid, atol=1e-6)
    np.testing.assert_allclose(middle + moment / volume, shape.center_mass, atol=1e-6)


def test_harmonics_are_weighted_means_of_complex_powers():
    rng = np.random.default_rng(1)
    normals, weights = rng.normal(size=(500, 3)), rng.uniform(size=500)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    across = normals @ axes[:, 0] + 1j * (normals @ axes[:, 1])
    first, fourth = harmonics(normals, weights, axes[:, 0].copy(), axes[:, 1].copy())
    np.testing.assert_allclose(first, np.average(across, weights=weights))
    np.testing.assert_allclose(fourth, np.average(across**4, weights=weights))
