"""Winding numbers against sums over all triangles, inside tests of analytic shapes, and holes."""

from __future__ import annotations

import numpy as np
import pytest
from splat_shapes import SHAPES
from splat_shapes import mesh_of

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.surface.fields.winding_number import WindingNumber


def exact(mesh, points):
    a, b, c = (mesh.triangles[None, :, i].astype(np.float64) - points[:, None] for i in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=-1) for x in (a, b, c))
    top = np.einsum("pfi,pfi->pf", a, np.cross(b, c))
    bottom = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
    return np.arctan2(top, bottom).sum(axis=1) / (2 * np.pi)


@pytest.mark.parametrize("name", SHAPES)
def test_inside_is_where_the_signed_distance_says(name):
    mesh = mesh_of(SHAPES[name], 48)
    points = np.random.default_rng(0).uniform(-0.55, 0.55, (4000, 3))
    sdf = SHAPES[name](points)
    clear = np.abs(sdf) > 0.02  # the mesh is a polyhedron
    inside = WindingNumber(mesh)(points) > 0.5
    assert (inside == (sdf < 0))[clear].all()
    assert inside.any() == (sdf < 0).any()


@pytest.mark.parametrize("name", ["torus", "cup"])
def test_the_tree_gives_what_the_sum_gives(name):
    mesh = mesh_of(SHAPES[name], 32)
    open_mesh = Mesh(mesh.vertices, mesh.faces[mesh.triangles.mean(1)[:, 0] < 0.2])  # cut off
    points = np.random.default_rng(1).uniform(-0.6, 0.6, (300, 3))
    for m in (mesh, open_mesh):
        assert np.abs(WindingNumber(m)(points) - exact(m, points)).max() < 0.012


def test_a_scan_with_holes_keeps_its_inside():
    rng = np.random.default_rng(2)
    mesh = mesh_of(SHAPES["sphere"], 48)
    holed = Mesh(mesh.vertices, mesh.faces[rng.random(len(mesh.faces)) > 0.1])
    points = rng.uniform(-0.55, 0.55, (3000, 3))
    radius = np.linalg.norm(points, axis=1)
    clear = np.abs(radius - 0.4) > 0.03
    assert ((WindingNumber(holed)(points) > 0.5) == (radius < 0.4))[clear].mean() > 0.999


def test_nothing_has_no_inside():
    with pytest.raises(InputError, match="without faces"):
        WindingNumber(Mesh(np.zeros((3, 3)), np.zeros((0, 3))))
