"""Every surface network learns a tiny set; runs stop and go on; samples and frames agree."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from gsn_perception.cli.train.surface import make_trainer
from gsn_perception.geometry import InputError
from gsn_perception.scenes.datasets.shots import ShotSettings
from gsn_perception.scenes.datasets.surface_dataset import SurfaceSettings
from gsn_perception.scenes.datasets.surface_dataset import build_surface_dataset
from gsn_perception.scenes.datasets.surface_samples import SampleCounts
from gsn_perception.scenes.objects import random_object
from gsn_perception.surface.learned.weights import load_convonet
from gsn_perception.surface.learned.weights import load_onet
from gsn_perception.surface.peif import load_peif
from gsn_perception.surface.peif import named_config
from gsn_perception.training.surface.config import CloudAugmentation
from gsn_perception.training.surface.config import SurfaceTrainConfig
from gsn_perception.training.surface.convonet import view_cloud
from gsn_perception.training.surface.convonet import whole_cloud
from gsn_perception.training.surface.data import SurfaceDataset
from gsn_perception.training.surface.latents import augment_inputs
from gsn_perception.training.surface.latents import view_images
from gsn_perception.training.surface.occupancy import THRESHOLDS
from gsn_perception.training.surface.occupancy import iou_figures
from gsn_perception.training.surface.occupancy import threshold_ious
from gsn_perception.training.surface.peif import patch_sample
from gsn_perception.training.surface.sampling import apply_similarity
from gsn_perception.training.surface.sampling import draw_queries
from gsn_perception.training.surface.sampling import random_similarity
from gsn_perception.training.surface.sampling import roll_and_mirror


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("surfaces") / "set"
    settings = SurfaceSettings(
        views=2,
        counts=SampleCounts(uniform=3000, near=3000, displaced=2000, cloud=2000),
        shots=ShotSettings(size=64, cloud=512),
    )
    sources = [partial(random_object, seed, "rounded_box") for seed in (0, 5)]
    return build_surface_dataset(sources, out, settings=settings, workers=0, progress=False)


@pytest.fixture
def config(folder, tmp_path):
    return SurfaceTrainConfig(
        model="convonet",
        config="tiny",
        data=(folder,),
        dev=folder,
        out=tmp_path / "run",
        steps=60,
        batch=4,
        queries=256,
        cloud=256,
        near=0.0,
        lr=4e-3,
        warmup=5,
        ema=0.95,
        augment=CloudAugmentation(roll=0.0, mirror=0.0, full=0.5, partial=0.0),
        precision="32-true",
        accelerator="cpu",
    )


def losses_of(trainer):
    """Every step's loss, as the trainer sees it."""
    seen, step = [], trainer._step

    def noted(batches):
        parts = step(batches)
        seen.append(float(next(iter(parts.values()))))
        return parts

    trainer._step = noted
    trainer.run()
    return seen


def test_runs_start_from_weights_of_the_same_network(config, tmp_path):
    first = make_trainer(replace(config, steps=2), progress=False)
    first.run()
    again = make_trainer(replace(config, init=first.weights, out=tmp_path / "more"), progress=False)
    for name, tensor in load_convonet(first.weights)[0].state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], tensor)
    with pytest.raises(InputError, match="other layers"):
        make_trainer(replace(config, config="lean", init=first.weights, out=tmp_path / "other"), progress=False)
    with pytest.raises(InputError, match="expected peif"):
        make_trainer(replace(config, model="peif", init=first.weights, out=tmp_path / "third"), progress=False)


def test_convonet_learns_a_tiny_set(config):
    trainer = make_trainer(config, progress=False)
    losses = losses_of(trainer)
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])
    _, info = load_convonet(trainer.weights)
    assert info["steps"] == 60
    assert info["dev"]["iou"] > 0.5
    assert info["dev"]["threshold"] in THRESHOLDS


@pytest.mark.parametrize("name", ["tiny", "lean"])
def test_onet_learns_a_tiny_set(config, name):
    """``lean`` reads the latent of the shipped Gaussian network."""
    trainer = make_trainer(replace(config, model="onet", config=name, steps=60, batch=6), progress=False)
    losses = losses_of(trainer)
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:5])
    network, info = load_onet(trainer.weights)
    assert bool(info["gsn_sha256"]) == (name == "lean")
    assert (network.encoder is None) == (name == "lean")


def test_peif_learns_a_tiny_set(config):
    trainer = make_trainer(replace(config, model="peif", config="lean", lr=5e-3, steps=80, cloud=600), progress=False)
    losses = losses_of(trainer)
    assert np.mean(losses[-10:]) < 0.85 * np.mean(losses[:5])
    network, info = load_peif(trainer.weights)
    assert network.config == named_config("lean")
    assert 0 < info["dev"]["error"] < info["dev"]["length"]


