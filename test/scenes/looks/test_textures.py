"""Colours, patterns and prints, and how they are laid on meshes."""

from itertools import pairwise

import numpy as np
import pytest

from gsn_perception.scenes.looks import textures
from gsn_perception.scenes.looks.textured_mesh import sample_texture
from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.shapes import atlas
from gsn_perception.scenes.shapes.boxes import rounded_block

KINDS = ["plain", "gradient", "stripes", "checker", "dots", "marble", "wood", "speckle"]


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_are_images_with_contrast(kind):
    spreads = []
    for seed in range(4):
        image = textures.random_pattern(np.random.default_rng(seed), 64, 96, kind)
        assert image.shape == (64, 96, 3)
        assert image.min() >= 0
        assert image.max() <= 1
        spreads.append(image.std(axis=(0, 1)).max())
    assert max(spreads) > 0.003


def test_noise_wraps():
    noise = textures.smooth_noise(np.random.default_rng(0), 128, 128, 3)
    inner = np.abs(np.diff(noise, axis=1)).max()
    assert np.abs(noise[:, 0] - noise[:, -1]).max() <= 1.5 * inner
    assert np.abs(noise[0] - noise[-1]).max() <= 1.5 * np.abs(np.diff(noise, axis=0)).max()


def test_colours_cover_the_range():
    colors = np.array([textures.random_color(np.random.default_rng(seed)) for seed in range(300)])
    assert colors.min() >= 0
    assert colors.max() <= 1
    saturation = colors.max(axis=1) - colors.min(axis=1)
    assert (saturation > 0.6).sum() > 30, "saturated ones"
    assert ((saturation < 0.15) & (colors.mean(axis=1) > 0.8)).sum() > 15, "whites"
    assert (colors.mean(axis=1) < 0.15).sum() > 10, "blacks"


def test_prints_differ_and_have_edges():
    prints = [textures.product_print(np.random.default_rng(seed), 128, 128) for seed in range(6)]
    for image in prints:
        assert (np.abs(np.diff(image, axis=1)).max(axis=-1) > 0.1).mean() > 0.002
    assert all(np.abs(a - b).mean() > 0.02 for a, b in pairwise(prints))


def test_bands_lie_at_their_marks():
    image = atlas.banded_texture(np.random.default_rng(3), [0.25, 0.5], ["plain:a", "plain:b", "plain:a"], 128)
    v = np.array([[0.5, 0.1], [0.5, 0.35], [0.5, 0.9]], dtype=np.float32)
    low, middle, high = sample_texture(image, v)
    assert np.abs(low - middle).max() > 10
    assert np.abs(low - high).max() < 30, "equal names share one look"


def test_cube_sides_show_their_cells():
    mesh = rounded_block(0.5, 0.4, 0.3, 0.004, 0.004)
    uv, normals = atlas.cube_uv(mesh), mesh.face_normals()
    cells = np.arange(6, dtype=np.uint8).reshape(2, 3).repeat(atlas.CELL, 0).repeat(atlas.CELL, 1)
    image = np.stack([cells * 40] * 3, -1)
    for side, normal in enumerate([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]):
        faces = normals @ np.array(normal) > 0.99
        assert faces.any()
        np.testing.assert_allclose(sample_texture(image, uv[faces].reshape(-1, 2)), side * 40, atol=0.5)


def test_cube_prints_are_not_mirrored():
    """Seen from outside, u x v turns the same way as the face (both counter-clockwise)."""
    mesh = rounded_block(0.5, 0.4, 0.3, 0.004, 0.004)
    uv, normals = atlas.cube_uv(mesh).astype(np.float64), mesh.face_normals()
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    turning = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    flat = np.abs(normals).max(axis=1) > 0.99
    assert (turning[flat & (mesh.areas() > 1e-6)] > 0).all()


def test_wrap_is_continuous_across_the_seam():
    thing = random_object(3, "mug")
    span = np.ptp(thing.corner_uv[..., 0], axis=1)
    radius = np.linalg.norm(thing.mesh.triangles[..., :2], axis=2).min(axis=1)
    assert np.quantile(span[radius > 0.3 * radius.max()], 0.98) < 0.25


def test_vertex_colours_tell_the_parts_apart():
    rng = np.random.default_rng(5)
    points = rng.uniform(-0.5, 0.5, (400, 3))
    part = (points[:, 0] > 0).astype(int)
    colors = atlas.vertex_colors(rng, points, part)
    assert colors.shape == (400, 3)
    assert colors.min() >= 0
    assert colors.max() <= 1
    assert np.abs(colors[part == 0].mean(axis=0) - colors[part == 1].mean(axis=0)).max() > 0.05
