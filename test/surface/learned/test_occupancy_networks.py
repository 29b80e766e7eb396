"""Both occupancy networks: order of points, batches, gradients, precision, files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from gsn_perception.geometry import InputError
from gsn_perception.surface.learned.config import CONVONET_CONFIGS
from gsn_perception.surface.learned.config import ONET_CONFIGS
from gsn_perception.surface.learned.config import ConvonetConfig
from gsn_perception.surface.learned.config import convonet_config
from gsn_perception.surface.learned.config import onet_config
from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
from gsn_perception.surface.learned.fields import LogitField
from gsn_perception.surface.learned.fields import logit_threshold
from gsn_perception.surface.learned.onet import OccupancyNetwork
from gsn_perception.surface.learned.plane_decoder import PlaneDecoder
from gsn_perception.surface.learned.pooling import cell_index
from gsn_perception.surface.learned.pooling import cell_means
from gsn_perception.surface.learned.pooling import look_up
from gsn_perception.surface.learned.pooling import pool_max
from gsn_perception.surface.learned.weights import load_convonet
from gsn_perception.surface.learned.weights import load_onet
from gsn_perception.surface.learned.weights import save_occupancy
from gsn_perception.surface.learned.weights import shipped_weights

TINY = convonet_config("tiny")
GRID = replace(TINY, features="grid", resolution=8, unet_depth=2)


def shaken(network):
    """No layer at zero, so that nothing is equal by being switched off."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network.eval()


def convonet(config=TINY):
    torch.manual_seed(0)
    return shaken(ConvolutionalOccupancyNetwork(config))


def onet():
    torch.manual_seed(0)
    return shaken(OccupancyNetwork(replace(onet_config("lean"), latent_size=24, hidden=32, condition=16)))


def cloud(batch=3, points=200, queries=70):
    torch.manual_seed(1)
    flags = torch.rand(batch, points) < 0.5
    return torch.rand(batch, queries, 3) - 0.5, torch.rand(batch, points, 3) - 0.5, flags


@pytest.mark.parametrize("count", [0, 1, 70, 5000])
@pytest.mark.parametrize("name", ["tiny", "lean"])
def test_the_fused_decoder_of_planes_is_the_networks_decoder(name, count):
    network = convonet(convonet_config(name))
    _, points, flags = cloud(batch=1)
    queries = np.random.default_rng(0).uniform(-0.9, 0.9, (count, 3)).astype(np.float32)
    with torch.inference_mode():
        maps = network.encode(points, flags)
        expected = network.decode(torch.from_numpy(queries)[None], maps)[0].numpy()
    found = PlaneDecoder(network, maps)(queries)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert (found[np.abs(queries).max(axis=1, initial=0) > network.config.half] <= -10).all()


@pytest.mark.parametrize("config", [TINY, GRID], ids=["planes", "grid"])
def test_convonet_knows_no_order_of_points(config):
    network, (queries, points, flags) = convonet(config), cloud()
    order = torch.randperm(points.shape[1])
    with torch.inference_mode():
        torch.testing.assert_close(
            network(queries, points[:, order], flags[:, order]), network(queries, points, flags), atol=1e-5, rtol=1e-5
        )
        turned = network(queries, points, ~flags)
    assert (turned - network(queries, points, flags)).abs().max() > 1e-3  # the flags are read


@pytest.mark.parametrize("config", [TINY, GRID], ids=["planes", "grid"])
def test_convonet_batch_is_single(config):
    network, (queries, points, flags) = convonet(config), cloud()
    with torch.inference_mode():
        whole = network(queries, points, flags)
        for i in range(len(whole)):
            one = network(queries[i : i + 1], points[i : i + 1], flags[i : i + 1])
            torch.testing.assert_close(one[0], whole[i], atol=1e-5, rtol=1e-5)


def test_onet_batch_is_single_and_the_image_matters():
    network = onet()
    queries, seen, theta = torch.rand(3, 50, 3) - 0.5, torch.rand(3, 24), torch.tensor([0.1, 0.2, 0.3])
    with torch.inference_mode():
        whole = network(queries, seen, theta)
        one = network(queries[1:2], seen[1:2], theta[1:2])
        other = network(queries[1:2], seen[2:3], theta[1:2])
    torch.testing.assert_close(one[0], whole[1], atol=1e-5, rtol=1e-5)
    assert (other - one).abs().max() > 1e-3


def numeric_gradient(field, points, step=1e-6):
    columns = []
    for axis in range(3):
        shift = torch.zeros(3, dtype=points.dtype)
        shift[axis] = step
        columns.append((field(points + shift) - field(points - shift)) / (2 * step))
    return torch.stack(columns, -1)


