"""Data augmentation of views: mirror, colour, roll, mask errors, blur, noise, simulated depth; cameras follow."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d
from torch.nn.functional import grid_sample
from torch.nn.functional import interpolate
from torch.nn.functional import max_pool2d
from torch.nn.functional import pad

from gsn_perception.gsn.layers.depth_input import relative_depth
from gsn_perception.gsn.moments import moment_roll
from gsn_perception.gsn.network import network_input
from gsn_perception.gsn.network import roll_image
from gsn_perception.rendering import CameraBatch
from gsn_perception.training.config import Augmentation
from gsn_perception.training.data import Batch


def augment_scene(batch: Batch, settings: Augmentation, rng: np.random.Generator) -> Batch:
    """Augment the object itself, alike in all views: mirror, permute colour channels, change brightness."""
    rgb, alpha, depth, cameras = batch.rgb, batch.alpha, batch.depth, batch.cameras
    input_rgb, input_alpha, input_depth = batch.input_rgb, batch.input_alpha, batch.input_depth
    upright, surface = batch.upright, batch.surface
    if rng.random() < settings.mirror:
        flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0, 1.0], device=rgb.device))
        rgb, alpha, depth = rgb.flip(3), alpha.flip(3), depth.flip(3)
        input_rgb, input_alpha = input_rgb.flip(2), input_alpha.flip(2)
        input_depth = input_depth.flip(2)
        cameras = CameraBatch(cameras.K, flip @ cameras.camera_from_object @ flip, cameras.width, cameras.height)
        upright, surface = -upright, surface * torch.tensor([-1.0, 1.0, 1.0], device=rgb.device)
    B = len(rgb)
    order = np.stack([rng.permutation(3) if rng.random() < settings.permute_colors else np.arange(3) for _ in range(B)])
    gain = torch.from_numpy(rng.uniform(1 - settings.gain, 1 + settings.gain, B)).float().to(rgb.device)
    return replace(
        batch,
        rgb=_recolour(rgb, alpha, order, gain),
        alpha=alpha,
        depth=depth,
        cameras=cameras,
        upright=upright,
        surface=surface,
        input_rgb=_recolour(input_rgb, input_alpha, order, gain),
        input_alpha=input_alpha,
        input_depth=input_depth,
    )


def _recolour(rgb: Tensor, alpha: Tensor, order: np.ndarray, gain: Tensor) -> Tensor:
    """Channels of [B,...,3] permuted, and the brightness of the object (not of the white background) changed."""
    white = 1 - alpha[..., None]
    gain = gain.view(-1, *(1 for _ in rgb.shape[1:]))
    shuffled = rgb - white
    for i in np.flatnonzero((order != np.arange(3)).any(1)).tolist():
        shuffled[i] = shuffled[i][..., order[i].tolist()]
    return shuffled.mul_(gain).add_(white).clamp_(0, 1)


def random_roll(batch: Batch, settings: Augmentation, rng: np.random.Generator) -> Tensor:
    """[B] radians by which the inputs roll, as in the pipeline.

    A part rolls by the silhouette's moments, a part by any angle, the others to upright with a small error.
    """
    B, device = len(batch.upright), batch.upright.device
    tilt = torch.from_numpy(rng.normal(0, math.radians(settings.tilt), B)).float().to(device)
    anyhow = torch.from_numpy(rng.uniform(-math.pi, math.pi, B)).float().to(device)
    way = torch.from_numpy(rng.random(B)).to(device)
    found = torch.where(way < settings.moments, moment_roll(batch.input_alpha)[0], batch.upright + tilt)
    return torch.where(way > 1 - settings.roll, anyhow, found)


def simulate_depth(batch: Batch, settings: Augmentation, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Simulated sensor depth of the input views: smooth and pixel noise, holes, missing rims, often no depth at all.

    Returns:
        Relative depth and its validity for :func:`~gsn_perception.gsn.network.network_input`, [B,T,T] each.
    """
    depth, B = batch.input_depth.clone(), len(batch.input_depth)

    def smooth(cells: int) -> Tensor:
        coarse = torch.from_numpy(rng.normal(size=(B, 1, cells, cells)).astype(np.float32)).to(depth)
        return interpolate(coarse, size=depth.shape[-1], mode="bilinear", align_corners=False)[:, 0]

    def each(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (B, 1, 1)).astype(np.float32)).to(depth)

    noise = smooth(depth.shape[-1] // 4) + 0.5 * smooth(depth.shape[-1])
    measured = depth + each(0, settings.depth_noise) * noise
    lost = smooth(16) > each(1.0, 5.0)  # holes over up to a sixth of the object
    rim = -max_pool2d(-(depth > 0).float()[:, None], 5, 1, 2)[:, 0] < 0.5
    lost |= rim & (each(0, 1) < 0.5)
    lost |= torch.from_numpy(rng.random((B, 1, 1)) >= settings.depth).to(depth.device)
    return relative_depth(torch.where(lost | (depth <= 0), torch.nan, measured), batch.input_alpha, batch.theta)


def roll_scene(batch: Batch, angle: Tensor, depth: tuple[Tensor, Tensor] | None = None) -> tuple[Batch, Tensor]:
    """The input crops rolled by ``angle`` [B], with every camera re-expressed in the rolled normalised frame.

    Args:
        batch: B objects.
        angle: [B] radians.
        depth: Relative depth and its validity, for :func:`~gsn_perception.gsn.network.network_input`.

    Returns:
        The batch (images unchanged; ``camera_from_object`` and ``surface`` change) and the rolled inputs [B,7,S,S]. The
        object rotates by R_z(angle), so camera_from_object' = camera_from_object R_z(-angle).
    """
    c, s = torch.cos(angle), torch.sin(angle)
    inverse = torch.eye(4, device=angle.device).repeat(len(angle), 1, 1, 1)
    inverse[:, 0, 0, 0], inverse[:, 0, 0, 1], inverse[:, 0, 1, 0], inverse[:, 0, 1, 1] = c, s, -s, c
    old = batch.cameras
    cameras = CameraBatch(old.K, old.camera_from_object @ inverse, old.width, old.height)
    image = roll_image(network_input(batch.input_rgb, batch.input_alpha, depth=depth), angle)
    surface = batch.surface @ inverse[:, 0, :3, :3]
    return replace(batch, cameras=cameras, surface=surface), image


def perturb_mask(image: Tensor, settings: Augmentation, rng: np.random.Generator) -> Tensor:
    """Random mask errors: silhouettes of [B,7,S,S] are displaced; added pixels show one background colour per sample."""
    B, S, device = len(image), image.shape[-1], image.device
    out = image.clone()
    size = rng.uniform(0, settings.mask_error, B) * (rng.random(B) < 0.5)
    coarse = rng.normal(size=(B, 2, 12, 12)) * size[:, None, None, None] * 2 / S
    shift = interpolate(torch.from_numpy(coarse).float().to(device), size=S, mode="bicubic", align_corners=False)
    axis = (torch.arange(S, device=device) + 0.5) / S * 2 - 1
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1) + shift.permute(0, 2, 3, 1)
    alpha = grid_sample(image[:, 3:4], grid, padding_mode="zeros", align_corners=False)
    background = torch.from_numpy(rng.random((B, 3, 1, 1))).float().to(device)
    bleeding = (alpha - image[:, 3:4]).clamp_min(0)
    kept = torch.minimum(alpha / image[:, 3:4].clamp_min(1e-3), torch.ones_like(alpha))
    out[:, :3] = 1 + (image[:, :3] - 1) * kept + (background - 1) * bleeding
    out[:, 3:4] = alpha
    if image.shape[1] > 5:
        out[:, 5:] = image[:, 5:] * (alpha > 0.5)
    return out


