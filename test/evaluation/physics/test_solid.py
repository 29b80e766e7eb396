"""Bodies from meshes as they come: open, inside out, two-sided; masses against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from gsn_perception.evaluation.physics.mass import body_of
from gsn_perception.evaluation.physics.parts import convex_parts
from gsn_perception.evaluation.physics.solid import open_edges
from gsn_perception.evaluation.physics.solid import solid_of
from gsn_perception.geometry import Mesh

SIZE = np.array([0.10, 0.06, 0.08])


def mesh_of(made):
    return Mesh(made.vertices, made.faces)


def fine_box(size=SIZE, at=(0.0, 0.0, 0.0)):
    box = trimesh.creation.box(size).subdivide().subdivide()
    box.apply_translation(at)
    return box


def without(box, direction, share=1.0):
    """The faces that look along a direction left out, or the share of them that is nearest to their middle."""
    looks = box.face_normals @ direction > 0.9
    reach = np.linalg.norm(box.triangles_center - box.triangles_center[looks].mean(axis=0), axis=1)
    near = reach <= np.quantile(reach[looks], share)
    return Mesh(box.vertices, box.faces[~(looks & near)])


def box_inertia(size, mass):
    x, y, z = size
    return mass / 12 * np.diag([y * y + z * z, x * x + z * z, x * x + y * y])


@pytest.mark.parametrize("inward", [False, True])
@pytest.mark.parametrize("at", [(0.0, 0.0, 0.0), (0.3, -0.2, 0.5)])
@pytest.mark.parametrize("direction", [np.eye(3)[2], -np.eye(3)[2], np.eye(3)[0]])
def test_an_open_box_weighs_as_if_it_were_closed_wherever_it_stands(direction, at, inward):
    mesh = without(fine_box(at=at), direction)
    mesh = Mesh(mesh.vertices, mesh.faces[:, ::-1]) if inward else mesh
    parts = [mesh.vertices.astype(np.float64)]
    body = body_of(mesh, parts, 300.0)
    mass = 300 * SIZE.prod()
    assert body.mass == pytest.approx(mass, rel=1e-4)
    np.testing.assert_allclose(body.center, at, atol=1e-5)
    np.testing.assert_allclose(body.inertia, box_inertia(SIZE, mass), atol=3e-7)


def test_a_lid_is_as_large_as_its_hole():
    lid = solid_of(without(fine_box(), np.eye(3)[2])).lid
    x, y, z = SIZE
    assert lid == pytest.approx(x * y / (2 * (x * y + y * z + z * x)), rel=1e-3)


def test_a_small_hole_is_closed_and_a_large_one_stays_open():
    small = without(fine_box(), np.eye(3)[2], share=0.2)
    assert len(open_edges(small.faces))
    (part,) = convex_parts(small)
    assert np.ptp(part, axis=0) == pytest.approx(SIZE, abs=1e-6)
    pytest.importorskip("coacd")
    walls = convex_parts(without(fine_box(), np.eye(3)[2]))
    assert len(walls) >= 5
    hulls = [trimesh.convex.convex_hull(part) for part in walls]
    assert not any(hull.contains([[0, 0, 0.02]])[0] for hull in hulls)


def test_a_ring_inside_out_has_the_parts_of_the_ring():
    """CoACD fills what faces inwards with air: 48 slivers where the ring has some ten parts."""
    pytest.importorskip("coacd")
    ring = trimesh.creation.annulus(0.03, 0.05, 0.02)
    for faces in (ring.faces, ring.faces[:, ::-1]):
        hulls = [trimesh.convex.convex_hull(part) for part in convex_parts(Mesh(ring.vertices, faces))]
        assert 2 < len(hulls) < 20
        assert sum(hull.volume for hull in hulls) == pytest.approx(ring.volume, rel=0.15)
        assert not any(hull.contains([[0, 0, 0]])[0] for hull in hulls)
        body = body_of(Mesh(ring.vertices, faces), [h.vertices for h in hulls], 300.0)
        assert body.mass == pytest.approx(300 * ring.volume, rel=1e-4)


def test_a_cavity_stays_a_cavity_whichever_way_the_whole_faces():
    outer, inner = trimesh.creation.icosphere(3, 0.05), trimesh.creation.icosphere(3, 0.03)
    for flip in (1, -1):
        faces = [outer.faces[:, ::flip], inner.faces[:, ::-flip] + len(outer.vertices)]
        solid = solid_of(Mesh(np.concatenate([outer.vertices, inner.vertices]), np.concatenate(faces)))
        assert solid.closed.volume() == pytest.approx(outer.volume - inner.volume, rel=1e-4)


def test_pieces_are_turned_each_for_itself():
    left, right = fine_box((0.02,) * 3, (-0.03, 0, 0)), fine_box((0.02,) * 3, (0.03, 0, 0))
    faces = np.concatenate([left.faces, right.faces[:, ::-1] + len(left.vertices)])
    solid = solid_of(Mesh(np.concatenate([left.vertices, right.vertices]), faces))
    assert solid.outward.volume() == pytest.approx(2 * 0.02**3, rel=1e-5)


def test_neighbours_that_disagree_and_two_sided_triangles_are_mended():
    box = fine_box()
    soup = np.random.default_rng(0).random(len(box.faces)) < 0.4
    mixed = np.where(soup[:, None], box.faces[:, ::-1], box.faces)
    assert solid_of(Mesh(box.vertices, mixed)).closed.volume() == pytest.approx(SIZE.prod(), rel=1e-5)
    both = np.concatenate([box.faces, box.faces[:, ::-1]])
    assert solid_of(Mesh(box.vertices, both)).closed.volume() == pytest.approx(SIZE.prod(), rel=1e-5)
    split = Mesh(box.triangles.reshape(-1, 3), np.arange(3 * len(box.faces)).reshape(-1, 3))  # as an STL has it
    solid = solid_of(split)
    assert solid.outward.is_watertight()
    assert solid.lid == 0


def test_a_good_mesh_comes_back_as_it_is():
    mesh = mesh_of(fine_box())
    assert solid_of(mesh).closed is mesh
    touching = np.concatenate([mesh.faces, mesh.faces + len(mesh.vertices)])
    two = Mesh(np.concatenate([mesh.vertices, mesh.vertices + [0.5, 0, 0]]), touching)
    assert solid_of(two).outward is two


def test_a_sheet_weighs_what_its_parts_weigh():
    sheet = Mesh([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]], [[0, 1, 2], [0, 2, 3]])
    halves = [trimesh.creation.box((0.05, 0.1, 0.002)).vertices + [x, 0.05, 0] for x in (0.025, 0.075)]
    body = body_of(sheet, halves, 300.0)
    mass = 300 * 0.1 * 0.1 * 0.002
    assert body.mass == pytest.approx(mass, rel=1e-6)
    np.testing.assert_allclose(body.center, [0.05, 0.05, 0], atol=1e-9)
    np.testing.assert_allclose(body.inertia, box_inertia((0.1, 0.1, 0.002), mass) + 1e-7 * np.eye(3), atol=1e-10)