@pytest.mark.parametrize("which", ["planes", "grid", "onet"])
def test_gradients_of_the_fields_are_those_of_finite_differences(which):
    points = (torch.rand(1, 40, 3, dtype=torch.float64) - 0.5).requires_grad_()
    if which == "onet":
        network = onet().double()
        condition = network.encode(torch.rand(1, 24, dtype=torch.float64), torch.tensor([0.2], dtype=torch.float64))
        field = lambda p: network.decode(p, condition)  # noqa: E731
    else:
        network = convonet(TINY if which == "planes" else GRID).double()
        _, given, flags = cloud(1)
        maps = network.encode(given.double(), flags)
        field = lambda p: network.decode(p, maps)  # noqa: E731
    (found,) = torch.autograd.grad(field(points).sum(), points)
    with torch.no_grad():
        torch.testing.assert_close(found, numeric_gradient(field, points), atol=1e-5, rtol=1e-4)
    assert found.abs().max() > 1e-3


def test_everything_beyond_the_cube_is_empty():
    network, (_, points, flags) = convonet(), cloud(1)
    far = torch.tensor([[[0.8, 0.0, 0.0], [0.0, -2.0, 0.0]]])
    assert (network(far, points, flags) <= -10).all()


def test_pooling_against_plain_loops():
    torch.manual_seed(0)
    features, index = torch.randn(2, 60, 3), torch.randint(0, 9, (2, 60))
    largest, means = pool_max(features, index, 9), cell_means(features, index, 9)
    for b in range(2):
        for p in range(60):
            torch.testing.assert_close(largest[b, p], features[b, index[b] == index[b, p]].amax(0))
        for cell in range(9):
            members = features[b, index[b] == cell]
            expected = members.mean(0) if len(members) else torch.zeros(3)
            torch.testing.assert_close(means[b, :, cell], expected)


def test_features_are_looked_up_where_they_were_put():
    """A point in a corner of the cube finds the cell it was pooled into, on planes (x across) and in volumes."""
    R = 8
    for dims in (2, 3):
        for corner in np.ndindex(*(2,) * dims):
            unit = torch.tensor(corner, dtype=torch.float32).view(1, 1, dims)
            index = cell_index(unit, R)
            maps = torch.zeros(1, 1, R**dims)
            maps[0, 0, index[0, 0]] = 1.0
            assert look_up(maps.view(1, 1, *(R,) * dims), unit)[0, 0, 0] == pytest.approx(1.0)


def test_half_precision_keeps_coordinates():
    network = convonet()
    queries, points, flags = cloud(1)
    with torch.inference_mode():
        exact = network(queries, points, flags)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = network(queries, points, flags)
    assert (rough - exact).abs().max() < 0.1 * exact.std().clamp_min(0.1)


def test_logit_fields_answer_in_pieces_as_at_once(monkeypatch):
    field = LogitField(lambda p: p.sum(-1), torch.device("cpu"))
    points = np.random.default_rng(0).random((1000, 3))
    whole = field(points)
    monkeypatch.setattr("gsn_perception.surface.learned.fields._BATCH", 64)
    np.testing.assert_allclose(field(points), whole, atol=1e-6)
    np.testing.assert_allclose(whole, points.sum(1), atol=1e-5)


@pytest.mark.parametrize("kind", ["onet", "convonet"])
def test_weights_survive_files_and_foreign_ones_are_refused(kind, tmp_path):
    network, load = (onet(), load_onet) if kind == "onet" else (convonet(), load_convonet)
    path = tmp_path / "w.safetensors"
    save_occupancy(path, network, {"dev": {"threshold": 0.3}})
    again, info = load(path)
    assert again.config == network.config
    assert logit_threshold(info) == pytest.approx(np.log(0.3 / 0.7))
    for a, b in zip(again.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=2e-3)
    with pytest.raises(InputError, match="expected"):
        (load_convonet if kind == "onet" else load_onet)(path)
    sidecar = path.with_suffix(".json")
    good = json.loads(sidecar.read_text())
    for change in ({"hidden": 48}, {"unheard_of": 1}):
        sidecar.write_text(json.dumps({**good, "config": {**good["config"], **change}}))
        with pytest.raises(InputError, match="another architecture"):
            load(path)
    with pytest.raises(InputError, match="threshold"):
        logit_threshold({"dev": {"threshold": 1.5}})


@pytest.mark.parametrize(("configs", "network"), [
    (ONET_CONFIGS, OccupancyNetwork), (CONVONET_CONFIGS, ConvolutionalOccupancyNetwork),
])  # fmt: skip
def test_lean_weights_are_small(configs, network, tmp_path):
    save_occupancy(tmp_path / "w.safetensors", network(configs["lean"]), {})
    assert (tmp_path / "w.safetensors").stat().st_size < 4e6


def test_wrong_configurations_are_sentences():
    with pytest.raises(InputError, match="choose one of"):
        convonet_config("huge")
    with pytest.raises(InputError, match="choose one of"):
        onet_config("huge")
    with pytest.raises(InputError, match="halved"):
        ConvonetConfig(resolution=36, unet_depth=4)
    with pytest.raises(InputError, match="gsn train surface --model mirror"):
        shipped_weights("mirror")
