"""The crossing test's short cuts (fans around vertices, grid, cheap tests) against all pairs of faces by the exact tests."""

import numpy as np
import pytest
import trimesh

from gsn_perception.geometry import Mesh
from gsn_perception.surface.watertight.adjacency import corners_at_vertices
from gsn_perception.surface.watertight.face_pairs import flat
from gsn_perception.surface.watertight.face_pairs import folded
from gsn_perception.surface.watertight.self_intersections import GAP
from gsn_perception.surface.watertight.self_intersections import crossing_and_closed
from gsn_perception.surface.watertight.self_intersections import crossing_faces
from gsn_perception.surface.watertight.strictly_closed import closed_surface
from gsn_perception.surface.watertight.triangle_contact import segment_meets_triangle
from gsn_perception.surface.watertight.triangle_contact import triangles_meet


def meet(corners, faces, f, g, gap):
    """Whether two faces meet beside what they share, by the exact tests alone."""
    p, q = (tuple(map(tuple, corners[x])) for x in (f, g))
    mine = [i for i in range(3) if faces[f, i] in faces[g]]
    yours = [j for j in range(3) if faces[g, j] in faces[f]]
    if len(mine) == 3:
        return True
    if len(mine) == 2:
        lone, other = 3 - sum(mine), 3 - sum(yours)
        return folded(p[mine[0]], p[mine[1]], p[lone], q[other], gap)
    if len(mine) == 1:
        far = [i for i in range(3) if i != mine[0]], [j for j in range(3) if j != yours[0]]
        return segment_meets_triangle(p[far[0][0]], p[far[0][1]], q, gap) or segment_meets_triangle(
            q[far[1][0]], q[far[1][1]], p, gap
        )
    return triangles_meet(p, q, gap)


def by_all_pairs(mesh, gap, among=None):
    corners = mesh.triangles.astype(np.float64)
    corners -= corners.reshape(-1, 3).min(axis=0)
    gap *= corners.max()
    among = np.ones(len(corners), dtype=bool) if among is None else among
    bad = np.array([flat(tuple(map(tuple, t)), gap) for t in corners]) & among
    low, high = corners.min(axis=1) - gap, corners.max(axis=1) + gap
    for f in range(len(corners)):
        for g in np.flatnonzero(((low[f] <= high[:f]) & (low[:f] <= high[f])).all(axis=1)):
            if (among[f] or among[g]) and meet(corners, mesh.faces, f, g, gap):
                bad[[f, g]] = True
    return bad


def ball(detail=3):
    made = trimesh.creation.icosphere(detail, 0.1)
    return Mesh(np.asarray(made.vertices), np.asarray(made.faces))


def soup(seed):
    """Triangles of common corners, nearly all of which cross."""
    rng = np.random.default_rng(seed)
    faces = rng.permuted(np.tile(np.arange(30), (60, 1)), axis=1)[:, :3]
    return Mesh(rng.normal(size=(30, 3)) * rng.choice([0.01, 1.0], 30)[:, None], faces)


@pytest.mark.parametrize("noise", [0.0, 0.002, 0.005, 0.01, 0.03])
@pytest.mark.parametrize("gap", [GAP, 1e-3, 1e-2])
def test_shaken_balls(noise, gap):
    mesh = ball()
    rng = np.random.default_rng(int(1e4 * noise))
    mesh = Mesh(mesh.vertices + noise * rng.normal(size=mesh.vertices.shape), mesh.faces)
    bad = by_all_pairs(mesh, gap)
    assert (0 < bad.sum() < len(bad)) or noise not in (0.005, 0.01)
    np.testing.assert_array_equal(crossing_faces(mesh, gap), bad)
    among = rng.random(len(bad)) < 0.1
    np.testing.assert_array_equal(crossing_faces(mesh, gap, among), by_all_pairs(mesh, gap, among))


@pytest.mark.parametrize("seed", range(6))
def test_soups_of_common_corners(seed):
    mesh = soup(seed)
    np.testing.assert_array_equal(crossing_faces(mesh, 1e-4), by_all_pairs(mesh, 1e-4))


@pytest.mark.parametrize("twist", [1, 2, 3])
def test_rings_that_go_around_more_than_once(twist):
    """Faces around a vertex, each in front as the vertex's normal sees it, cross where the ring goes around twice."""
    angles = 2 * np.pi * twist * np.arange(12) / 12 + 0.1
    rim = np.stack([np.cos(angles), np.sin(angles), 0.05 * np.sin(np.arange(12) * np.pi / 6)], axis=1)
    mesh = Mesh(np.concatenate([[[0, 0, 0.0]], rim]), np.array([[0, 1 + k, 1 + (k + 1) % 12] for k in range(12)]))
    bad = by_all_pairs(mesh, GAP)
    assert bad.any() == (twist > 1)
    np.testing.assert_array_equal(crossing_faces(mesh), bad)


def test_a_face_that_names_a_vertex_twice_and_ones_that_repeat_it():
    mesh = ball(1)
    twice = Mesh(mesh.vertices, np.concatenate([mesh.faces, [[0, 0, 5]]]))
    assert crossing_faces(twice)[-1]
    again = Mesh(mesh.vertices, np.concatenate([mesh.faces, mesh.faces[7:8]]))
    assert set(np.flatnonzero(crossing_faces(again))) >= {7, len(mesh.faces)}
    assert not closed_surface(twice)
    assert not crossing_and_closed(twice)[1]
    assert not crossing_and_closed(again)[1]


def test_faces_that_are_not_finite():
    mesh = ball(1)
    vertices = mesh.vertices.copy()
    vertices[3] = np.nan
    bad, closed = crossing_and_closed(Mesh(vertices, mesh.faces))
    np.testing.assert_array_equal(bad, (mesh.faces == 3).any(axis=1))
    assert not closed
    loose = Mesh(np.concatenate([mesh.vertices, [[np.nan] * 3]]), mesh.faces)  # a vertex of no face
    assert not crossing_faces(loose).any()


def test_what_is_closed():
    mesh = ball(2)
    assert crossing_and_closed(mesh)[1]
    assert closed_surface(mesh)
    flipped = mesh.faces.copy()
    flipped[5] = flipped[5, ::-1]
    touching = mesh.faces.copy()
    touching[touching == 11] = 100  # two fans at one vertex
    for faces in (mesh.faces[1:], flipped, touching, np.concatenate([mesh.faces, mesh.faces])):
        assert not crossing_and_closed(Mesh(mesh.vertices, faces))[1]
        assert not closed_surface(Mesh(mesh.vertices, faces))


def test_corners_at_vertices():
    faces = np.random.default_rng(0).integers(0, 9, (20, 3)).astype(np.int32)
    starts, corners = corners_at_vertices(faces, 10)
    for v in range(10):
        assert corners[starts[v] : starts[v + 1]].tolist() == np.flatnonzero(faces.ravel() == v).tolist()
