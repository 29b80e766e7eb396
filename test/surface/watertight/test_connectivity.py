"""Pieces, selected faces, repeated faces and smoothing against scipy's sparse matrices and numpy's sorting."""

import numpy as np
import pytest
import scipy.sparse
import trimesh
from scipy.sparse.csgraph import connected_components

from gsn_perception.geometry import Mesh
from gsn_perception.surface.extraction.decimation import _collapsed
from gsn_perception.surface.extraction.decimation import _within
from gsn_perception.surface.extraction.smoothing import smooth
from gsn_perception.surface.watertight.connectivity import pieces
from gsn_perception.surface.watertight.connectivity import select_faces
from gsn_perception.surface.watertight.connectivity import single_faces
from gsn_perception.surface.watertight.strictly_closed import closed_surface


def balls(rng, number=7):
    """Balls of different size, some of them inside out, their faces and vertices in random order."""
    parts = [trimesh.creation.icosphere(1 + k % 2, 0.02 * (k + 1)) for k in range(number)]
    for k, part in enumerate(parts):
        part.apply_translation(rng.normal(size=3))
        if k % 3 == 2:
            part.invert()
    mesh = trimesh.util.concatenate(parts)
    order = rng.permutation(len(mesh.vertices))
    return Mesh(mesh.vertices[np.argsort(order)], order[mesh.faces][rng.permutation(len(mesh.faces))])


def test_pieces_are_those_of_scipy():
    mesh = balls(np.random.default_rng(0))
    piece, volume = pieces(mesh)
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]]])
    graph = scipy.sparse.coo_matrix((np.ones(len(edges)), tuple(edges.T)), shape=(len(mesh.vertices),) * 2)
    count, label = connected_components(graph, directed=False)
    assert len(volume) == count == 7
    assert len({*zip(piece.tolist(), label[mesh.faces[:, 0]].tolist(), strict=True)}) == count
    for k in range(count):
        assert volume[k] == pytest.approx(Mesh(mesh.vertices, mesh.faces[piece == k]).volume(), rel=1e-9)
    assert (volume < 0).sum() == 2
    assert piece[np.unique(piece, return_index=True)[1].min()] == 0


def test_selected_faces_keep_their_corners_and_order():
    rng = np.random.default_rng(1)
    mesh = balls(rng)
    keep = rng.random(len(mesh.faces)) < 0.3
    part = select_faces(mesh, keep)
    np.testing.assert_array_equal(part.triangles, mesh.triangles[keep])
    used, faces = np.unique(mesh.faces[keep], return_inverse=True)
    np.testing.assert_array_equal(part.vertices, mesh.vertices[used])
    np.testing.assert_array_equal(part.faces, faces.reshape(-1, 3))
    assert not len(select_faces(mesh, np.zeros(len(keep), dtype=bool)).vertices)


def test_faces_on_the_same_vertices_are_found():
    rng = np.random.default_rng(2)
    faces = rng.integers(0, 12, (300, 3)).astype(np.int32)
    ordered = np.sort(faces, axis=1)
    _, inverse, count = np.unique(ordered, axis=0, return_inverse=True, return_counts=True)
    expected = count[inverse.ravel()] == 1
    assert 0 < expected.sum() < len(faces)
    np.testing.assert_array_equal(single_faces(faces), expected)
    assert not len(single_faces(np.zeros((0, 3), np.int32)))


def test_smoothing_is_that_of_sparse_matrices():
    mesh = balls(np.random.default_rng(3))
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    graph = scipy.sparse.coo_matrix((np.ones(len(edges)), tuple(edges.T)), shape=(len(mesh.vertices),) * 2).tocsr()
    degree = np.asarray(graph.sum(axis=1))
    vertices = mesh.vertices.astype(np.float64)
    for factor in (0.5, -0.53) * 3:
        vertices = vertices + factor * ((graph @ vertices) / degree - vertices)
    smoothed = smooth(mesh, 3)
    np.testing.assert_allclose(smoothed.vertices, vertices, atol=1e-7)
    assert np.abs(vertices - mesh.vertices).max() > 1e-4
    assert smooth(mesh, 0) is mesh


def test_a_vertex_of_no_face_stays():
    mesh = balls(np.random.default_rng(4))
    more = Mesh(np.concatenate([mesh.vertices, [[5.0, 5, 5]]]), mesh.faces)
    assert smooth(more, 2).vertices[-1].tolist() == [5.0, 5.0, 5.0]


def test_decimation_welds_and_freezes():
    """Vertices near a fault stay; the frozen part and the rest are one closed mesh again."""
    rng = np.random.default_rng(5)
    ball = trimesh.creation.icosphere(5, 0.1)
    mesh = Mesh(ball.vertices * (1 + 0.002 * rng.normal(size=(len(ball.vertices), 1))), ball.faces)
    kept = _within(mesh.vertices, np.array([[0.1, 0, 0], [0, -0.1, 0]]), np.array([0.03, 0.02]))
    distance = np.linalg.norm(mesh.vertices[:, None] - [[0.1, 0, 0], [0, -0.1, 0]], axis=2)
    np.testing.assert_array_equal(kept, (distance <= [0.03, 0.02]).any(axis=1))
    small = _collapsed(mesh, kept, 8000, 7)
    assert closed_surface(small)
    assert len(small.faces) <= 8000
    frozen = {tuple(v) for v in mesh.vertices[np.unique(mesh.faces[kept[mesh.faces].any(axis=1)])].tolist()}
    assert frozen <= {tuple(v) for v in small.vertices.tolist()}
    assert len(np.unique(small.vertices, axis=0)) == len(small.vertices)
