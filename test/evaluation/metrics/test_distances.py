import numpy as np
import pytest
import trimesh

from gsn_perception.evaluation.metrics.distances import compare_surfaces
from gsn_perception.evaluation.metrics.distances import convex_hull
from gsn_perception.evaluation.metrics.distances import sampling_floor
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh


def as_mesh(shape):
    return Mesh(shape.vertices, shape.faces)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def box():
    return as_mesh(trimesh.creation.box((0.2, 0.1, 0.05)))


def test_concentric_spheres_have_a_known_distance(rng):
    inner = as_mesh(trimesh.creation.icosphere(subdivisions=5, radius=0.10))
    outer = as_mesh(trimesh.creation.icosphere(subdivisions=5, radius=0.11))
    scores = compare_surfaces(outer, inner, rng, samples=5000)
    assert scores.extent == pytest.approx(0.2, rel=1e-3)
    assert scores.chamfer_l1 == pytest.approx(0.05, rel=0.01)
    assert scores.accuracy == pytest.approx(0.05, rel=0.01)
    assert scores.normal_consistency > 0.999
    bigger = as_mesh(trimesh.creation.icosphere(subdivisions=5, radius=0.115))
    assert compare_surfaces(bigger, inner, rng, samples=2000).f_score == 0


def test_half_a_surface_is_precise_but_incomplete(rng):
    sheet = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0], [2, 1, 0]], float) * 0.1
    whole = Mesh(sheet, [[0, 1, 2], [0, 2, 3], [1, 4, 5], [1, 5, 2]])
    half = Mesh(sheet, [[0, 1, 2], [0, 2, 3]])
    scores = compare_surfaces(half, whole, rng, samples=20_000)
    assert scores.accuracy < 1e-7
    assert scores.completeness == pytest.approx(0.5 * 0.05 / 0.2, rel=0.05)
    assert scores.precision == 1
    assert scores.recall == pytest.approx(0.5 + 0.5 * 0.01 / 0.1, abs=0.02)


def test_floors(box, rng):
    assert compare_surfaces(box, box, rng, samples=5000).chamfer_l1 < 1e-6
    points = sampling_floor(box, rng, samples=5000)
    spacing = (
        0.5 * np.sqrt(box.areas().sum() / 5000) / 0.2
    )  # mean nearest-neighbour distance of a planar Poisson process
    assert points == pytest.approx(spacing, rel=0.1)


def test_hull_of_a_bowl_closes_it(rng):
    sphere = trimesh.creation.icosphere(subdivisions=3, radius=1.0)
    half = sphere.vertices[sphere.vertices[:, 2] < 0.01]
    hull = convex_hull(half)
    assert hull.is_watertight()
    assert hull.volume() == pytest.approx(2 / 3 * np.pi, rel=0.08)
    with pytest.raises(InputError):
        convex_hull(np.zeros((10, 3)))


def test_an_empty_mesh_is_refused(box, rng):
    with pytest.raises(InputError):
        compare_surfaces(Mesh(np.zeros((0, 3)), np.zeros((0, 3))), box, rng)
