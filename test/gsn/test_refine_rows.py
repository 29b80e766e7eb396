"""Inputs of the refinement: the compiled pass against torch's operators."""

from dataclasses import replace

import pytest
import torch

from gsn_perception.gsn.config import named_config
from gsn_perception.gsn.network import GSN


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return GSN(named_config("tiny")).eval()


def splats(network, count):
    """Splats that reach beyond the crop, with some opaque and some transparent Gaussians in every cell."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        theta = torch.linspace(0.1, 0.4, count)
        image = torch.rand(count, 7, 64, 64, generator=generator)
        made = network.sculpted(network.sculptor(torch.randn(count, network.config.latent_size)), theta)
        noise = torch.randn(made.means.shape, generator=generator)
        opacities = torch.rand(made.opacities.shape, generator=generator) ** 3
        return replace(made, means=made.means + 0.2 * noise, opacities=opacities), image, theta


@pytest.mark.parametrize("depth", ["measured", "partly", "none"])
def test_rows_agree_with_torch(network, depth):
    made, image, theta = splats(network, 3)
    image[:, 5] = 0.2 * image[:, 5] - 0.1
    image[:, 6] = {"measured": torch.ones(64, 64), "partly": (image[0, 6] > 0.4).float(), "none": torch.zeros(64, 64)}[
        depth
    ]
    if depth == "partly":
        image[:, 6, :24] = 1
    features = torch.rand(3, network.config.refine_features, 16, 16)
    with torch.no_grad():
        truth = network.refiner.rows(made, image, features, theta)
    with torch.inference_mode():
        rows = network.refiner.rows(made, image, features, theta)
    assert rows.shape == truth.shape == (3, network.config.count, network.refiner.inputs)
    assert float((truth[..., -3].abs() > 1e-3).float().mean()) > 0.2  # many lie behind others
    assert bool((truth[..., -1] == 1).any()) == (depth != "none")
    torch.testing.assert_close(rows, truth, rtol=1e-5, atol=1e-5)
