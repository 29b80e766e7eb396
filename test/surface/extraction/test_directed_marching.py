"""Directed marching on displacement fields that are known exactly."""

import numpy as np
import pytest
from displacement_shapes import CENTRE
from displacement_shapes import Counted
from displacement_shapes import bowl
from displacement_shapes import box
from displacement_shapes import sheets
from displacement_shapes import sphere

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.surface.extraction.band import narrow_band
from gsn_perception.surface.extraction.cell_polygons import EDGES
from gsn_perception.surface.extraction.cell_polygons import cell_triangles
from gsn_perception.surface.extraction.directed_marching import directed_marching
from gsn_perception.surface.extraction.extract import extract_surface
from gsn_perception.surface.extraction.face_orientation import oriented
from gsn_perception.surface.extraction.mise import mise
from gsn_perception.surface.fields.displacement import SignedField
from gsn_perception.surface.fields.displacement import snap

LOWER, UPPER = np.full(3, -0.55), np.full(3, 0.55)


def edge_counts(mesh):
    edges = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1)
    return np.unique(edges, axis=0, return_counts=True)


def loops(edges):
    """Boundary edges as closed loops of vertices."""
    near = {}
    for a, b in edges.tolist():
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    assert all(len(n) == 2 for n in near.values())
    found = []
    while near:
        loop = [next(iter(near))]
        while True:
            ahead = [n for n in near[loop[-1]] if n not in loop[-2:]]
            if not ahead or ahead[0] == loop[0]:
                break
            loop.append(ahead[0])
        for v in loop:
            del near[v]
        found.append(np.array(loop))
    return found


@pytest.mark.parametrize("resolution", [24, 37, 64])
def test_a_sphere_is_closed_and_where_it_should_be(resolution):
    mesh = directed_marching(sphere, LOWER, UPPER, resolution=resolution)
    assert mesh.is_watertight()
    assert np.abs(np.linalg.norm(mesh.vertices - CENTRE, axis=1) - 0.4).max() < 1e-6
    cell = 1.1 / resolution
    assert mesh.volume() == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=2 * cell**2 / 0.4**2)
    assert mesh.volume() > 0  # outwards


@pytest.mark.parametrize("seed", range(3))
def test_a_box_with_sharp_edges_in_any_pose_is_closed(seed):
    half = np.array([0.35, 0.25, 0.2])
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    mesh = directed_marching(box(half, turn), LOWER, UPPER, resolution=40)
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(8 * half.prod(), rel=0.02)
    p = np.abs(mesh.vertices @ turn) - half
    assert np.abs(p.max(axis=1)).max() < 1e-5


@pytest.mark.parametrize("resolution", [32, 64])
def test_a_bowl_stays_open(resolution):
    mesh = directed_marching(bowl, LOWER, UPPER, resolution=resolution)
    edges, count = edge_counts(mesh)
    assert count.max() == 2
    (rim,) = loops(edges[count == 1])  # one loop and no holes
    cell = 1.1 / resolution
    at = mesh.vertices[rim] - CENTRE
    assert np.abs(at[:, 2]).max() < cell
    angle = np.sort(np.arctan2(at[:, 1], at[:, 0]))
    assert np.diff(np.append(angle, angle[0] + 2 * np.pi)).max() < 3 * cell / 0.4  # it goes all the way round
    assert mesh.areas().sum() == pytest.approx(2 * np.pi * 0.4**2, rel=2 * cell)


def test_two_thin_parallel_sheets_stay_apart():
    """Two squares 2.3 cells apart: two parts, each with one rim."""
    resolution, gap = 64, 0.04
    mesh = directed_marching(sheets(gap), LOWER, UPPER, resolution=resolution)
    edges, count = edge_counts(mesh)
    assert len(loops(edges[count == 1])) == 2
    upper = mesh.vertices[:, 2] > 0
    assert np.abs(np.abs(mesh.vertices[:, 2]) - gap / 2).max() < 1e-6
    assert (upper[mesh.faces].all(axis=1) | ~upper[mesh.faces].any(axis=1)).all()
    assert mesh.areas().sum() == pytest.approx(2 * 0.6**2, rel=4 * 1.1 / resolution / 0.6)


def test_noise_and_rounding_leave_no_cracks():
    """An error of a twentieth of a cell, different at every point: still one closed sphere."""
    rng = np.random.default_rng(0)
    cell = 1.1 / 40

    def noisy(points):
        return sphere(points) + (0.05 * cell * rng.standard_normal(points.shape)).astype(np.float32)

    mesh = directed_marching(noisy, LOWER, UPPER, resolution=40, steps=1)
    assert mesh.is_watertight()
    assert np.abs(np.linalg.norm(mesh.vertices - CENTRE, axis=1) - 0.4).max() < 0.3 * cell


