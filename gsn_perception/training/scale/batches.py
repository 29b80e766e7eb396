"""Batches of the scale network: views of a data set on planes that err, with augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.object_view import FIELD_MARGIN
from gsn_perception.gsn.plane_scale.maps import PlaneCrops
from gsn_perception.training.scale.data import ScaleDataset

_GUESS = 0.02  # the quantile of the lowest points that stands on the plane in the first guess
_LOWEST = -0.05  # normalised units: a splat's lower end is at least that far below the camera


@dataclass(frozen=True, slots=True, eq=False)
class PlaneErrors:
    """Standard deviations of planes and of the guess.

    Attributes:
        offset: [B] of the camera's height, relative to it.
        tilt: [B] of the direction, radians.
        guess: Of the guessed scale, normalised units along the view.
        relief: Relative size of errors added to the splat's depth, as of objects that its network never saw.
    """

    offset: np.ndarray
    tilt: np.ndarray
    guess: float = 0.0
    relief: float = 0.0

    @classmethod
    def none(cls, count: int) -> PlaneErrors:
        """Exact planes and the guess as it is."""
        return cls(np.zeros(count), np.zeros(count))


@dataclass(frozen=True, slots=True, eq=False)
class ScaleBatch:
    """Crops on their planes, and the true corrections [B,2] of the logarithm of the guessed scale."""

    crops: PlaneCrops
    truth: Tensor


def scale_batch(
    data: ScaleDataset, objects: np.ndarray, views: np.ndarray, errors: PlaneErrors, rng: np.random.Generator
) -> ScaleBatch:
    """Views [B] of objects [B], each with a plane that errs by draws from ``errors``."""
    theta, height = data.theta[objects, views], data.height[objects, views]
    normal = tilted(data.normal[objects, views], errors.tilt, rng)
    height = height * (1 + errors.offset * rng.standard_normal(len(height)))
    distance = 0.5 / np.sin(theta)
    points = data.of("lowest", objects, views).astype(np.float64)
    warp = relief_warp(len(height), errors.relief, rng)
    points[..., 2] = _warped(points[..., 2], points[..., 0], points[..., 1], warp)
    ends = np.sort(np.einsum("bkc,bc->bk", points, normal) + (distance * normal[:, 2])[:, None], axis=1)
    rank = np.minimum(_GUESS * np.maximum(data.opaque[objects, views] - 1, 0), ends.shape[1] - 1).astype(int)
    end = np.minimum(ends[np.arange(len(rank)), rank], _LOWEST)
    end = end * np.exp(-errors.guess * rng.standard_normal(len(end)) / distance)  # a smaller guess: a larger height
    depth, moved = _warped_depth(data.of("splat_depth", objects, views), data.of("alpha", objects, views), theta, warp)
    truth = np.log(-end / height)
    truth = np.stack([truth, truth + np.log(data.surface[objects, views]) - moved / distance], axis=1)

    def pixels(name: str) -> Tensor:
        return torch.from_numpy(data.of(name, objects, views).astype(np.float32))

    def column(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32))

    crops = PlaneCrops(
        rgb=pixels("rgb").permute(0, 3, 1, 2) / 255,
        alpha=pixels("alpha") / 255,
        splat_alpha=pixels("splat_alpha") / 255,
        splat_depth=column(depth),
        theta=column(theta),
        normal=column(normal),
        height=column(-end),
        offset_error=column(errors.offset),
        tilt_error=column(errors.tilt),
    )
    return ScaleBatch(crops, column(truth))


def relief_warp(count: int, size: float, rng: np.random.Generator) -> np.ndarray:
    """[count,4] errors of splats' depth: shift, slopes along x and y, relative relief; none for some of the splats."""
    spread = size * rng.random((count, 1)) * np.array([0.06, 0.3, 0.3, 0.4])
    return np.asarray(spread * rng.standard_normal((count, 4)))


def _warped(z: np.ndarray, x: np.ndarray, y: np.ndarray, warp: np.ndarray) -> np.ndarray:
    """Depths [B,...] with the errors [B,4]."""
    shift, right, down, relief = (warp[:, i].reshape(-1, *[1] * (z.ndim - 1)) for i in range(4))
    return np.asarray(z * (1 + relief) + shift + right * x + down * y)


def _warped_depth(
    depth: np.ndarray, alpha: np.ndarray, theta: np.ndarray, warp: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Depth maps [B,S,S] with the errors [B,4], and the mean change [B] on the object."""
    depth = depth.astype(np.float32)
    if not warp.any():
        return depth, np.zeros(len(depth))
    size = depth.shape[-1]
    steps = ((np.arange(size) + 0.5) * (2 / size) - 1).astype(np.float32)
    half = (0.5 * np.tan(FIELD_MARGIN * theta) / np.sin(theta)).astype(np.float32)[:, None, None]
    warped = _warped(depth, half * steps[None, None, :], half * steps[None, :, None], warp.astype(np.float32))
    warped = np.where(depth != 0, warped, 0).astype(np.float32)
    inside = (alpha > 127) & (depth != 0)
    change = np.where(inside, warped - depth, 0).sum((1, 2)) / np.maximum(inside.sum((1, 2)), 1)
    return warped, change.astype(np.float64)


def tilted(normals: np.ndarray, sigma: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unit normals [B,3] turned in a random direction, ``sigma`` [B] radians per axis."""
    turned = normals + sigma[:, None] * np.cross(normals, rng.standard_normal(normals.shape))
    return np.asarray(turned / np.linalg.norm(turned, axis=1, keepdims=True))


def augmented(crops: PlaneCrops, rng: np.random.Generator) -> PlaneCrops:
    """Half of the crops mirrored; colours brightened, tinted, bleached and made noisy."""
    count = len(crops.theta)
    mirror = torch.from_numpy(rng.random(count) < 0.5)

    def flipped(image: Tensor) -> Tensor:
        return torch.where(mirror.view(-1, *[1] * (image.ndim - 1)), image.flip(-1), image)

    side = torch.where(mirror, -1.0, 1.0)
    normal = crops.normal * torch.stack([side, torch.ones(count), torch.ones(count)], 1)
    alpha = flipped(crops.alpha)
    white = (1 - alpha)[:, None]
    colour = flipped(crops.rgb) - white  # premultiplied
    gain = np.exp(rng.normal(0, 0.25, (count, 1)) + rng.normal(0, 0.1, (count, 3)))
    grey = torch.from_numpy(np.where(rng.random(count) < 0.15, 1.0, rng.uniform(-0.2, 0.4, count)).astype(np.float32))
    colour = colour * torch.from_numpy(gain.astype(np.float32))[:, :, None, None]
    colour = torch.lerp(colour, colour.mean(1, keepdim=True).expand_as(colour), grey[:, None, None, None])
    noise = torch.from_numpy(rng.standard_normal(colour.shape, dtype=np.float32))
    noise *= torch.from_numpy(rng.uniform(0, 0.03, (count, 1, 1, 1)).astype(np.float32)) * alpha[:, None]
    return PlaneCrops(
        rgb=(torch.minimum((colour + noise).clamp_min(0), alpha[:, None]) + white),
        alpha=alpha,
        splat_alpha=flipped(crops.splat_alpha),
        splat_depth=flipped(crops.splat_depth),
        theta=crops.theta,
        normal=normal,
        height=crops.height,
        offset_error=crops.offset_error,
        tilt_error=crops.tilt_error,
    )
