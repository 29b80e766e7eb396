"""The compiled rounds of MISE against the rule itself, applied until nothing changes."""

import numpy as np
import pytest

from gsn_perception.surface.extraction.extract import extract_surface
from gsn_perception.surface.extraction.mise import mise
from gsn_perception.surface.fields.grid import halved_grid


def known_corners(dense, halvings, seeded):
    """[X,Y,Z] bool: corners that are queried if voxels with values on both sides, or a seed, are split until none is left."""
    known = np.zeros(dense.shape, dtype=bool)
    side = 1 << halvings
    known[::side, ::side, ::side] = True
    leaves = {(side, *(side * np.array(v))) for v in np.ndindex(*((np.array(dense.shape) - 1) // side))}
    while True:
        active = []
        for side, x, y, z in leaves:
            box = tuple(slice(a, a + side + 1) for a in (x, y, z))
            values = dense[box][known[box]]
            inside = tuple(slice(a, a + side) for a in (x, y, z))
            if side > 1 and ((values.min() <= 0 <= values.max()) or seeded[inside].any()):
                active.append((side, x, y, z))
        if not active:
            return known
        for leaf in active:
            leaves.remove(leaf)
            side, *low = leaf
            half = side // 2
            known[tuple(slice(a, a + side + 1, half) for a in low)] = True
            leaves |= {(half, *(np.array(low) + half * np.array(o))) for o in np.ndindex(2, 2, 2)}


@pytest.mark.parametrize("seed", range(4))
def test_the_points_queried_are_those_of_the_rule(seed):
    rng = np.random.default_rng(seed)
    lower, upper = np.array([-0.5, -0.4, -0.5]), np.array([0.5, 0.4, 0.3])
    grid = halved_grid(lower, upper, resolution=24, coarsest=6)
    waves, phase = rng.normal(size=(12, 3)) * 8, rng.uniform(0, 6, 12)

    def field(points):
        return (np.sin(points.astype(np.float64) @ waves.T + phase).sum(axis=1) - 2.0).astype(np.float32)

    asked = []

    def recorded(points):
        assert len(points)
        asked.append(points)
        return field(points)

    seeds = rng.uniform(-0.6, 0.6, (5, 3)) if seed % 2 else None
    lattice = mise(recorded, lower, upper, resolution=24, coarsest=6, seeds=seeds)
    shape = lattice.values.shape
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    dense = field(lattice.positions(index).reshape(-1, 3)).reshape(shape)
    seeded = np.zeros(np.array(shape) - 1, dtype=bool)
    if seeds is not None:
        cells = np.floor((seeds - lattice.origin) / lattice.cell).astype(int)
        cells = cells[((cells >= 0) & (cells < seeded.shape)).all(axis=1)]
        seeded[tuple(cells.T)] = True
    known = known_corners(dense, grid.halvings, seeded)
    queried = np.rint((np.concatenate(asked) - lattice.origin) / lattice.cell).astype(int)
    assert len(queried) == lattice.queries == len(np.unique(queried, axis=0)) == known.sum()
    assert 0.1 < known.mean() < 1.0
    assert known[tuple(queried.T)].all()
    np.testing.assert_array_equal(lattice.values[known], dense[known])


def _ball(points):
    return (0.4 - np.linalg.norm(points, axis=1)).astype(np.float32)


@pytest.mark.parametrize("budget", [20_000, 25_000, 30_000])
def test_the_grid_is_coarsened_to_the_triangles_asked_for(budget):
    corner = np.full(3, 0.42)
    full = mise(_ball, -corner, corner, resolution=64)
    lattice = mise(_ball, -corner, corner, resolution=64, max_triangles=budget)
    assert lattice.cell > full.cell
    assert 0.8 * budget < len(extract_surface(lattice).faces) <= 1.02 * budget


@pytest.mark.parametrize("budget", [1000, 40_000])
def test_a_grid_that_is_fine_enough_or_meant_to_be_decimated_is_kept(budget):
    corner = np.full(3, 0.42)
    full = mise(_ball, -corner, corner, resolution=64)
    lattice = mise(_ball, -corner, corner, resolution=64, max_triangles=budget)
    assert np.array_equal(lattice.values, full.values)
    assert len(extract_surface(lattice).faces) > 30_000
