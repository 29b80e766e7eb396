"""Variants of image to splat that `gsn eval` compares: roll modes, without refinement, crops under occlusion."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from gsn_perception.evaluation.robustness.occlusion import OccludedSculptor
from gsn_perception.evaluation.robustness.quarter_turns import quarter_average
from gsn_perception.evaluation.robustness.rolls import Sculptor
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.moments import moment_roll
from gsn_perception.pipeline import Reconstructor
from gsn_perception.pipeline.inputs.upright import rolled_crop

Mode = Literal["auto", "moments", "off", "quarters"]
"""Roll modes of the pipeline; quarters averages the splats of all quarter turns of the unrolled input."""


def roll_sculptors(reconstructor: Reconstructor, modes: Sequence[Mode]) -> dict[str, Sculptor]:
    """The pipeline with each roll mode, by name."""

    def quarters(observation: Observation, label: int) -> tuple[ObjectView, Gaussians]:
        crop = _crop(reconstructor, observation, label)
        return crop.view, quarter_average(reconstructor.network, *crop.tensors(reconstructor.device))

    found: dict[str, Sculptor] = {}
    for mode in modes:
        if mode == "quarters":
            found[mode] = quarters
        else:
            found[mode] = reconstructor.with_settings(replace(reconstructor.settings, upright=mode)).sculpt
    return found


def before_refinement(reconstructor: Reconstructor) -> dict[str, Sculptor]:
    """The same weights without their pixel-aligned refinement, by name; empty if the weights have none."""
    config = reconstructor.network.config
    if not config.refine_features:
        return {}
    network = deepcopy(reconstructor.network)
    network.config, network.refiner = replace(config, refine_features=0), None
    plain = Reconstructor(network, reconstructor.device, replace(reconstructor.settings, refine_ms=0))
    return {"gsn, before refinement": plain.sculpt}


def anisotropy_of(reconstructor: Reconstructor) -> Callable[[Observation], float]:
    """Anisotropy of the silhouette of label 1 in its crop, in [0, 1]."""
    return lambda observation: float(
        moment_roll(torch.from_numpy(_crop(reconstructor, observation, 1).alpha)[None])[1][0]
    )


def occluded_sculptors(reconstructor: Reconstructor) -> dict[str, OccludedSculptor]:
    """Crop around the visible part, as in the pipeline, and crop around the true extent of the whole object."""

    def pipeline(observation: Observation, label: int, whole: ObjectView) -> tuple[ObjectView, Gaussians]:
        return reconstructor.sculpt(observation, label)

    def known(observation: Observation, label: int, whole: ObjectView) -> tuple[ObjectView, Gaussians]:
        view = replace(whole, size=reconstructor.network.config.image_size)
        crop = rolled_crop(observation, np.asarray(observation.mask == label), view, reconstructor.settings.upright)
        with torch.inference_mode():
            splat = reconstructor.network(*crop.tensors(reconstructor.device))
        return crop.view, splat.to("cpu", torch.float32)[0]

    return {"crop around what is seen": pipeline, "crop around the whole": known}


def _crop(reconstructor: Reconstructor, observation: Observation, label: int) -> Crop:
    """The crop without roll."""
    mask = np.asarray(observation.mask == label)
    return Crop.of(observation, mask, reconstructor.network.config.image_size)