def test_an_interrupted_run_goes_on_and_foreign_ones_are_refused(config, monkeypatch):
    trainer = make_trainer(config, progress=False)
    whole, calls = trainer._step, []

    def interrupted(batches):
        calls.append(1)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return whole(batches)

    monkeypatch.setattr(trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    again = make_trainer(replace(config, resume=True, steps=6), progress=False)
    assert again.step == 4
    for a, b in zip(again.network.parameters(), trainer.network.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    again.run()
    assert again.step == 6
    with pytest.raises(InputError, match="another network"):
        make_trainer(replace(config, resume=True, config="lean"), progress=False)


def test_no_data_is_a_sentence(config):
    for model in ("onet", "convonet"):
        with pytest.raises(InputError, match="--what surface"):
            make_trainer(replace(config, model=model, data=()), progress=False)
    with pytest.raises(InputError, match="choose one of"):
        make_trainer(replace(config, config="none"), progress=False)


@pytest.mark.parametrize("make", ["whole", "view"])
def test_clouds_and_queries_share_a_frame(folder, make):
    """Queries that are known to be inside lie within the hull of a whole cloud, in whatever frame that is."""
    from scipy.spatial import Delaunay

    data, rng = SurfaceDataset(folder), np.random.default_rng(0)
    cloud, observed, T = (
        whole_cloud(data, 0, 1500, 0.0, rng) if make == "whole" else view_cloud(data, 0, 1, 400, alone=True, rng=rng)
    )
    change = random_similarity(CloudAugmentation(scale=0.2), rng)
    cloud, T = apply_similarity(change, cloud), T @ np.linalg.inv(change)
    points, inside, known = draw_queries(data, 0, T, count=800, near=0.5, half=0.75, rng=rng)
    assert known[: 800 - 100].all()
    assert not inside[800 - 100 :].any()
    hull = Delaunay(cloud).find_simplex(points) >= 0
    if make == "whole":
        assert (hull & known)[inside].mean() > 0.97
        assert inside[hull & known].mean() > 0.9
    else:  # a part of the surface; what its hull holds of the object is inside
        assert inside[hull & known].mean() > 0.8
    assert observed.all()


def test_images_and_points_are_mirrored_and_rolled_alike(folder):
    """A point of the cloud stays on the pixel that shows it."""
    data = SurfaceDataset(folder)
    objects, views = np.array([0, 1]), np.array([1, 0])
    image, theta = view_images(data, objects, views)
    roll, mirror = np.array([0.7, -1.2]), np.array([True, False])
    changed = augment_inputs(image, roll, mirror, None)
    for i in range(2):
        cloud = data.row("clouds", objects[i])[views[i]].astype(np.float64)
        for picture, points in (
            (image[i], cloud),
            (changed[i], apply_similarity(roll_and_mirror(roll[i], mirror[i]), cloud)),
        ):
            z = points[:, 2] + 0.5 / np.sin(float(theta[i]))
            focal = 32 / np.tan(1.15 * float(theta[i]))
            column, row = (np.floor(32 + focal * points[:, k] / z).astype(int) for k in (0, 1))
            assert (picture[3].numpy()[row.clip(0, 63), column.clip(0, 63)] > 0.5).mean() > 0.97


def test_patch_samples_move_with_the_object(folder):
    data = SurfaceDataset(folder)
    change = random_similarity(CloudAugmentation(scale=0.3), np.random.default_rng(2))
    plain = patch_sample(data, 0, np.eye(4), 500, 300, 0.0, np.random.default_rng(1))
    turned = patch_sample(data, 0, change, 500, 300, 0.0, np.random.default_rng(1))
    for a, b in zip(plain[:2], turned[:2], strict=True):
        np.testing.assert_allclose(apply_similarity(change, a), b, atol=1e-5)
    np.testing.assert_allclose(apply_similarity(change, plain[1] + plain[2]), turned[1] + turned[2], atol=1e-4)


def test_ious_at_thresholds():
    inside = torch.tensor([True, True, False, False])
    logits = torch.logit(torch.tensor([0.9, 0.42, 0.33, 0.01]))
    ious = threshold_ious(logits, inside)
    for value, threshold in zip(ious, THRESHOLDS, strict=True):
        found = torch.tensor([0.9, 0.42, 0.33, 0.01]) > threshold
        assert value == pytest.approx(float((found & inside).sum() / (found | inside).sum()))
    figures = iou_figures(ious[None])
    assert figures["iou"] == 1.0
    assert figures["threshold"] in (0.35, 0.4)
    assert figures["iou_at_half"] == 0.5
