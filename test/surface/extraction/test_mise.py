import numpy as np
import pytest
from splat_shapes import SHAPES

from gsn_perception.geometry import InputError
from gsn_perception.surface import Lattice
from gsn_perception.surface import mise
from gsn_perception.surface.extraction.extract import extract_surface
from gsn_perception.surface.extraction.extract import outer_surface

HALF = np.full(3, 0.55)


class Counted:
    """A signed distance as a field that remembers what it was asked."""

    def __init__(self, sdf, centre=(0.013, -0.007, 0.021)):
        self.sdf, self.centre, self.asked = sdf, np.asarray(centre), []

    def __call__(self, points):
        self.asked.append(points)
        return -self.sdf(points.astype(np.float64) - self.centre).astype(np.float32)


def dense(field, lattice):
    corners = np.stack(np.meshgrid(*(np.arange(n) for n in lattice.values.shape), indexing="ij"), axis=-1)
    values = field(lattice.positions(corners).reshape(-1, 3)).reshape(lattice.values.shape)
    return Lattice(values, lattice.origin, lattice.cell, values.size)


def rows(array):
    return array[np.lexsort(np.round(array, 5).T)]


@pytest.mark.parametrize("name", ["sphere", "torus", "box"])
@pytest.mark.parametrize("resolution", [37, 64, 100])
def test_same_surface_as_dense_marching_cubes(name, resolution):
    field = Counted(SHAPES[name])
    lattice = mise(field, -HALF, HALF, resolution=resolution)
    mesh = extract_surface(lattice)
    full = extract_surface(dense(field, lattice))
    assert lattice.cell == pytest.approx(1.1 / resolution)
    assert len(mesh.vertices) == len(full.vertices) > 500
    assert np.allclose(rows(mesh.vertices), rows(full.vertices), atol=1e-6)
    assert mesh.is_watertight()
    assert mesh.volume() > 0


def test_asks_little_and_never_twice():
    field = Counted(SHAPES["sphere"])
    lattice = mise(field, -HALF, HALF, resolution=128)
    asked = np.concatenate(field.asked)
    assert lattice.queries == len(asked) == len(np.unique(asked, axis=0))
    assert lattice.queries <= 0.08 * 129**3


def test_thin_plate_needs_seeds():
    """Thinner than a coarse cell and between its corners: only cells with seeds find it."""
    field = Counted(SHAPES["plate"], centre=(0.0, 0.0, 0.034))
    with pytest.raises(InputError, match="no solid"):
        extract_surface(mise(field, -HALF, HALF, resolution=128))
    seeds = np.array([[0.1, 0.1, 0.034]])  # one is enough: the surface is followed from there
    lattice = mise(field, -HALF, HALF, resolution=128, seeds=seeds)
    full = extract_surface(dense(field, lattice))
    mesh = extract_surface(lattice)
    assert mesh.volume() == pytest.approx(full.volume(), rel=1e-5)
    assert mesh.volume() == pytest.approx(0.8 * 0.6 * 0.02, rel=0.05)


def test_signs_agree_everywhere_with_many_parts():
    rng = np.random.default_rng(0)
    centres = rng.uniform(-0.45, 0.45, (30, 3))
    field = Counted(lambda p: np.linalg.norm(p[..., None, :] - centres, axis=-1).min(axis=-1) - 0.06)
    lattice = mise(field, -HALF, HALF, resolution=64, seeds=centres + field.centre)
    assert ((lattice.values > 0) == (dense(field, lattice).values > 0)).all()


def test_long_box_and_solid_beyond_the_border():
    half = np.array([0.55, 0.2, 0.1])
    lattice = mise(Counted(SHAPES["sphere"], (0, 0, 0)), -half, half, resolution=64)
    assert lattice.values.shape[0] == 65
    assert lattice.values.shape[2] < 20
    mesh = extract_surface(lattice)
    assert mesh.is_watertight()
    top = lattice.origin[2] + lattice.cell * (lattice.values.shape[2] - 1)
    assert mesh.vertices[:, 2].max() <= top + lattice.cell


def test_level_and_bisection():
    field = Counted(lambda p: np.sign(np.linalg.norm(p, axis=-1) - 0.4), (0, 0, 0))  # only inside or outside
    lattice = mise(field, -HALF, HALF, resolution=40)
    blocky = np.linalg.norm(extract_surface(lattice).vertices, axis=1)
    exact = np.linalg.norm(extract_surface(lattice, field=field, bisections=5).vertices, axis=1)
    assert np.abs(blocky - 0.4).max() > 0.3 * lattice.cell
    assert np.abs(exact - 0.4).max() < 0.03 * lattice.cell
    raised = extract_surface(mise(Counted(SHAPES["sphere"]), -HALF, HALF, resolution=40, level=0.1), level=0.1)
    assert raised.volume() == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.02)


def test_cavities_and_floating_parts_are_dropped():
    def hollow(p):
        shell = np.abs(np.linalg.norm(p, axis=-1) - 0.3) - 0.05
        return np.minimum(shell, np.linalg.norm(p - np.array([0.45, 0.45, 0.45]), axis=-1) - 0.06)

    mesh = extract_surface(mise(Counted(hollow, (0, 0, 0)), -HALF, HALF, resolution=64))
    outer = outer_surface(mesh)
    assert outer.is_watertight()
    assert outer.volume() == pytest.approx(4 / 3 * np.pi * 0.35**3, rel=0.02)


def test_bad_box():
    with pytest.raises(InputError, match="cannot extract"):
        mise(Counted(SHAPES["sphere"]), HALF, -HALF)


def handle(p):
    """A bowl of wall 0.03 with a handle of radius 0.02: both thinner than a coarse cell of 0.07."""
    bowl = np.maximum(np.abs(np.linalg.norm(p, axis=-1) - 0.3) - 0.015, p[..., 2] - 0.05)
    ring = np.hypot(np.hypot(p[..., 0] - 0.33, p[..., 2] + 0.02) - 0.12, p[..., 1]) - 0.02
    return np.minimum(bowl, ring)


def test_thin_handle_and_bowl_equal_dense_with_seeds_on_them():
    field = Counted(handle)
    rng = np.random.default_rng(0)
    near = rng.uniform(-0.5, 0.5, (20_000, 3))
    seeds = near[np.abs(handle(near)) < 0.012] + field.centre
    lattice = mise(field, -HALF, HALF, resolution=128, seeds=seeds)
    full = extract_surface(dense(field, lattice))
    mesh = extract_surface(lattice)
    assert len(mesh.vertices) == len(full.vertices) > 5000
    assert np.allclose(rows(mesh.vertices), rows(full.vertices), atol=1e-6)
    assert lattice.queries <= 0.12 * 129**3
