"""Meshes that neither touch nor cross themselves: the check against exact arithmetic and Open3D, and what keeps them so."""

from fractions import Fraction

import numpy as np
import open3d
import pytest
import trimesh
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from splat_shapes import SHAPES
from splat_shapes import mesh_of
from splat_shapes import splat_of

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.scenes.objects import FAMILIES
from gsn_perception.scenes.objects import random_object
from gsn_perception.surface import gaussian_solid_mesh
from gsn_perception.surface.extraction.decimation import decimate
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.extraction.implicit_shape import closed_mesh
from gsn_perception.surface.watertight.flattening import clamped_to_plane
from gsn_perception.surface.watertight.self_intersections import crossing_faces
from gsn_perception.surface.watertight.strictly_closed import closed_surface
from gsn_perception.surface.watertight.strictly_closed import strictly_closed
from gsn_perception.surface.watertight.untangling import untangled


def watertight(mesh):
    """Open3D's strict check; the faces it calls crossing are judged again by exact arithmetic.

    Open3D 0.20.0 says so of faces millimetres apart where many lie in one tilted plane in single precision.
    """
    vertices = open3d.utility.Vector3dVector(mesh.vertices.astype(float))
    made = open3d.geometry.TriangleMesh(vertices, open3d.utility.Vector3iVector(mesh.faces))
    pairs = np.asarray(made.get_self_intersecting_triangles()).reshape(-1, 2)
    crossing = any(crosses(*mesh.triangles[pair]) for pair in pairs)
    return made.is_edge_manifold(allow_boundary_edges=False) and made.is_vertex_manifold() and not crossing


def false_alarms_alone(mesh):
    """Whether none of the pairs that Open3D names crosses in exact arithmetic.

    Of nearly coplanar triangles, as on a flat bottom, Open3D 0.20 names some that lie side by side.
    """
    vertices = open3d.utility.Vector3dVector(mesh.vertices.astype(float))
    them = open3d.geometry.TriangleMesh(vertices, open3d.utility.Vector3iVector(mesh.faces))
    pairs = np.asarray(them.get_self_intersecting_triangles())
    manifold = them.is_edge_manifold(allow_boundary_edges=False) and them.is_vertex_manifold()
    return manifold and len(pairs) < 20 and not any(crosses(*mesh.triangles[pair]) for pair in pairs)


def crosses(p, q):
    """Whether two triangles without common corners intersect, in exact arithmetic (none of these are coplanar)."""
    p, q = ([[Fraction(float(x)) for x in corner] for corner in t] for t in (p, q))

    def volume(a, b, c, d):
        u, v, w = ([x - y for x, y in zip(e, a, strict=True)] for e in (b, c, d))
        return (
            u[0] * (v[1] * w[2] - v[2] * w[1]) + u[1] * (v[2] * w[0] - v[0] * w[2]) + u[2] * (v[0] * w[1] - v[1] * w[0])
        )

    def pierces(a, b, t):
        if volume(*t, a) * volume(*t, b) > 0:
            return False
        sides = [volume(a, b, t[i], t[(i + 1) % 3]) for i in range(3)]
        return all(s >= 0 for s in sides) or all(s <= 0 for s in sides)

    return any(pierces(s[i], s[(i + 1) % 3], t) for s, t in ((p, q), (q, p)) for i in range(3))


def field_of(values, lower=-0.5, upper=0.5):
    """Trilinear interpolation of a cube of values."""
    from scipy.interpolate import RegularGridInterpolator

    axis = np.linspace(lower, upper, len(values))
    inside = RegularGridInterpolator((axis, axis, axis), values, bounds_error=False, fill_value=values.min())
    return lambda points: inside(points).astype(np.float32)


def random_field(seed, grain, sheets=False):
    """A field with pieces, handles, thin sheets and cavities."""
    rng = np.random.default_rng(seed)
    values = gaussian_filter(rng.standard_normal((24, 24, 24)), grain)
    values /= values.std()
    values = 0.3 - np.abs(values) if sheets else values
    values[[0, -1]] = values[:, [0, -1]] = values[:, :, [0, -1]] = -1.0
    return field_of(values)


def icosphere(radius=0.1, at=(0, 0, 0), detail=3):
    ball = trimesh.creation.icosphere(detail, radius)
    return Mesh(np.asarray(ball.vertices) + np.array(at), np.asarray(ball.faces))


def together(*meshes):
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    faces = [m.faces + start for m, start in zip(meshes, starts[:-1], strict=True)]
    return Mesh(np.concatenate([m.vertices for m in meshes]), np.concatenate(faces))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_crossing_triangles_are_those_of_exact_arithmetic(seed):
    rng = np.random.default_rng(seed)
    corners = (rng.normal(size=(12, 1, 3)) + 0.8 * rng.normal(size=(12, 3, 3))).astype(np.float32)
    mesh = Mesh(corners.reshape(-1, 3), np.arange(36).reshape(-1, 3))
    expected = np.zeros(12, dtype=bool)
    for i in range(12):
        for j in range(i):
            if crosses(corners[i], corners[j]):
                expected[[i, j]] = True
    np.testing.assert_array_equal(crossing_faces(mesh, gap=1e-9), expected)


def test_balls_apart_touching_and_crossing():
    ball = icosphere()
    assert strictly_closed(ball)
    assert watertight(ball)
    assert strictly_closed(together(ball, icosphere(at=(0.21, 0, 0))))
    crossing = together(ball, icosphere(at=(0.15, 0.01, 0)))
    assert closed_surface(crossing)
    assert not strictly_closed(crossing)
    assert not watertight(crossing)
    inner = together(ball, icosphere(0.05))
    assert strictly_closed(inner)  # a cavity does not touch
    assert not strictly_closed(together(ball, ball))


