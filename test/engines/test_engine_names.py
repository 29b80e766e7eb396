"""Engines and precisions by name: what auto takes, and one sentence for everything that can't be had."""

import subprocess
import sys

import pytest
import torch

from gsn_perception.engines import choosing
from gsn_perception.engines.choosing import pick_engine
from gsn_perception.geometry import InputError
from gsn_perception.pipeline import Reconstructor
from gsn_perception.pipeline import ReconstructorSettings

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def installed(monkeypatch):
    """Pretends that openvino is (not) installed, and that the hardware has (no) bfloat16."""

    def pretend(*, openvino, bfloat16=True):
        monkeypatch.setattr(choosing, "find_spec", lambda name: object() if openvino else None)
        monkeypatch.setattr(choosing, "has_bfloat16", lambda device: bfloat16)

    return pretend


@pytest.mark.parametrize(
    ("openvino", "name", "device", "made"),
    [
        (True, "auto", CPU, ("openvino", False)),
        (True, "openvino", CPU, ("openvino", True)),
        (True, "torch", CPU, ("torch", True)),
        (False, "auto", CPU, ("torch", True)),
        (False, "torch", CPU, ("torch", True)),
        (True, "auto", CUDA, ("torch", True)),
    ],
)
def test_auto_takes_openvino_on_the_cpu_where_it_is_installed(installed, openvino, name, device, made):
    installed(openvino=openvino)
    for precision in ("float32", "bfloat16"):
        engine = pick_engine(name, precision, device)
        assert ((engine.name, engine.required), engine.precision) == (made, precision)


@pytest.mark.parametrize(
    ("name", "precision", "device", "openvino", "bfloat16", "sentence"),
    [
        ("onnx", "float32", CPU, True, True, "engine 'onnx' is unknown; choose auto, torch or openvino"),
        ("auto", "int4", CPU, True, True, "precision 'int4' is unknown; choose float32 or bfloat16"),
        ("openvino", "float32", CPU, False, True, "the package openvino is not installed; run `pip install openvino`"),
        ("openvino", "float32", CUDA, True, True, "engine openvino runs on the CPU, not on cuda; choose device cpu"),
        ("auto", "bfloat16", CPU, True, False, "cpu has no bfloat16 arithmetic here; choose precision float32"),
    ],
)
def test_what_is_not_there_is_refused_in_one_sentence(installed, name, precision, device, openvino, bfloat16, sentence):
    installed(openvino=openvino, bfloat16=bfloat16)
    with pytest.raises(InputError) as error:
        pick_engine(name, precision, device)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_the_pipeline_says_the_sentence_and_runs_without_the_package(installed):
    installed(openvino=False)
    with pytest.raises(InputError, match="the package openvino is not installed"):
        Reconstructor.from_pretrained(None, "cpu", ReconstructorSettings(engine="openvino"))
    made = Reconstructor.from_pretrained(None, "cpu")
    assert made.describe()["engine"] == "torch"
    with pytest.raises(InputError, match="the package openvino is not installed"):
        made.with_settings(ReconstructorSettings(engine="openvino"))


def test_openvino_is_imported_only_by_use():
    script = "import sys, gsn_perception.pipeline, gsn_perception.gsn.inference; print('openvino' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "False"
