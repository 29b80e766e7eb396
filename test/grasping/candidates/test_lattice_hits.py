"""Chords of a lattice against a ray per line."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from brute_force import ray_hits
from grasp_checks import as_mesh
from scipy.spatial.transform import Rotation

from gsn_perception.grasping.candidates.lattice_hits import Lattice
from gsn_perception.grasping.candidates.lattice_hits import extents
from gsn_perception.grasping.candidates.lattice_hits import lattice_chords

FRAMES = Rotation.random(7, random_state=0).as_matrix()


def columns(mesh):
    return np.ascontiguousarray(mesh.vertices.T.astype(np.float64))


def wanted_chords(mesh, lattice):
    """The chords, by brute force over all hits of every line."""
    triangles, normals = mesh.triangles.astype(np.float64), mesh.face_normals()
    for d, frame in enumerate(lattice.frames):
        places = [
            (row, column)
            for row in range(lattice.low[d, 0], lattice.high[d, 0] + 1)
            for column in range(lattice.low[d, 1], lattice.high[d, 1] + 1)
        ]
        origins = lattice.spacing * np.array(places) @ frame[1:] - frame[0]
        for place, hits in zip(places, ray_hits(triangles, origins, np.tile(frame[0], (len(places), 1))), strict=True):
            faces = np.argsort(hits)[: np.isfinite(hits).sum()]
            slopes = normals[faces] @ frame[0]
            for a, b, enters, leaves in zip(faces, faces[1:], slopes, slopes[1:], strict=False):
                if enters < 0 < leaves:
                    yield (d, *place), (hits[a] - 1, hits[b] - 1), (a, b), min(-enters, leaves)


@pytest.mark.parametrize("spacing", [0.004, 0.05])
def test_chords_are_those_of_single_rays(spacing):
    mesh = as_mesh(trimesh.creation.annulus(0.03, 0.05, 0.04, sections=24))
    low, high = extents(columns(mesh), FRAMES).swapaxes(0, 1)
    lattice = Lattice(
        FRAMES, np.ceil(low / spacing).astype(np.int64), np.floor(high / spacing).astype(np.int64), spacing
    )
    found = lattice_chords(
        np.ascontiguousarray(mesh.vertices.T.astype(np.float64)), mesh.faces, mesh.face_normals(), lattice
    )
    wanted = list(wanted_chords(mesh, lattice))
    assert len(wanted) > (1000 if spacing < 0.01 else 3)
    lines, depths, faces, slopes = (np.array(part) for part in zip(*wanted, strict=True))
    np.testing.assert_array_equal(found.lines, lines)
    np.testing.assert_array_equal(found.faces, faces)
    np.testing.assert_allclose(found.depths, depths, atol=1e-9)
    np.testing.assert_allclose(found.slopes, slopes, atol=1e-9)


def test_extents_are_those_of_the_projections():
    points = np.random.default_rng(2).normal(size=(500, 3))
    found = extents(np.ascontiguousarray(points.T), FRAMES)
    for frame, (low, high) in zip(FRAMES, found, strict=True):
        np.testing.assert_allclose(low, (points @ frame[1:].T).min(axis=0))
        np.testing.assert_allclose(high, (points @ frame[1:].T).max(axis=0))


def test_a_lattice_without_lines_has_no_chords():
    mesh = as_mesh(trimesh.creation.box((0.001, 0.001, 0.001)).apply_translation((0.002, 0.002, 0.002)))
    none = np.array([[1, 1]]), np.array([[0, 0]])
    found = lattice_chords(
        np.ascontiguousarray(mesh.vertices.T.astype(np.float64)),
        mesh.faces,
        mesh.face_normals(),
        Lattice(FRAMES[:1], *none, 0.05),
    )
    assert not len(found.slopes)
    assert found.lines.shape == (0, 3)