def test_what_is_open_or_joined_at_a_vertex_or_folded_is_not_closed():
    ball = icosphere()
    assert not strictly_closed(Mesh(ball.vertices, ball.faces[1:]))
    assert not strictly_closed(Mesh(ball.vertices, np.concatenate([ball.faces[:1, ::-1], ball.faces[1:]])))
    assert not strictly_closed(Mesh(np.zeros((0, 3)), np.zeros((0, 3))))
    tetrahedron = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    mirrored = np.where(faces == 0, 0, faces + 3)[:, ::-1]
    joined = Mesh(np.concatenate([tetrahedron, -tetrahedron[1:]]), np.concatenate([faces, mirrored]))
    assert joined.is_watertight()  # every edge has two faces; vertex 0 joins two fans
    assert not closed_surface(joined)
    assert not watertight(joined)
    folded = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0.5, 1, 0], [0.5, 0.7, 1e-9]]), np.array([[0, 1, 2], [1, 0, 3]]))
    assert crossing_faces(folded).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 1.5, 2.5]), st.booleans(), st.sampled_from([0, 4]))
def test_meshes_of_any_field_are_strictly_closed(seed, grain, sheets, bisections):
    corner = np.full(3, 0.5)
    shape = ImplicitShape(random_field(seed, grain, sheets), -corner, corner)
    mesh = closed_mesh(
        shape, resolution=32, bisections=bisections, smoothing=3, max_triangles=3000, refinements=seed % 2
    )
    assert strictly_closed(mesh)
    assert watertight(mesh)
    assert len(mesh.faces) <= 3000


@pytest.mark.parametrize("family", FAMILIES)
def test_solids_of_splats_are_strictly_closed(family):
    for seed in range(2):
        thing = random_object(seed, family).mesh
        size = float(np.ptp(thing.vertices, axis=0).max())
        mesh = gaussian_solid_mesh(splat_of(thing, 2000, noise=0.3, seed=seed), resolution=40, max_triangles=4000)
        assert strictly_closed(mesh)
        assert watertight(mesh)
        assert np.ptp(mesh.vertices, axis=0).max() == pytest.approx(size, rel=0.25)


def test_fewer_triangles_stay_strictly_closed_and_keep_the_volume():
    for seed in range(4):
        corner = np.full(3, 0.5)
        full = closed_mesh(ImplicitShape(random_field(seed, 2.0), -corner, corner), resolution=48, max_triangles=10**6)
        small = decimate(full, len(full.faces) // 3)
        assert small is not full
        assert len(small.faces) <= len(full.faces) // 3
        assert strictly_closed(small)
        assert small.volume() == pytest.approx(full.volume(), rel=0.021)


def test_untangling_moves_only_what_is_near():
    ball = icosphere(detail=4)
    moved = ball.vertices.copy()
    top = moved[:, 2] > 0.095
    moved[top, 2] -= 0.2  # the cap is pushed out through the bottom
    crossed = Mesh(moved, ball.faces)
    assert crossing_faces(crossed).any()
    mended = untangled(crossed, ball.vertices)
    assert strictly_closed(mended)
    middle = np.abs(ball.vertices[:, 2]) < 0.03
    np.testing.assert_array_equal(mended.vertices[middle], ball.vertices[middle])
    assert untangled(ball, np.zeros_like(ball.vertices)) is ball


PLANES = (Plane(np.array([0, 0, 1.0]), 0.37), Plane(np.array([0.3, -0.5, 0.9]), 0.25))


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("name", SHAPES)
def test_nothing_is_left_below_a_plane_and_the_mesh_stays_closed(name, plane):
    base = mesh_of(SHAPES[name], 48)
    corner = base.vertices.min(axis=0) - 0.02, base.vertices.max(axis=0) + 0.02
    if name in ("torus", "profile", "cup"):
        sdf = SHAPES[name]
        mesh = closed_mesh(
            ImplicitShape(lambda p: np.minimum(-sdf(p), plane.height(p)).astype(np.float32), *corner),
            resolution=32,
            smoothing=3,
        )
    else:  # the dips are as deep as a cell: the mesh is lowered into the plane
        lowered = plane.height(base.vertices.astype(float)).min() + 0.015
        mesh = Mesh(base.vertices - lowered * plane.normal, base.faces)
    clamped = clamped_to_plane(mesh, plane)
    assert plane.height(clamped.vertices.astype(float)).min() >= 0
    assert strictly_closed(clamped)
    assert false_alarms_alone(clamped)
    above = plane.height(mesh.vertices.astype(float)) > 0.12
    np.testing.assert_allclose(clamped.vertices[above], mesh.vertices[above], atol=0.02)
    assert clamped_to_plane(clamped, plane) is clamped


def test_a_mesh_above_the_plane_is_returned_as_it_is():
    ball = icosphere().with_vertex_normals()
    assert clamped_to_plane(ball, Plane(np.array([0, 0, 1.0]), 0.2)) is ball
    moved = clamped_to_plane(ball, Plane(np.array([0, 0, 1.0]), 0.095))
    flat = np.abs(moved.vertices[:, 2] + 0.095) < 1e-5
    assert flat.sum() > 10
    assert moved.normals[flat][:, 2].min() < -0.99
