"""GSN: shapes and names as published, the cube at zero output, rolls."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsn_perception.geometry import InputError
from gsn_perception.gsn import CONFIGS
from gsn_perception.gsn import GSN
from gsn_perception.gsn import named_config
from gsn_perception.gsn.equivariance import extended_chamfer_distance
from gsn_perception.gsn.equivariance import roll_gaussians
from gsn_perception.gsn.layers.refine import project
from gsn_perception.gsn.layers.resnet import ResNet
from gsn_perception.gsn.layers.sculpt import lattice
from gsn_perception.gsn.network import roll_image


def test_paper_latent_is_2352_and_encoder_gives_2048x7x7() -> None:
    config = named_config("paper")
    assert config.latent_size == 2352
    network = GSN(config).eval()
    with torch.inference_mode():
        maps = network.encoder(torch.zeros(1, 5, 224, 224))
        assert tuple(maps[-1].shape) == (1, 2048, 7, 7)
        assert network.latent(maps, torch.tensor([0.2])).shape == (1, 2352)


# parameters of the published networks without classifier (He et al. 2015, as torchvision counts them)
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("resnet18", 11176512), ("resnet34", 21284672), ("resnet50", 23508032), ("resnet152", 58143808)],
)
def test_resnets_have_the_published_sizes_and_names(name: str, parameters: int) -> None:
    network = ResNet(name)
    assert sum(p.numel() for p in network.parameters()) == parameters
    names = set(network.state_dict())
    assert {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight"} <= names
    assert "layer4.1.bn2.num_batches_tracked" in names


def test_imagenet_weights_load_and_extra_channels_start_at_zero() -> None:
    torch.manual_seed(0)
    given = ResNet("resnet18").eval()
    state = {**given.state_dict(), "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    network = ResNet("resnet18", in_channels=5).eval()
    network.load_imagenet(state)
    image = torch.rand(1, 5, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(network(image)[-1], given(image[:, :3])[-1])
    with pytest.raises(InputError, match="another network"):
        ResNet("resnet34").load_imagenet(state)


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_zero_head_output_is_the_cube(name: str) -> None:
    config = replace(named_config(name), encoder="resnet18", width=8)
    network = GSN(config).eval()
    for head in network.sculptor.heads.values():
        torch.nn.init.zeros_(head[-1].weight)
    size = config.image_size
    with torch.inference_mode():
        out = network(torch.rand(2, 7, size, size), torch.tensor([0.1, 0.3]))
    spacing = config.cube_side / config.cube
    # the sculpted cube itself, before and (zero-initialised) after refinement
    torch.testing.assert_close(out.means, (config.cube_side * lattice(config.cube)).expand_as(out.means))
    torch.testing.assert_close(out.scales, torch.full_like(out.scales, 0.5 * spacing + config.min_scale))
    torch.testing.assert_close(out.quats, torch.tensor([1.0, 0, 0, 0]).expand_as(out.quats))
    torch.testing.assert_close(out.opacities, torch.full_like(out.opacities, 0.5), atol=1e-3, rtol=0)


def test_only_position_and_scale_are_residual() -> None:
    network = GSN(named_config("plain"))
    raw = {
        name: torch.ones(1, network.config.count, width)
        for name, width in (("means", 3), ("scales", 3), ("quats", 4), ("colors", 3), ("opacities", 1))
    }
    g = network.sculptor.gaussians(raw)
    cube = network.config.cube_side * lattice(network.config.cube)
    torch.testing.assert_close(g.means[0] - cube, torch.full_like(cube, network.config.mean_gain))
    torch.testing.assert_close(g.colors, torch.full_like(g.colors, 1 / (1 + np.exp(-1.0))))


def test_lattice_maps_to_itself_under_quarter_turns() -> None:
    cube = lattice(5)
    turned = cube @ torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]).T
    assert torch.cdist(cube.double(), turned.double()).amin(1).max() < 1e-6
    assert cube.mean(0).abs().max() < 1e-6


def test_projection_agrees_with_the_object_view() -> None:
    from gsn_perception.geometry import ObjectView

    view = ObjectView(np.eye(3), 0.2, 64)
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 3))
    pixels = view.camera.project(points + [0, 0, view.distance])
    xy, z = project(torch.from_numpy(points)[None], torch.tensor([0.2], dtype=torch.float64))
    np.testing.assert_allclose((xy[0].numpy() + 1) / 2 * 64, pixels, atol=1e-6)
    np.testing.assert_allclose(z[0].numpy(), points[:, 2] + view.distance)


def test_roll_image_turns_content_like_roll_gaussians_turns_means() -> None:
    image = torch.zeros(1, 5, 65, 65)
    image[0, 3, 32 - 20, 32 + 10] = 1.0  # x = 10, y = -20 from the centre
    angle = torch.tensor([0.7])
    rolled = roll_image(image, angle)[0, 3]
    row, column = np.unravel_index(int(rolled.argmax()), rolled.shape)
    from gsn_perception.geometry import Gaussians

    one = Gaussians(
        torch.tensor([[[10.0, -20, 0]]]),
        torch.ones(1, 1, 3),
        torch.tensor([[[1.0, 0, 0, 0]]]),
        torch.ones(1, 1, 3),
        torch.ones(1, 1),
    )
    x, y, _ = roll_gaussians(one, angle).means[0, 0].tolist()
    assert abs(column - 32 - x) < 1
    assert abs(row - 32 - y) < 1


def _random_splat(seed: int, count: int = 40):
    from gsn_perception.geometry import Gaussians

    g = torch.Generator().manual_seed(seed)
    r = lambda *s: torch.rand(*s, generator=g)  # noqa: E731
    return Gaussians(
        r(2, count, 3) - 0.5, 0.02 + 0.05 * r(2, count, 3), r(2, count, 4) - 0.5, r(2, count, 3), r(2, count)
    )


def test_ecd_ignores_order_and_axis_permutations_and_feels_every_part() -> None:
    a = _random_splat(0)
    order = torch.randperm(40)
    shuffled = a.map(lambda t: t[:, order])
    assert extended_chamfer_distance(a, shuffled).max() < 1e-10
    # the same ellipsoid written with its axes permuted: x<->y with a quarter turn
    from gsn_perception.geometry.gaussians import quat_multiply

    half = float(np.sqrt(0.5))
    same = replace(a, scales=a.scales[..., [1, 0, 2]], quats=quat_multiply(a.quats, torch.tensor([half, 0, 0, half])))
    assert extended_chamfer_distance(a, same).max() < 1e-9
    for changed in (
        replace(a, colors=1 - a.colors),
        replace(a, opacities=1 - a.opacities),
        replace(a, scales=2 * a.scales),
        replace(a, means=a.means + 0.01),
    ):
        assert extended_chamfer_distance(a, changed).min() > 1e-6
    angle = torch.tensor([0.3, 1.0])
    turned = roll_gaussians(a, angle)
    torch.testing.assert_close(
        extended_chamfer_distance(turned, roll_gaussians(same, angle)), torch.zeros(2), atol=1e-8, rtol=0
    )


def test_ecd_gradient_against_finite_differences() -> None:
    a, b = _random_splat(0, 6), _random_splat(1, 7)
    a, b = a.to(dtype=torch.float64), b.to(dtype=torch.float64)

    def f(means, scales, quats, colors, opacities):
        from gsn_perception.geometry import Gaussians

        return extended_chamfer_distance(Gaussians(means, scales, quats, colors, opacities), b).sum()

    inputs = tuple(t.clone().requires_grad_() for t in (a.means, a.scales, a.quats, a.colors, a.opacities))
    assert torch.autograd.gradcheck(f, inputs, eps=1e-6, atol=1e-6)


def test_unknown_configuration_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="base"):
        named_config("none such")
