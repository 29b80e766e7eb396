"""Refinement in the pipeline: of every object of a frame, only where the settings give time for it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsn_perception import Observation
from gsn_perception import Reconstructor
from gsn_perception.evaluation.metrics.image_metrics import psnr
from gsn_perception.evaluation.views.splat_images import splat_images
from gsn_perception.pipeline import ReconstructorSettings
from gsn_perception.scenes.demo import demo_table

STEPS = 6


@pytest.fixture(scope="module")
def plain() -> Reconstructor:
    return Reconstructor.from_pretrained(device="cpu", settings=ReconstructorSettings(engine="torch"))


@pytest.fixture(scope="module")
def frame() -> Observation:
    return demo_table(2, 1, 5)[0]


def test_every_object_fits_its_crop_better(plain: Reconstructor, frame: Observation) -> None:
    crops = list(plain.prepare(frame).crops.values())
    patient = plain.with_settings(replace(plain.settings, refine_ms=1e6, refine_steps=STEPS))
    before, after = plain.infer(crops), patient.infer(crops)
    assert len(after) == len(crops) == 2
    for crop, was, now in zip(crops, before, after, strict=True):
        images = [splat_images(splat, [crop.view.normalised_camera])[0][0] for splat in (was, now)]
        known = crop.unknown < 0.5
        assert psnr(images[1], crop.rgb, known) > psnr(images[0], crop.rgb, known) + 1
        still = (now.means == was.means).all(1)
        assert 0.1 < still.float().mean() < 0.9  # those that the camera does not see
    alone = patient.infer(crops[1:])[0]  # whatever else is in the frame
    assert (alone.means - after[1].means).abs().max() < 1e-3
    assert (alone.means - after[1].means).abs().mean() < 1e-5


def test_no_time_no_change(plain: Reconstructor, frame: Observation) -> None:
    crops = list(plain.prepare(frame).crops.values())
    hurried = plain.with_settings(replace(plain.settings, refine_ms=1e-6))
    for was, now in zip(plain.infer(crops), hurried.infer(crops), strict=True):
        assert torch.equal(was.means, now.means)
        assert torch.equal(was.colors, now.colors)


def test_scale_and_confidence_are_those_of_the_refined_splat(plain: Reconstructor, frame: Observation) -> None:
    patient = plain.with_settings(replace(plain.settings, refine_ms=1e6, refine_steps=STEPS))
    crops = patient.prepare(frame).crops
    refined = dict(zip(crops, patient.infer(list(crops.values())), strict=True))
    items = patient.splats(frame)
    assert len(items) == 2
    for item in items:
        assert torch.equal(item.splat.means, refined[item.label].means)
        _, alpha = splat_images(item.splat, [item.crop.view.normalised_camera])
        np.testing.assert_allclose(item.seen.alpha, alpha[0], atol=1e-5)
        assert item.splat.confidence is not None
