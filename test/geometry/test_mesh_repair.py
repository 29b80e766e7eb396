"""Meshes as people export them: closed, outward and each face once where they can be, told where not."""

import numpy as np
import pytest
import trimesh

from gsn_perception.geometry import Mesh
from gsn_perception.geometry.mesh_repair import repair_mesh
from gsn_perception.geometry.mesh_repair import winding_number

RNG = np.random.default_rng(0)
BOX = trimesh.creation.box((0.05, 0.06, 0.12))
TORUS = trimesh.creation.torus(0.04, 0.012, major_sections=24, minor_sections=12)


def codes(remarks):
    return [remark.code for remark in remarks]


def soup(shape, noise=0.0):
    corners = shape.triangles.reshape(-1, 3)
    return corners + RNG.normal(0, noise, corners.shape), np.arange(len(corners)).reshape(-1, 3)


def some_turned(shape, share):
    faces = shape.faces.copy()
    which = RNG.permutation(len(faces))[: int(share * len(faces))]
    faces[which] = faces[which, ::-1]
    return shape.vertices, faces


@pytest.mark.parametrize("shape", [BOX, TORUS], ids=["box", "torus"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: (s.vertices, s.faces), []),
        (soup, []),
        (lambda s: soup(s, 3e-8), []),
        (lambda s: (s.vertices, s.faces[:, ::-1]), ["mesh_inside_out"]),
        (lambda s: (s.vertices * [-1, 1, 1], s.faces), ["mesh_inside_out"]),
        (lambda s: (s.vertices, np.concatenate([s.faces, s.faces[:, ::-1]])), ["mesh_faces_twice"]),
        (lambda s: (s.vertices, np.concatenate([s.faces, s.faces[:, [1, 2, 0]]])), ["mesh_faces_twice"]),
        (lambda s: some_turned(s, 0.3), ["mesh_winding"]),
        (lambda s: some_turned(s, 0.7), ["mesh_inside_out"]),
        (lambda s: (np.concatenate([s.vertices, [[9, 9, 9]]]), s.faces), []),
    ],
    ids=[
        "closed",
        "soup",
        "rounded",
        "inside-out",
        "mirrored",
        "two-sided",
        "doubled",
        "some-turned",
        "most-turned",
        "stray-vertex",
    ],
)
def test_a_closed_shape_comes_out_closed_and_outward(shape, change, told):
    mesh, remarks = repair_mesh(Mesh(*change(shape)))
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(shape.volume, rel=1e-4)
    assert len(mesh.faces) == len(shape.faces)
    assert len(mesh.vertices) == len(shape.vertices)
    assert codes(remarks) == told


def joined(*parts):
    both = trimesh.util.concatenate(parts)
    return Mesh(both.vertices, both.faces)


@pytest.mark.parametrize("turned", [False, True])
def test_a_cavity_stays_a_cavity(turned):
    outer, inner = trimesh.creation.icosphere(3, 0.05), trimesh.creation.icosphere(2, 0.03)
    inner.invert()
    mesh = joined(outer, inner)
    mesh = Mesh(mesh.vertices, mesh.faces[:, ::-1]) if turned else mesh
    found, remarks = repair_mesh(mesh)
    assert found.volume() == pytest.approx(outer.volume + inner.volume, rel=1e-4)  # the inner one's is negative
    assert codes(remarks) == (["mesh_inside_out"] if turned else [])


def test_one_inverted_part_of_two_is_turned_alone():
    away = BOX.copy()
    away.apply_translation((0.02, 0.01, 0.3))
    away.invert()
    found, remarks = repair_mesh(joined(BOX, away))
    assert found.volume() == pytest.approx(2 * BOX.volume, rel=1e-5)
    assert "12 of 24 faces" in remarks[0].text


@pytest.mark.parametrize("inwards", [False, True])
def test_open_meshes_are_turned_and_their_holes_counted(inwards):
    upright = np.abs(TORUS.face_normals[:, 2]) < 2
    middle = TORUS.triangles_center
    upright[np.argmax(middle[:, 0])] = upright[np.argmin(middle[:, 0])] = False  # two holes of a triangle each
    faces = TORUS.faces[upright]
    mesh, remarks = repair_mesh(Mesh(TORUS.vertices, faces[:, ::-1] if inwards else faces))
    assert mesh.volume() == pytest.approx(TORUS.volume, rel=0.05)
    assert codes(remarks) == [*(["mesh_inside_out"] if inwards else []), "mesh_open"]
    assert "6 open edges around 2 holes" in remarks[-1].text


def test_a_sheet_and_a_shared_edge_are_told():
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]])
    _, remarks = repair_mesh(Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]])))
    assert codes(remarks) == ["mesh_open"]
    beside = BOX.copy()
    beside.apply_translation((0.05, 0.06, 0))
    mesh, remarks = repair_mesh(joined(BOX, beside))
    assert codes(remarks) == ["mesh_non_manifold"]
    assert mesh.volume() == pytest.approx(2 * BOX.volume, rel=1e-5)


def test_a_wall_without_thickness_goes_and_leaves_no_hole():
    """A diagonal wall inside a box, back to back, as CAD programs leave it between joined parts."""
    wall = [i for i, v in enumerate(BOX.vertices) if v[0] * v[1] > 0]
    a, b, c, d = sorted(wall, key=lambda i: (BOX.vertices[i][0], BOX.vertices[i][0] * BOX.vertices[i][2]))
    faces = np.concatenate([BOX.faces, [[a, b, c], [c, b, a], [a, c, d], [d, c, a]]])
    mesh, remarks = repair_mesh(Mesh(BOX.vertices, faces))
    assert codes(remarks) == ["mesh_faces_twice"]
    assert mesh.is_watertight()
    assert len(mesh.faces) == 12


def test_confidence_stays_with_its_vertex_and_nothing_makes_nothing():
    vertices, faces = soup(BOX)
    mesh, _ = repair_mesh(Mesh(vertices, faces, confidence=vertices[:, 2] + 0.5))
    np.testing.assert_allclose(mesh.confidence, mesh.vertices[:, 2] + 0.5, atol=1e-6)
    empty, remarks = repair_mesh(Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]])))
    assert (len(empty.faces), remarks) == (0, ())


def test_winding_numbers_agree_with_a_ray_caster():
    points = RNG.uniform(-0.06, 0.06, (300, 3))
    numbers = winding_number(Mesh(TORUS.vertices, TORUS.faces), points)
    np.testing.assert_allclose(numbers, np.round(numbers), atol=1e-6)
    np.testing.assert_array_equal(numbers > 0.5, TORUS.contains(points))
