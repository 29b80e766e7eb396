"""Errors of a scale network on a data set, and the factor that makes its standard deviations honest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from gsn_perception.gsn.plane_scale.maps import plane_maps
from gsn_perception.gsn.plane_scale.network import ScaleNetwork
from gsn_perception.training.scale.batches import PlaneErrors
from gsn_perception.training.scale.batches import scale_batch
from gsn_perception.training.scale.data import ScaleDataset

_CHUNK = 32
_ELEVATIONS = np.deg2rad((12.0, 68.0))  # of views that count: a robot's camera looks down, not straight
_SHARES = ((0.68, 1.0), (0.95, 2.0))


@dataclass(frozen=True, slots=True, eq=False)
class Corrections:
    """Estimates on a data set.

    Attributes:
        error: [N,2] of the logarithm of the scale.
        sigma: [N,2] stated standard deviations.
        before: [N,2] errors of the guess.
    """

    error: np.ndarray
    sigma: np.ndarray
    before: np.ndarray


@torch.no_grad()
def corrections(
    network: ScaleNetwork, data: ScaleDataset, errors: tuple[float, float] = (0.0, 0.0), *, seed: int = 0
) -> Corrections:
    """The network's estimates of every view from a usual elevation.

    Args:
        network: In eval mode.
        data: Views.
        errors: Standard deviations of the planes: of the height relative to it, and of the direction in radians.
        seed: Of these errors.
    """
    rng = np.random.default_rng(seed)
    elevation = np.arccos(np.clip(-data.normal[..., 2], -1, 1))
    elevation = np.pi / 2 - elevation
    usual = (elevation >= _ELEVATIONS[0]) & (elevation <= _ELEVATIONS[1])
    objects, views = np.nonzero(usual)
    parts: list[tuple[np.ndarray, ...]] = []
    for first in range(0, len(objects), _CHUNK):
        chosen = slice(first, first + _CHUNK)
        count = len(objects[chosen])
        stated = PlaneErrors(np.full(count, errors[0]), np.full(count, errors[1]))
        batch = scale_batch(data, objects[chosen], views[chosen], stated, rng)
        device = next(network.parameters()).device
        shift, log_sigma = (t.cpu() for t in network(*(t.to(device) for t in plane_maps(batch.crops))))
        distance = (0.5 / torch.sin(batch.crops.theta))[:, None]
        found = (shift / distance - batch.truth, torch.exp(log_sigma) / distance, -batch.truth)
        parts.append(tuple(t.double().numpy() for t in found))
    return Corrections(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def sigma_factor(found: Corrections, column: int) -> float:
    """The factor of the standard deviations with which about 68 % of the errors lie within one, 95 % within two."""
    return honest_factor(np.abs(found.error[:, column]) / found.sigma[:, column])


def honest_factor(ratio: np.ndarray) -> float:
    """That factor for errors over stated standard deviations [N]."""
    wanted = [np.quantile(ratio, share) / times for share, times in _SHARES]
    return float(np.exp(np.mean(np.log(wanted))))


def error_figures(found: Corrections, column: int, factor: float) -> dict[str, float]:
    """Median and 90 % quantile of the error, those of the guess, and shares within one and two standard deviations."""
    error, sigma = np.abs(found.error[:, column]), factor * found.sigma[:, column]
    before = np.abs(found.before[:, column])
    return {
        "median": float(np.median(error)),
        "error_90": float(np.quantile(error, 0.9)),
        "guess_median": float(np.median(before)),
        "guess_90": float(np.quantile(before, 0.9)),
        "within_1": float((error <= sigma).mean()),
        "within_2": float((error <= 2 * sigma).mean()),
    }
