"""The data set of views on a table, batches with planes that err, and the training of the scale network."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.plane_scale.weights import load_scale_network
from gsn_perception.scenes.datasets.scale_dataset import ScaleSettings
from gsn_perception.scenes.datasets.scale_dataset import build_scale_dataset
from gsn_perception.scenes.datasets.scale_views import ScaleViewSettings
from gsn_perception.scenes.datasets.scale_views import ragged_mask
from gsn_perception.scenes.objects import random_object
from gsn_perception.training.scale.batches import PlaneErrors
from gsn_perception.training.scale.batches import augmented
from gsn_perception.training.scale.batches import scale_batch
from gsn_perception.training.scale.calibration import Corrections
from gsn_perception.training.scale.calibration import error_figures
from gsn_perception.training.scale.calibration import sigma_factor
from gsn_perception.training.scale.config import ScaleTrainConfig
from gsn_perception.training.scale.data import ScaleDataset
from gsn_perception.training.scale.trainer import ScaleTrainer

SIZE = 64


def _balls(crops: Sequence[Crop]) -> list[Gaussians]:
    """Every object is taken for a ball that fills its cone."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((800, 3))
    means *= 0.48 / np.linalg.norm(means, axis=1, keepdims=True)
    quats = torch.tensor([1.0, 0, 0, 0]).expand(800, 4)
    ball = Gaussians(
        torch.from_numpy(means).float(), torch.full((800, 3), 0.03), quats, torch.rand(800, 3), torch.full((800,), 0.9)
    )
    return [ball for _ in crops]


