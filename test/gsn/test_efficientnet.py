"""EfficientNet-Lite0: the published weights' names, sizes and padding; folding; files of networks with it."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gsn_perception.engines.torch_tuning import folded
from gsn_perception.geometry import InputError
from gsn_perception.gsn import GSN
from gsn_perception.gsn import named_config
from gsn_perception.gsn.layers.efficientnet import EfficientNetLite0
from gsn_perception.gsn.layers.resnet import ResNet
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.gsn.weights import load_matching_weights
from gsn_perception.gsn.weights import save_gsn

# inputs, outputs, kernel, expansion of the sixteen published blocks
BLOCKS = [
    (32, 16, 3, 1),
    (16, 24, 3, 6),
    (24, 24, 3, 6),
    (24, 40, 5, 6),
    (40, 40, 5, 6),
    (40, 80, 3, 6),
    (80, 80, 3, 6),
]
BLOCKS += [(80, 80, 3, 6), (80, 112, 5, 6), (112, 112, 5, 6), (112, 112, 5, 6), (112, 192, 5, 6), (192, 192, 5, 6)]
BLOCKS += [(192, 192, 5, 6), (192, 192, 5, 6), (192, 320, 3, 6)]


def published_state(seed: int = 0) -> dict[str, Tensor]:
    """Random values under the names and in the shapes of the published file."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def convolution(name: str, *shape: int) -> None:
        fan_in = shape[1] * shape[2] * shape[3]
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5

    def norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            spread = 0.1 * torch.randn(channels, generator=generator)
            state[f"{name}.{part}"] = spread + (1 if part in ("weight", "running_var") else 0)
        state[f"{name}.running_var"].clamp_(0.5)
        state[f"{name}.num_batches_tracked"] = torch.tensor(0)

    convolution("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    for index, (inputs, outputs, kernel, expansion) in enumerate(BLOCKS):
        block, hidden = f"_blocks.{index}", inputs * expansion
        if expansion > 1:
            convolution(f"{block}._expand_conv", hidden, inputs, 1, 1)
            norm(f"{block}._bn0", hidden)
        convolution(f"{block}._depthwise_conv", hidden, 1, kernel, kernel)
        norm(f"{block}._bn1", hidden)
        convolution(f"{block}._project_conv", outputs, hidden, 1, 1)
        norm(f"{block}._bn2", outputs)
    convolution("_conv_head", 1280, 320, 1, 1)
    norm("_bn1", 1280)
    return {**state, "_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}


def test_the_published_names_and_sizes() -> None:
    network, state = EfficientNetLite0(), published_state()
    classifier = [name for name in state if name.startswith(("_conv_head", "_bn1", "_fc"))]
    own = network.state_dict()
    assert set(own) == set(state) - set(classifier)
    assert all(own[name].shape == state[name].shape for name in own)
    counted = [v.numel() for name, v in state.items() if "running" not in name and "tracked" not in name]
    assert sum(counted) == 4652008  # as published, with the classifier
    assert sum(p.numel() for p in network.parameters()) == 2958848


def test_maps_have_four_resolutions() -> None:
    network = EfficientNetLite0(7).eval()
    with torch.inference_mode():
        maps = network(torch.rand(2, 7, 96, 64))
    assert [tuple(m.shape) for m in maps] == [(2, 24, 24, 16), (2, 40, 12, 8), (2, 112, 6, 4), (2, 320, 3, 2)]
    assert network.channels == [24, 40, 112, 320]


def test_imagenet_weights_load_and_more_channels_start_at_zero() -> None:
    state = published_state()
    given, network = EfficientNetLite0().eval(), EfficientNetLite0(7).eval()
    given.load_imagenet(state)
    network.load_imagenet({k: v for k, v in state.items() if "tracked" not in k})
    image = torch.rand(1, 7, 64, 64)
    with torch.inference_mode():
        for made, expected in zip(network(image), given(image[:, :3]), strict=True):
            assert float(expected.std()) > 0.01
            torch.testing.assert_close(made, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("wrong", ["names", "shape", "missing"])
def test_weights_of_another_network_are_refused(wrong: str) -> None:
    state = published_state()
    if wrong == "names":
        state = ResNet("resnet18").state_dict()
    elif wrong == "shape":
        state["_blocks.3._depthwise_conv.weight"] = torch.zeros(144, 1, 3, 3)
    else:
        del state["_conv_stem.weight"]
    with pytest.raises(InputError, match="another network"):
        EfficientNetLite0().load_imagenet(state)


def test_strides_see_the_pixels_that_the_published_weights_saw() -> None:
    # TensorFlow pads even sides at the right and bottom: the middle tap of a 3x3 stride sees pixels 1, 3, 5, ...
    network = EfficientNetLite0(1)
    stem = network._conv_stem
    torch.nn.init.zeros_(stem.weight)
    with torch.no_grad():
        stem.weight[0, 0, 1, 1] = 1.0
        image = torch.arange(64.0).view(1, 1, 8, 8)
        torch.testing.assert_close(stem(image)[0, 0], image[0, 0, 1::2, 1::2])


@torch.inference_mode()
def test_folded_batch_norms_change_nothing() -> None:
    network = EfficientNetLite0().eval()
    network.load_imagenet(published_state())
    image = torch.rand(2, 3, 64, 64)
    quick = folded(deepcopy(network))
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in quick.modules())
    for made, expected in zip(quick(image), network(image), strict=True):
        torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)


def test_a_network_with_it_survives_its_file_and_reads_colours_as_published(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = GSN(replace(named_config("tiny"), encoder="efficientnet_lite0")).eval()
    torch.testing.assert_close(network.mean.flatten()[:3] * 255, torch.full((3,), 127.0))
    torch.testing.assert_close(network.std.flatten()[:3] * 255, torch.full((3,), 128.0))
    save_gsn(tmp_path / "w.safetensors", network, {})
    again, _ = load_gsn(tmp_path / "w.safetensors")
    assert again.config.encoder == "efficientnet_lite0"
    image, theta = torch.rand(2, 7, 64, 64), torch.tensor([0.1, 0.3])
    with torch.inference_mode():
        made, expected = again(image, theta), network(image, theta)
    torch.testing.assert_close(made.means, expected.means, atol=5e-3, rtol=0)  # stored in half precision
    torch.testing.assert_close(made.colors, expected.colors, atol=2e-2, rtol=0)


def test_a_warm_start_from_another_encoder_takes_heads_and_refinement(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old = GSN(named_config("tiny"))
    save_gsn(tmp_path / "w.safetensors", old, {})
    new = GSN(replace(named_config("tiny"), encoder="efficientnet_lite0"))
    fresh = load_matching_weights(new, tmp_path / "w.safetensors")
    assert {name.split(".")[0] for name in fresh} == {"encoder", "neck", "refiner"}
    assert "neck.0.weight" in fresh
    assert "neck.2.weight" not in fresh
    assert [n for n in fresh if n.startswith("refiner")] == [
        f"refiner.laterals.{i}.{part}" for i in range(3) for part in ("weight", "bias")
    ]
    for a, b in zip(new.sculptor.parameters(), old.sculptor.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)