def blur_input(image: Tensor, settings: Augmentation, rng: np.random.Generator) -> Tensor:
    """Colours and silhouettes of [B,7,S,S] blurred by a Gaussian with a width per sample, as in resampled crops."""
    B, S = len(image), image.shape[-1]
    sigma = torch.from_numpy(rng.uniform(0.05, max(settings.blur, 0.05), B)).float().to(image.device)
    taps = torch.exp(-0.5 * (torch.arange(-2, 3, device=image.device) / sigma[:, None]) ** 2)
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(4, 0)
    planes = pad(image[:, :4].reshape(1, 4 * B, S, S), (2, 2, 2, 2), mode="replicate")
    planes = conv2d(planes, taps.view(4 * B, 1, 1, 5), groups=4 * B)
    planes = conv2d(planes, taps.view(4 * B, 1, 5, 1), groups=4 * B)
    return torch.cat([planes.view(B, 4, S, S), image[:, 4:]], 1)


def degrade_input(image: Tensor, settings: Augmentation, rng: np.random.Generator) -> Tensor:
    """Degrade inputs [B,7,S,S] like real crops: mask errors, blur, pixel noise, an unknown strip beyond the border."""
    out = blur_input(perturb_mask(image, settings, rng), settings, rng)
    sigma = rng.uniform(0, settings.noise)
    noise = torch.from_numpy(rng.normal(0, sigma, (*out[:, :3].shape,)).astype(np.float32)).to(out.device)
    out[:, :3] = (out[:, :3] + noise * out[:, 3:4]).clamp(0, 1)
    size = out.shape[-1]
    axis = (torch.arange(size, device=out.device) + 0.5) / size * 2 - 1
    for i in range(len(out)):
        if rng.random() >= settings.unknown:
            continue
        angle, edge = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 0.8)
        cut = math.cos(angle) * axis[None, :] + math.sin(angle) * axis[:, None] > edge
        out[i, :3, cut], out[i, 3, cut], out[i, 4, cut], out[i, 5:, cut] = 1.0, 0.0, 1.0, 0.0
    return out