def _build(out: Path, *, resume: bool = True) -> Path:
    objects = [partial(random_object, seed, "carton") for seed in (1, 2)]
    settings = ScaleSettings(views=4, shots=ScaleViewSettings(size=SIZE))
    return build_scale_dataset(
        objects, out, _balls, inferred_by="balls", settings=settings, workers=0, progress=False, resume=resume
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ScaleDataset:
    return ScaleDataset(_build(tmp_path_factory.mktemp("scale") / "set"))


def _all(data: ScaleDataset) -> tuple[np.ndarray, np.ndarray]:
    objects, views = np.divmod(np.arange(len(data) * data.views), data.views)
    return objects, views


def test_the_camera_is_above_a_table_on_which_the_object_stands(data: ScaleDataset) -> None:
    assert (len(data), data.views, data.size) == (2, 4, SIZE)
    assert np.allclose(np.linalg.norm(data.normal, axis=-1), 1, atol=1e-6)
    distance = 0.5 / np.sin(data.theta)
    above = data.height + distance * data.normal[..., 2]  # of the box centre
    assert (above > 0.05).all()  # in units of the object's size
    assert (above < 0.6).all()
    assert (data.height > 0).all()
    assert (np.abs(data.normal[..., 0]) < 0.2).all()  # upright but for a few degrees
    alpha = data.arrays["alpha"][data.rows]
    assert (alpha.reshape(2, 4, -1) > 127).mean(axis=2).min() > 0.05
    assert np.isfinite(data.surface).all()
    assert (np.abs(np.log(data.surface)) < 0.3).all()


def test_an_interrupted_build_is_continued_and_a_complete_one_reused(data: ScaleDataset) -> None:
    before = (data.folder / "rgb.npy").stat().st_mtime_ns
    assert _build(data.folder) == data.folder
    assert (data.folder / "rgb.npy").stat().st_mtime_ns == before


def test_the_true_correction_undoes_the_guess(data: ScaleDataset) -> None:
    objects, views = _all(data)
    batch = scale_batch(data, objects, views, PlaneErrors.none(len(views)), np.random.default_rng(0))
    # with the true scale the camera is `height` above the plane
    corrected = batch.crops.height.numpy() / np.exp(batch.truth[:, 0].numpy())
    assert np.allclose(corrected, data.height[objects, views], rtol=1e-5)
    side = batch.truth[:, 1].numpy() - batch.truth[:, 0].numpy()
    assert np.allclose(side, np.log(data.surface[objects, views]), atol=1e-5)


def test_planes_err_as_stated(data: ScaleDataset) -> None:
    objects, views = np.zeros(400, int), np.zeros(400, int)
    errors = PlaneErrors(np.full(400, 0.01), np.full(400, 0.02))
    batch = scale_batch(data, objects, views, errors, np.random.default_rng(0))
    exact = scale_batch(data, objects[:1], views[:1], PlaneErrors.none(1), np.random.default_rng(0))
    offsets = np.log(batch.crops.height.numpy()) - batch.truth[:, 0].numpy() - np.log(data.height[0, 0])
    assert np.std(offsets) == pytest.approx(0.01, rel=0.2)
    turned = np.linalg.norm(batch.crops.normal.numpy() - exact.crops.normal.numpy(), axis=1)
    assert np.sqrt((turned**2).mean() / 2) == pytest.approx(0.02, rel=0.2)
    assert batch.crops.offset_error.numpy() == pytest.approx(0.01)
    warped = replace(errors, relief=1.0)
    moved = scale_batch(
        data, objects[:8], views[:8], replace(warped, offset=np.zeros(8), tilt=np.zeros(8)), np.random.default_rng(1)
    )
    assert (moved.crops.splat_depth - exact.crops.splat_depth).abs().amax() > 0.01


def test_mirrored_crops_have_mirrored_planes(data: ScaleDataset) -> None:
    objects, views = _all(data)
    crops = scale_batch(data, objects, views, PlaneErrors.none(8), np.random.default_rng(0)).crops
    changed = augmented(crops, np.random.default_rng(3))
    mirrored = changed.normal[:, 0] != crops.normal[:, 0]
    assert mirrored.any()
    assert not mirrored.all()
    assert torch.equal(changed.normal[mirrored, 0], -crops.normal[mirrored, 0])
    assert torch.equal(changed.alpha[mirrored], crops.alpha[mirrored].flip(-1))
    assert torch.equal(changed.splat_depth[~mirrored], crops.splat_depth[~mirrored])
    assert ((changed.rgb >= -1e-5) & (changed.rgb <= 1 + 1e-5)).all()


def test_ragged_masks_stay_near_their_outline() -> None:
    mask = np.zeros((80, 80), bool)
    mask[20:60, 25:55] = True
    near = np.zeros_like(mask)
    near[14:66, 19:61] = True
    core = np.zeros_like(mask)
    core[27:53, 32:48] = True
    masks = [ragged_mask(mask, np.random.default_rng(seed)) for seed in range(20)]
    assert any((found != mask).any() for found in masks)
    for found in masks:
        assert not (found & ~near).any()
        assert found[core].all()


def test_training_reduces_the_loss_and_goes_on_where_it_stopped(data: ScaleDataset, tmp_path: Path) -> None:
    config = ScaleTrainConfig(
        data=(data.folder,), dev=data.folder, out=tmp_path, config="tiny", steps=60, batch=8, lr=1e-2, warmup=5,
        ema=0.9, precision="32-true", accelerator="cpu",
    )  # fmt: skip
    trainer = ScaleTrainer(config, progress=False)
    rng = np.random.default_rng(0)
    objects, views = _all(data)
    batch = scale_batch(data, objects, views, PlaneErrors.none(8), rng)
    before = trainer._losses(batch)[1].item()
    figures = trainer.run()
    assert trainer._losses(batch)[1].item() < before - 0.3
    assert figures["median"] < figures["guess_median"]
    network, info = load_scale_network(trainer.weights)
    assert info["gsn_sha256"] == "balls"
    assert info["sigma_factors"][0] > 0
    assert not network.training
    longer = ScaleTrainer(replace(config, steps=61, resume=True), progress=False)
    assert longer.step == 60


def test_unknown_sizes_and_missing_data_are_refused(data: ScaleDataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gsn data --what scale"):
        ScaleTrainer(ScaleTrainConfig(out=tmp_path), progress=False)
    with pytest.raises(InputError, match="'huge'"):
        ScaleTrainer(ScaleTrainConfig(data=(data.folder,), out=tmp_path, config="huge"), progress=False)
    with pytest.raises(InputError, match="no complete dataset of scales"):
        ScaleDataset(tmp_path)


def test_the_factor_makes_standard_deviations_honest() -> None:
    rng = np.random.default_rng(0)
    sigma = np.exp(rng.normal(-4, 0.5, (4000, 2)))
    found = Corrections(rng.standard_normal((4000, 2)) * sigma * 1.7, sigma, 2 * rng.standard_normal((4000, 2)) * sigma)
    factor = sigma_factor(found, 0)
    assert factor == pytest.approx(1.7, rel=0.05)
    figures = error_figures(found, 0, factor)
    assert figures["within_1"] == pytest.approx(0.68, abs=0.03)
    assert figures["within_2"] == pytest.approx(0.95, abs=0.02)
    assert figures["guess_median"] > figures["median"]
