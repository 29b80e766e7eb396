"""Layers packed for oneDNN and products with int8 matrices: the same function to rounding, and plain layers again."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from gsn_perception.engines.byte_product import times_bytes
from gsn_perception.engines.prepacking import PrepackedConv
from gsn_perception.engines.prepacking import PrepackedLinear
from gsn_perception.engines.prepacking import activated
from gsn_perception.engines.prepacking import prepacked
from gsn_perception.engines.prepacking import unprepacked

needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")


class Mixed(nn.Module):
    """Convolutions and matrices of every kind that a GSN has, and a convolution that can't be packed."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(7, 16, 7, 2, padding=3, bias=False)
        self.norm = nn.Identity()
        self.neck = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 1))
        self.circular = nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")
        self.rows = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 3))
        self.vector = nn.Linear(8, 5)

    def forward(self, x):
        x = activated(self.first, self.norm, x)
        x = self.circular(self.neck(activated(self.neck[0], self.norm, x, x)))
        return self.rows(x.flatten(2).transpose(1, 2)), self.vector(x.mean((2, 3)))


@needs_onednn
@torch.inference_mode()
def test_packed_layers_keep_the_function_and_come_back():
    torch.manual_seed(0)
    plain = Mixed().eval()
    image = torch.rand(1, 7, 32, 32)
    net = prepacked(deepcopy(plain), lambda: plain)
    assert isinstance(net.first, nn.Conv2d)  # nothing ran, so no shape is known
    prepacked(net, lambda: net(image))
    kinds = (net.first, net.neck[0], net.neck[2], net.circular, net.rows[0], net.rows[1], net.rows[2], net.vector)
    expected = (*[PrepackedConv] * 3, nn.Conv2d, PrepackedLinear, nn.Identity, PrepackedLinear, nn.Linear)
    assert [type(layer) for layer in kinds] == list(expected)
    for size, count in ((32, 1), (32, 3), (48, 1)):  # the usual size, then others
        given = torch.rand(count, 7, size, size)
        for ours, theirs in zip(net(given), plain(given), strict=True):
            torch.testing.assert_close(ours, theirs)
    copied = deepcopy(net)
    unprepacked(net)
    assert isinstance(copied.first, PrepackedConv)  # a copy does not change with the original
    for ours, theirs in zip(copied(image), plain(image), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert [type(layer) for layer in net.modules()] == [type(layer) for layer in plain.modules()]
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(net.state_dict()[name], value, rtol=0, atol=0)
    for ours, theirs in zip(net(image), plain(image), strict=True):
        torch.testing.assert_close(ours, theirs)


@torch.inference_mode()
def test_a_torch_without_the_operators_keeps_plain_layers(monkeypatch):
    class Bare:
        def __getattr__(self, name):
            raise AttributeError(name)

    net = Mixed().eval()
    image = torch.rand(1, 7, 32, 32)
    before = net(image)
    monkeypatch.setattr(torch.ops, "mkldnn", Bare())
    prepacked(net, lambda: net(image))
    assert not any(isinstance(module, PrepackedConv | PrepackedLinear) for module in net.modules())
    for ours, theirs in zip(net(image), before, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_products_with_bytes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 77)).astype(np.float32)
    values = rng.integers(-127, 128, size=(50, 77)).astype(np.int8)
    step, bias = (rng.random(50).astype(np.float32) for _ in range(2))
    out = np.empty((3, 50), dtype=np.float32)
    times_bytes(x, values, step, bias, out)
    truth = x.astype(np.float64) @ (values * step[:, None].astype(np.float64)).T + bias
    np.testing.assert_allclose(out, truth, rtol=1e-5, atol=1e-4)
