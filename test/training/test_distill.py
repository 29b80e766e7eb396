"""Distillation: a new encoder learns what the teacher gave its heads, which do not change."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from gsn_perception.geometry import InputError
from gsn_perception.gsn import GSN
from gsn_perception.gsn import named_config
from gsn_perception.gsn.layers.resnet import ResNet
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.gsn.weights import save_gsn
from gsn_perception.scenes.datasets.views_dataset import build_dataset
from gsn_perception.scenes.objects import random_object
from gsn_perception.training.config import Augmentation
from gsn_perception.training.distill import DistillConfig
from gsn_perception.training.distill import Distiller
from gsn_perception.training.support import read_state

STUDENT = replace(named_config("tiny"), encoder="efficientnet_lite0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("views")
    return build_dataset([partial(random_object, 1)], out, views=6, size=64, seed=0, workers=0, progress=False)


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> DistillConfig:
    torch.manual_seed(0)
    teacher = GSN(named_config("tiny"))
    for head in teacher.sculptor.heads.values():
        torch.nn.init.normal_(head[-1].weight, std=0.3)  # so that the latent matters
    save_gsn(tmp_path / "teacher.safetensors", teacher, {})
    return DistillConfig(
        data=(folder,),
        out=tmp_path / "run",
        init=tmp_path / "teacher.safetensors",
        steps=25,
        batch=6,
        lr=3e-3,
        warmup=3,
        precision="32-true",
        accelerator="cpu",
        augment=Augmentation(roll=0.0),
    )


def test_the_student_comes_closer_and_the_heads_stay(config: DistillConfig) -> None:
    trainer = Distiller(config, progress=False, architecture=STUDENT)
    batches = trainer._batches()
    first = [float(trainer._losses(next(batches))[1].detach()) for _ in range(3)]
    trainer.run()
    last = [float(trainer._losses(next(batches))[1].detach()) for _ in range(3)]
    assert max(last) < 0.7 * min(first)
    made, info = load_gsn(config.out / "gsn.safetensors")
    assert made.config == STUDENT
    assert info["steps"] == 25
    assert config.init is not None
    teacher = load_gsn(config.init)[0].state_dict()
    for name, value in made.state_dict().items():
        if name.startswith(("sculptor.", "refiner.network.", "perspective.")):
            torch.testing.assert_close(value, teacher[name], atol=1e-3, rtol=1e-2)


def test_it_starts_from_imagenet_weights_in_either_kind_of_file(config: DistillConfig, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(1)
    state = ResNet("resnet18").state_dict()
    torch.save(state, tmp_path / "w.pth")
    save_file(state, tmp_path / "w.safetensors")
    wide = replace(named_config("tiny"), width=64)
    for name in ("w.pth", "w.safetensors"):
        student = Distiller(replace(config, imagenet=tmp_path / name), progress=False, architecture=wide).network
        torch.testing.assert_close(
            student.encoder.state_dict()["layer2.0.conv1.weight"], state["layer2.0.conv1.weight"]
        )


def test_files_that_are_no_state_dict_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("no tensors")
    (tmp_path / "text.safetensors").write_text("no tensors")
    torch.save({"state": {"a": torch.zeros(1)}}, tmp_path / "nested.pth")
    for name in ("text.pth", "text.safetensors", "none.pth", "none.safetensors"):
        with pytest.raises(InputError, match="can't be read"):
            read_state(tmp_path / name)
    with pytest.raises(InputError, match="no tensors by name"):
        read_state(tmp_path / "nested.pth")


def test_a_teacher_that_is_missing_or_does_not_fit_is_a_sentence(config: DistillConfig) -> None:
    with pytest.raises(InputError, match="no teacher"):
        Distiller(replace(config, init=None), progress=False, architecture=STUDENT)
    with pytest.raises(InputError, match="other heads"):
        Distiller(config, progress=False, architecture=replace(STUDENT, hidden=(40,) * 5))
    with pytest.raises(InputError, match="other heads"):
        Distiller(config, progress=False, architecture=replace(STUDENT, cube=5))
