"""Extraction with a mask of crossed cells against marching cubes over the whole lattice."""

import numpy as np
import pytest
from skimage.measure import marching_cubes

from gsn_perception.geometry import InputError
from gsn_perception.surface.extraction.extract import extract_surface
from gsn_perception.surface.extraction.mise import Lattice


@pytest.mark.parametrize("level", [0.0, 0.5, 0.3])
def test_the_mask_loses_no_face(level):
    rng = np.random.default_rng(int(10 * level))
    values = (np.round(2 * rng.standard_normal((9, 10, 11))) / 2).astype(np.float32)  # many at the level
    lattice = Lattice(values, np.array([0.1, -0.2, 0.3]), 0.05, 0)
    mesh = extract_surface(lattice, level=level)
    above = values - np.float32(level)
    span = np.abs(above).max()
    above = np.where(np.abs(above) < 1e-4 * span, -1e-4 * span, above)
    corners, faces, _, _ = marching_cubes(np.pad(above, 1, constant_values=-span), 0.0, gradient_direction="ascent")
    np.testing.assert_array_equal(mesh.faces, faces)
    index = (mesh.vertices - lattice.origin) / lattice.cell
    on_edge = np.sort(np.abs(corners - np.rint(corners)), axis=1)[:, 1] < 1e-5  # all but those in the middle of a cell
    assert on_edge.mean() > 0.9
    moved = np.abs(index - (corners - 1.0))[on_edge].max()  # of a cell: vertices keep away from the ends of their edges
    assert moved < 0.0101
    assert moved > 0.009 or level == 0.3  # no value is near that level
    off = np.sort(np.abs(index - np.rint(index)), axis=1)
    assert off[:, 2].min() > 0.0099
    assert off[:, :2].max() < 1e-5


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_nothing_inside_is_said(value):
    with pytest.raises(InputError, match="no solid"):
        extract_surface(Lattice(np.full((4, 4, 4), value, np.float32), np.zeros(3), 1.0, 0))