def test_few_points_are_asked_and_none_twice():
    field = Counted(sphere)
    band = narrow_band(field, LOWER, UPPER, resolution=64)
    asked = np.concatenate(field.asked)
    assert band.queries == len(asked) == len(np.unique(asked, axis=0))
    assert band.queries < 0.3 * 65**3
    # no cell that the sphere passes through is missing
    corners = np.stack(np.meshgrid(*[np.arange(65)] * 3, indexing="ij"), -1)
    inside = np.linalg.norm(band.origin + band.cell * corners - CENTRE, axis=-1) < 0.4
    number = sum(inside[x : 64 + x, y : 64 + y, z : 64 + z].astype(int) for x, y, z in np.ndindex(2, 2, 2))
    crossed = np.argwhere((number > 0) & (number < 8))
    found = {tuple(c) for c in band.corners[band.cells[:, 0]].tolist()}
    assert {tuple(c) for c in crossed.tolist()} <= found


def test_seeds_find_what_the_field_hides():
    """A field that claims to be far from the surface everywhere but close to it."""

    def shy(points):
        moved = sphere(points)
        length = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.where(length > 0.08, 10 * moved, moved)

    assert not directed_marching(shy, LOWER, UPPER, resolution=32).is_watertight()
    rng = np.random.default_rng(0)
    seeds = rng.standard_normal((20_000, 3))
    seeds = CENTRE + 0.4 * seeds / np.linalg.norm(seeds, axis=1, keepdims=True)
    assert directed_marching(shy, LOWER, UPPER, resolution=32, seeds=seeds).is_watertight()


def test_every_division_of_a_cube_is_cut_into_closed_polygons():
    """All 256: the triangles' open edges lie in the cube's faces, each line once, and every crossed edge is used."""
    for sides in range(256):
        side = np.array([sides >> b & 1 for b in range(8)])
        crossed = side[EDGES[:, 0]] != side[EDGES[:, 1]]
        triangles = cell_triangles(crossed[None], np.arange(12)[None], np.random.default_rng(sides).random((1, 8)))
        assert set(triangles.ravel()) == set(np.flatnonzero(crossed))
        lines, count = (
            edge_counts(Mesh(np.zeros((12, 3)), triangles)) if len(triangles) else (np.zeros((0, 2), int), [])
        )
        for line in lines[np.asarray(count) == 1] if len(triangles) else ():
            ends = {tuple(np.array(list(np.ndindex(2, 2, 2)))[EDGES[e]].sum(axis=0)) for e in line}
            assert any(len({e[k] for e in ends}) == 1 and next(iter(ends))[k] in (0, 2) for k in range(3))
        assert np.max(count, initial=0) <= 2
    odd = np.zeros((1, 12), dtype=bool)
    odd[0, 0] = True
    assert len(cell_triangles(odd, np.arange(12)[None], np.ones((1, 8)))) == 0


def test_faces_of_any_direction_are_turned_to_agree():
    mesh = directed_marching(sphere, LOWER, UPPER, resolution=16)
    rng = np.random.default_rng(0)
    mixed = mesh.faces.copy()
    flip = rng.random(len(mixed)) < 0.5
    mixed[flip] = mixed[flip][:, ::-1]
    assert not Mesh(mesh.vertices, mixed).is_watertight()
    again = Mesh(mesh.vertices, oriented(mesh.vertices, mixed))
    assert again.is_watertight()
    assert again.volume() == pytest.approx(mesh.volume())


def test_signed_by_an_oracle_that_is_a_little_off():
    """The zero level is the field's own surface, though the oracle's sphere is smaller by nearly a cell."""
    cell = 1.1 / 48

    def inside(points):
        return (np.linalg.norm(points - CENTRE, axis=1) < 0.4 - 0.8 * cell).astype(np.float32)

    lattice = mise(SignedField(sphere, inside, push=cell), LOWER, UPPER, resolution=48)
    mesh = extract_surface(lattice)
    assert mesh.is_watertight()
    assert np.abs(np.linalg.norm(mesh.vertices - CENTRE, axis=1) - 0.4).max() < 0.1 * cell
    naive = extract_surface(mise(SignedField(sphere, inside, push=0.0), LOWER, UPPER, resolution=48))
    assert np.abs(np.linalg.norm(naive.vertices - CENTRE, axis=1) - 0.4).max() > 0.3 * cell


def test_vertices_follow_the_field():
    rough = Mesh(CENTRE + 0.37 * np.eye(3) + 0.01, [[0, 1, 2]])
    assert np.abs(np.linalg.norm(snap(rough, sphere).vertices - CENTRE, axis=1) - 0.4).max() < 1e-6
    short = snap(rough, sphere, limit=0.005)
    assert np.allclose(np.linalg.norm(short.vertices - rough.vertices, axis=1), 0.005)
    assert np.array_equal(snap(rough, sphere, steps=0).vertices, rough.vertices)


def test_bad_boxes_are_refused():
    with pytest.raises(InputError, match="cannot extract"):
        directed_marching(sphere, UPPER, LOWER)
    with pytest.raises(InputError, match="no surface in the box"):
        directed_marching(sphere, np.full(3, 0.6), np.full(3, 0.7), resolution=8)
