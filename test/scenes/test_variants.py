"""Variants of objects: new shapes, as sound as what they were made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.shapes.stable_pose import center_of_mass
from gsn_perception.scenes.variants import deformed
from gsn_perception.scenes.variants import repainted
from gsn_perception.scenes.variants import variant


@pytest.mark.parametrize("family", ["mug", "carton", "hammer"])
def test_a_variant_is_another_sound_object_at_rest(family: str) -> None:
    given = random_object(3, family)
    for seed in range(6):
        item = variant(given, seed)
        assert item.mesh.is_watertight()
        assert item.mesh.volume() > 0
        assert item.mesh.vertices[:, 2].min() == pytest.approx(0, abs=1e-6)
        assert 0.79 < item.extent.max() / given.extent.max() < 1.21
        assert item.name != given.name


def test_variants_differ_by_seed_and_repeat_by_it() -> None:
    given = random_object(3, "bottle")
    first, again, other = variant(given, 0), variant(given, 0), variant(given, 1)
    np.testing.assert_array_equal(first.mesh.vertices, again.mesh.vertices)
    np.testing.assert_array_equal(first.texture, again.texture) if first.texture is not None else None
    proportions = [np.sort(i.extent) / i.extent.max() for i in (first, other)]
    assert np.abs(proportions[0] - proportions[1]).max() > 0.02


def test_deformations_keep_orientation_everywhere() -> None:
    """The Jacobian by finite differences is positive at random points: one-to-one, no inside turned out."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (300, 3)) * [0.05, 0.08, 0.15]
    corners = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T * [0.05, 0.08, 0.15]
    h = 1e-6
    for seed in range(40):
        stacked = np.concatenate([corners, points, *(points + h * e for e in np.eye(3))])
        moved = deformed(stacked, np.random.default_rng(seed))[len(corners) :].reshape(4, -1, 3)
        jacobian = np.stack([(moved[i + 1] - moved[0]) / h for i in range(3)], axis=-1)
        assert (np.linalg.det(jacobian) > 0).all(), seed


def test_a_laid_down_variant_stands_over_its_feet() -> None:
    """Whatever pose it was given, the centre of mass is over the hull of the lowest points or the object stood so."""
    given = random_object(11, "carton")
    inside = 0
    for seed in range(12):
        mesh = variant(given, seed).mesh
        foot = mesh.vertices[mesh.vertices[:, 2] < 0.02 * np.ptp(mesh.vertices[:, 2])]
        centre = center_of_mass(mesh)[:2]
        inside += bool((foot[:, :2].min(0) <= centre).all() and (centre <= foot[:, :2].max(0)).all())
    assert inside >= 9


def test_repainting_keeps_grey_grey() -> None:
    item = random_object(3, "mug")
    grey = np.full((len(item.mesh.vertices), 3), 0.5, np.float32)
    plain = replace(item, texture=None, corner_uv=None, mesh=replace(item.mesh, colors=grey))
    for seed in range(8):
        painted = repainted(plain, np.random.default_rng(seed)).mesh.colors
        assert painted is not None
        assert np.ptp(painted, axis=1).max() < 1e-5
