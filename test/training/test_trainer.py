"""The loop learns, stops, goes on; weights survive files; bad ones are refused in a sentence."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from gsn_perception.geometry import InputError
from gsn_perception.gsn import GSN
from gsn_perception.gsn import named_config
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.gsn.weights import load_matching_weights
from gsn_perception.gsn.weights import save_gsn
from gsn_perception.io.checkpoints import Checkpoint
from gsn_perception.io.checkpoints import load_checkpoint
from gsn_perception.io.checkpoints import save_checkpoint
from gsn_perception.scenes.datasets.views_dataset import build_dataset
from gsn_perception.scenes.objects import random_object
from gsn_perception.training.config import Augmentation
from gsn_perception.training.config import LossWeights
from gsn_perception.training.config import TrainConfig
from gsn_perception.training.ema import Ema
from gsn_perception.training.losses.multi_view import ssim_map
from gsn_perception.training.trainer import Trainer


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("views")
    sources = [partial(random_object, seed) for seed in (1, 9)]
    return build_dataset(sources, out, views=6, size=64, seed=0, workers=0, progress=False)


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        config="tiny",
        data=(folder,),
        dev=folder,
        out=tmp_path / "run",
        steps=90,
        batch=4,
        views=3,
        size=32,
        final_size=32,
        lr=4e-3,
        warmup=5,
        precision="32-true",
        accelerator="cpu",
        loss=LossWeights(ecd=0.1),
        augment=Augmentation(roll=0.0),
    )


def test_a_tiny_set_is_learned(config: TrainConfig) -> None:
    before = Trainer(replace(config, steps=1, out=config.out / "a"), progress=False).run()
    after = Trainer(replace(config, out=config.out / "b"), progress=False).run()
    assert after["novel_psnr"] > before["novel_psnr"] + 0.5
    assert after["input_psnr"] > before["input_psnr"] + 2
    assert after["input_iou"] > before["input_iou"] + 0.1
    assert (config.out / "b" / "sheet_000090.png").is_file()
    assert list((config.out / "b").glob("events.out.tfevents*"))
    network, info = load_gsn(config.out / "b" / "gsn.safetensors")
    assert info["steps"] == 90
    assert network.config == named_config("tiny")


def test_an_interrupted_run_goes_on_where_it_was(config: TrainConfig, monkeypatch) -> None:
    trainer = Trainer(config, progress=False)
    whole, calls = trainer._step, []

    def interrupted(batches):
        calls.append(1)
        if len(calls) > 12:
            raise KeyboardInterrupt
        return whole(batches)

    monkeypatch.setattr(trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    again = Trainer(replace(config, resume=True, steps=15), progress=False)
    assert again.step == 12
    for a, b in zip(again.network.parameters(), trainer.network.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    again.run()
    assert again.step == 15


def test_warm_start_takes_the_weights(config: TrainConfig, tmp_path: Path) -> None:
    network = GSN(named_config("tiny"))
    save_gsn(tmp_path / "w.safetensors", network, {})
    trainer = Trainer(replace(config, init=tmp_path / "w.safetensors"), progress=False)
    for a, b in zip(trainer.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)  # stored in half precision


def test_a_wider_network_starts_as_the_narrow_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    narrow = replace(named_config("tiny"), depth=False)
    old = GSN(narrow).eval()
    save_gsn(tmp_path / "w.safetensors", old, {})
    new = GSN(replace(narrow, hidden=(48, 40, 32, 32, 32), depth=True)).eval()
    assert load_matching_weights(new, tmp_path / "w.safetensors") == []
    image = torch.cat([torch.rand(2, 5, 64, 64), torch.zeros(2, 2, 64, 64)], 1)
    theta = torch.tensor([0.2, 0.3])
    with torch.inference_mode():
        a, b = old(image, theta), new(image, theta)
    # new units start with small random last weights; a network that shared nothing would be far away
    torch.testing.assert_close(a.means, b.means, atol=0.02, rtol=0)
    torch.testing.assert_close(a.colors, b.colors, atol=0.02, rtol=0)
    other = GSN(replace(narrow, cube=5))
    fresh = load_matching_weights(other, tmp_path / "w.safetensors")
    assert "sculptor.heads.means.2.weight" in fresh
    assert "encoder.conv1.weight" not in fresh


def test_large_matrices_are_stored_in_bytes_and_come_back_close(tmp_path: Path) -> None:
    torch.manual_seed(0)
    rows = torch.logspace(-4, 1, 500)[:, None]
    state = {"big": torch.randn(500, 500) * rows, "small": torch.randn(4, 4), "count": torch.tensor(7)}
    save_checkpoint(tmp_path / "w.safetensors", Checkpoint("x", {}, state, {}))
    assert (tmp_path / "w.safetensors").stat().st_size < 300_000
    back = load_checkpoint(tmp_path / "w.safetensors", "x").state
    assert set(back) == set(state)
    assert back["count"] == 7
    worst = (back["big"] - state["big"]).abs() / state["big"].abs().amax(1, keepdim=True)
    assert worst.max() < 0.51 / 127
    torch.testing.assert_close(back["small"], state["small"], atol=1e-3, rtol=1e-3)


def test_no_data_and_nothing_to_resume_are_sentences(config: TrainConfig) -> None:
    with pytest.raises(InputError, match="gsn data"):
        Trainer(replace(config, data=()), progress=False)
    with pytest.raises(InputError, match="nothing to resume"):
        Trainer(replace(config, resume=True), progress=False)


def test_ssim_against_scikit_image() -> None:
    rng = np.random.default_rng(0)
    a = rng.random((40, 40, 3))
    b = np.clip(a + 0.2 * rng.normal(size=a.shape), 0, 1)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "truncate": 3.4}
    _, theirs = structural_similarity(a, b, channel_axis=2, data_range=1.0, full=True, **options)
    ours = ssim_map(*(torch.from_numpy(x).permute(2, 0, 1) for x in (a, b))).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours[6:-6, 6:-6], theirs[6:-6, 6:-6], atol=1e-4)


def test_ema_follows_a_constant_and_averages_buffers() -> None:
    module = torch.nn.BatchNorm1d(3)
    ema = Ema(module, 0.9)
    with torch.no_grad():
        module.weight.fill_(5.0)
        module.running_mean.fill_(2.0)
    for _ in range(200):
        ema.update(module)
    torch.testing.assert_close(ema.state["weight"], torch.full((3,), 5.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(ema.state["running_mean"], torch.full((3,), 2.0), atol=1e-3, rtol=0)


def _saved(tmp_path: Path) -> Path:
    path = tmp_path / "w.safetensors"
    save_gsn(path, GSN(named_config("tiny")), {"steps": 1})
    return path


def test_truncated_foreign_and_missing_checkpoints_are_refused(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    load_gsn(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated"):
        load_gsn(path)
    path.write_bytes(whole)
    sidecar = path.with_suffix(".json")
    good = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**good, "kind": "other"}))
    with pytest.raises(InputError, match="expected gsn"):
        load_gsn(path)
    sidecar.write_text(json.dumps({**good, "config": {**good["config"], "cube": 9}}))
    with pytest.raises(InputError, match="another architecture"):
        load_gsn(path)
    sidecar.write_text(json.dumps({**good, "config": {**good["config"], "unheard_of": 9}}))
    with pytest.raises(InputError, match="another architecture"):
        load_gsn(path)
    sidecar.write_text("{")
    with pytest.raises(InputError, match="description"):
        load_gsn(path)
    with pytest.raises(InputError, match="missing"):
        load_gsn(tmp_path / "none.safetensors")
