"""The network in each engine and precision: the same splat as the plain network, whatever the number of crops."""

from copy import deepcopy

import pytest
import torch

from gsn_perception.engines.choosing import has_bfloat16
from gsn_perception.geometry import InputError
from gsn_perception.gsn import inference
from gsn_perception.gsn.config import named_config
from gsn_perception.gsn.inference import make_runner
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.io.checkpoints import checkpoint_path

CPU = torch.device("cpu")
FIELDS = ("means", "scales", "quats", "colors", "opacities")


def needs(engine, precision="float32"):
    if engine == "openvino":
        pytest.importorskip("openvino", reason="needs openvino; pip install openvino")
    if precision == "bfloat16" and not has_bfloat16(CPU):
        pytest.skip("this processor has no bfloat16")


@pytest.fixture(scope="module")
def shipped():
    return load_gsn(checkpoint_path(None))[0]


@pytest.fixture(scope="module")
def crops():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 7, 128, 128, generator=generator)
    image[:, 3] = (image[:, 3] > 0.4).float()
    image[:, 4] = 0
    image[:, 5] = 0.2 * image[:, 5] - 0.1
    image[:, 6] = image[:, 3]
    image[2, 5:] = 0  # without depth
    return image, torch.tensor([0.1, 0.2, 0.3])


def differences(made, truth):
    return {name: float((getattr(made, name) - getattr(truth, name)).abs().max()) for name in FIELDS}


@pytest.mark.parametrize("engine", ["torch", "openvino"])
@torch.inference_mode()
def test_float32_agrees_to_rounding(shipped, crops, engine):
    needs(engine)
    truth = shipped(*crops)
    made = make_runner(deepcopy(shipped), CPU, engine)(*crops)
    assert max(differences(made, truth).values()) < 2e-4


@pytest.mark.parametrize("engine", ["torch", "openvino"])
@torch.inference_mode()
def test_bfloat16_is_close_and_is_not_float32(shipped, crops, engine):
    needs(engine, "bfloat16")
    truth = shipped(*crops)
    made = make_runner(deepcopy(shipped), CPU, engine, "bfloat16")(*crops)
    errors = {name: (getattr(made, name) - getattr(truth, name)).abs() for name in FIELDS}
    assert made.means.dtype == torch.float32
    assert float(errors["means"].max()) > 1e-4
    assert float(errors["means"].quantile(0.99)) < 0.02
    assert float(errors["colors"].quantile(0.99)) < 0.1


@torch.inference_mode()
def test_the_number_of_crops_has_no_influence_on_openvino(shipped, crops):
    needs("openvino")
    runner = make_runner(deepcopy(shipped), CPU, "openvino")
    together = runner(*crops)
    for index in range(3):
        alone = runner(crops[0][index : index + 1], crops[1][index : index + 1])
        assert max(differences(alone, together[index : index + 1]).values()) == 0


@pytest.mark.parametrize("name", ["plain", "tiny", "efficient"])
@pytest.mark.parametrize("engine", ["torch", "openvino"])
@torch.inference_mode()
def test_networks_without_refinement_of_another_size_or_encoder(name, engine):
    needs(engine)
    torch.manual_seed(0)
    network = GSN(named_config(name)).eval()
    size = network.config.image_size
    image, theta = torch.rand(2, 7, size, size), torch.tensor([0.1, 0.3])
    truth = network(image, theta)
    assert max(differences(make_runner(network, CPU, engine)(image, theta), truth).values()) < 1e-4


@torch.inference_mode()
def test_engines_can_be_changed_on_the_same_weights(shipped, crops):
    needs("openvino")
    network = deepcopy(shipped)
    truth = shipped(*crops)
    first = make_runner(network, CPU, "openvino")
    second = make_runner(network, CPU, "torch")
    third = make_runner(network, CPU, "openvino")
    for runner in (first, second, third):
        assert max(differences(runner(*crops), truth).values()) < 2e-4


def test_auto_takes_torch_where_openvino_fails(monkeypatch):
    def fails(*given):
        raise InputError("OpenVINO can't run the network (no reason); choose engine torch")

    monkeypatch.setattr("gsn_perception.engines.choosing.find_spec", lambda name: object())
    monkeypatch.setattr(inference, "OpenVinoRunner", fails)
    network = GSN(named_config("tiny")).eval()
    assert make_runner(network, CPU).engine.facts == {"engine": "torch", "precision": "float32"}
    with pytest.raises(InputError, match="can't run the network"):
        make_runner(network, CPU, "openvino")
