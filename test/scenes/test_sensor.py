from __future__ import annotations

import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.sensor import incidence_cosine

CAMERA = Camera.from_fov(np.deg2rad(60), 320, 240)
QUIET = {"edge_loss": 0.0, "speckle": 0.0, "grazing": (179.0, 180.0)}


def wall(z):
    return np.full((240, 320), z, np.float32)


def measure(depth, seed=0, **settings):
    return DepthSensor(**settings).measure(depth, CAMERA, np.random.default_rng(seed))


@pytest.mark.parametrize("z", [0.4, 0.8, 1.6])
def test_noise_grows_with_the_square_of_the_depth(z):
    measured = measure(wall(z), disparity_step=1e-6, depth_step=1e-6, **QUIET)
    expected = 0.05 * z * z / (CAMERA.K[0, 0] * 0.05)
    assert np.std(measured) == pytest.approx(expected, rel=0.03)
    assert np.mean(measured) == pytest.approx(z, rel=1e-3)


def test_steps_grow_with_the_square_of_the_depth():
    ramp = np.linspace(0.5, 1.5, 240 * 320, dtype=np.float32).reshape(240, 320)
    measured = measure(ramp, disparity_noise=0.0, depth_step=1e-6, **QUIET)
    levels = np.unique(measured)
    steps = np.diff(levels)
    expected = levels[:-1] * levels[1:] / (CAMERA.K[0, 0] * 0.05) / 16
    np.testing.assert_allclose(steps, expected, atol=3e-6)
    millimetres = measure(ramp, **QUIET) * 1000
    np.testing.assert_allclose(millimetres, np.round(millimetres), atol=1e-3)


def test_holes_lie_behind_depth_edges():
    depth = wall(1.0)
    depth[80:160, 100:200] = 0.6
    measured = measure(depth, edge_loss=1.0, speckle=0.0)
    lost = np.isnan(measured)
    assert lost[120, 200:203].all()
    assert lost[120, 97:100].all()
    assert lost[77:80, 150].all()
    assert not lost[85:155, 105:195].any()
    assert not lost[:70].any()
    assert not lost[:, 210:].any()
    assert measured[120, 150] == pytest.approx(0.6, abs=0.01)


def test_grazing_surfaces_are_lost():
    """A floor 0.3 m below a level camera is seen ever flatter towards the horizon."""
    rays = CAMERA.pixel_rays()
    with np.errstate(divide="ignore"):
        floor = np.where(rays[..., 1] > 0.05, 0.3 / rays[..., 1], np.nan).astype(np.float32)
    cosine = incidence_cosine(floor, CAMERA)
    expected = rays[..., 1] / np.linalg.norm(rays, axis=-1)
    known = np.isfinite(cosine)
    assert known.mean() > 0.4
    np.testing.assert_allclose(cosine[known], expected[known], atol=1e-3)
    lost = np.isnan(measure(floor, far=10.0, speckle=0.0))
    angle = np.rad2deg(np.arccos(expected))
    assert lost[(angle > 86.2) & (angle < 87)].mean() > 0.98
    assert not lost[(angle < 71.5) & known].any()
    assert 0.2 < lost[(angle > 77) & (angle < 81)].mean() < 0.8


def test_unknown_stays_unknown_and_range_is_kept():
    depth = wall(1.0)
    depth[:100] = np.nan
    depth[100:120], depth[220:] = 0.1, 9.0
    measured = measure(depth, **QUIET)
    assert np.isnan(measured[:120]).all()
    assert np.isnan(measured[220:]).all()
    assert np.isfinite(measured[130:210]).all()


def test_chance_is_seeded():
    a, b, c = measure(wall(0.8)), measure(wall(0.8)), measure(wall(0.8), seed=1)
    np.testing.assert_array_equal(a, b)
    assert (np.isnan(a) != np.isnan(c)).any()
    assert np.isnan(a).mean() == pytest.approx(0.005, abs=0.002)
    assert a.dtype == np.float32
