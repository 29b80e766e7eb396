"""Changes to trained networks for speed: every one keeps the function, to rounding or to the bit."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from gsn_perception.engines.packing import PackedLinear
from gsn_perception.engines.packing import packed
from gsn_perception.engines.packing import unpacked
from gsn_perception.engines.torch_tuning import by_columns
from gsn_perception.engines.torch_tuning import folded
from gsn_perception.engines.torch_tuning import rounded
from gsn_perception.gsn.layers.resnet import ResNet


def trained_resnet(name):
    """A ResNet whose batch norms are not the identity."""
    torch.manual_seed(0)
    net = ResNet(name, 8, 5)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in ((module.weight, 0.5, 1.5), (module.running_var, 0.5, 2)):
                nn.init.uniform_(values, low, high)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
    return net.eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_folded_batch_norms_keep_every_stage(name):
    plain = trained_resnet(name).double()
    image = torch.rand(2, 5, 64, 64, dtype=torch.float64)
    net = folded(deepcopy(plain))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    with torch.no_grad():
        for ours, theirs in zip(net(image), plain(image), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_a_batch_norm_without_its_convolution_stays():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)).eval()
    assert isinstance(folded(net)[2], nn.BatchNorm2d)


def test_columns_change_the_layout_and_not_the_values():
    net = nn.Sequential(nn.Linear(300, 400), nn.Linear(400, 3))
    before = deepcopy(net)
    by_columns(net)
    assert net[0].weight.stride() == (1, 400)
    assert net[1].weight.is_contiguous()
    torch.testing.assert_close(net[0].weight, before[0].weight, rtol=0, atol=0)
    x = torch.rand(1, 300)
    torch.testing.assert_close(net(x), before(x))


def test_rounded_weights_need_autocast_and_keep_float32_elsewhere():
    net = rounded(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval())
    assert net[0].weight.dtype == torch.bfloat16
    assert net[1].weight.dtype == torch.float32


def layer_of_a_checkpoint():
    torch.manual_seed(0)
    layer = nn.Linear(20, 30)
    with torch.no_grad():
        step = layer.weight.abs().amax(1, keepdim=True) / 127
        layer.weight.copy_((layer.weight / step).round() * step)
    return layer


def test_packed_layers_hold_exactly_the_weights():
    layer = layer_of_a_checkpoint()
    net = nn.Sequential(deepcopy(layer), nn.ReLU(), nn.Linear(30, 4))
    plain = deepcopy(net)
    packed(net)
    assert isinstance(net[0], PackedLinear)
    assert net[0].values.dtype == torch.int8
    assert isinstance(net[2], nn.Linear)  # its weights are no multiples of a step
    x = torch.rand(5, 20)
    torch.testing.assert_close(net(x), plain(x))
    many = torch.rand(50, 20)
    torch.testing.assert_close(net(many), plain(many), rtol=0, atol=0)
    unpacked(net)
    assert isinstance(net[0], nn.Linear)
    torch.testing.assert_close(net[0].weight, layer.weight, rtol=0, atol=0)
    torch.testing.assert_close(net(x), plain(x), rtol=0, atol=0)


def test_a_row_of_zeros_and_a_missing_bias():
    layer = layer_of_a_checkpoint()
    with torch.no_grad():
        layer.weight[3] = 0
    assert isinstance(packed(nn.Sequential(layer))[0], nn.Linear)
    bare = nn.Linear(20, 30, bias=False)
    bare.weight = layer_of_a_checkpoint().weight
    net = packed(nn.Sequential(bare))
    assert isinstance(net[0], PackedLinear)
    assert net[0].bias is None
    assert unpacked(net)[0].bias is None
