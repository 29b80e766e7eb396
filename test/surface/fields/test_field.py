import numpy as np
import pytest
import torch
from splat_shapes import mesh_of
from splat_shapes import splat_of
from splat_shapes import torus

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry.gaussians import stack
from gsn_perception.surface import GaussianField


def brute_force(gaussians, points, cutoff=3.0):
    """Every Gaussian at every point, float64, with the same cutoff."""
    means, alpha = gaussians.means.double().numpy(), gaussians.opacities.double().numpy()
    inverse = np.linalg.inv(gaussians.to(dtype=torch.float64).covariances().numpy())
    offset = points[:, None].astype(np.float64) - means
    squared = np.einsum("pni,nij,pnj->pn", offset, inverse, offset)
    value = np.where(squared <= cutoff**2, alpha * np.exp(-0.5 * squared), 0.0)
    return 1.0 - np.prod(1.0 - np.where(value >= 1 / 255, value, 0.0), axis=1)


def any_splat(count, seed=0):
    rng = np.random.default_rng(seed)
    arrays = (
        rng.uniform(-0.5, 0.5, (count, 3)),
        np.exp(rng.uniform(np.log(0.01), np.log(0.15), (count, 3))),
        rng.standard_normal((count, 4)),
        rng.uniform(0, 1, (count, 3)),
        rng.uniform(0.001, 0.95, count),
    )
    return Gaussians(*(torch.tensor(a, dtype=torch.float32) for a in arrays))


@pytest.mark.parametrize("gaussians", [any_splat(200), splat_of(mesh_of(torus, 48), 1000)], ids=["any", "torus"])
def test_occupancy_agrees_with_brute_force(gaussians):
    points = np.random.default_rng(1).uniform(-0.7, 0.7, (2000, 3)).astype(np.float32)
    expected = brute_force(gaussians, points)
    got = GaussianField(gaussians)(points)
    assert expected.max() > 0.5
    # A point on the very edge of a Gaussian's cutoff may fall on either side: at most the cut value, 0.011.
    assert np.abs(got - expected).max() < 0.012
    assert np.quantile(np.abs(got - expected), 0.99) < 1e-5


def test_scale_free():
    gaussians, points = any_splat(50), np.random.default_rng(2).uniform(-0.5, 0.5, (500, 3)).astype(np.float32)
    T = np.diag([1e-3, 1e-3, 1e-3, 1.0])
    small = GaussianField(gaussians.transform(T))(points * np.float32(1e-3))
    assert np.quantile(np.abs(small - GaussianField(gaussians)(points)), 0.99) < 1e-4


def test_nothing_opaque_is_refused():
    gaussians = any_splat(5)
    faint = Gaussians(
        gaussians.means, gaussians.scales, gaussians.quats, gaussians.colors, torch.full_like(gaussians.opacities, 1e-3)
    )
    with pytest.raises(InputError, match="no opaque content"):
        GaussianField(faint)
    with pytest.raises(InputError, match="one splat"):
        GaussianField(stack([gaussians, gaussians]))
