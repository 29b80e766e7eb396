"""Augmentation that keeps images and cameras consistent."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gsn_perception.gsn.network import network_input
from gsn_perception.gsn.network import roll_image
from gsn_perception.rendering import CameraBatch
from gsn_perception.training.config import Augmentation
from gsn_perception.training.data import Batch


def augment_scene(batch: Batch, settings: Augmentation, rng: np.random.Generator) -> Batch:
    """Changes of the object itself, alike in all views: mirrored, colours shuffled, brighter or darker."""
    rgb, alpha, depth, cameras = batch.rgb, batch.alpha, batch.depth, batch.cameras
    input_rgb, input_alpha = batch.input_rgb, batch.input_alpha
    if rng.random() < settings.mirror:
        flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0, 1.0], device=rgb.device))
        rgb, alpha, depth = rgb.flip(3), alpha.flip(3), depth.flip(3)
        input_rgb, input_alpha = input_rgb.flip(2), input_alpha.flip(2)
        cameras = CameraBatch(cameras.K, flip @ cameras.camera_from_object @ flip, cameras.width, cameras.height)
    B = len(rgb)
    order = np.stack([rng.permutation(3) if rng.random() < settings.permute_colors else np.arange(3) for _ in range(B)])
    gain = torch.from_numpy(rng.uniform(1 - settings.gain, 1 + settings.gain, B)).float().to(rgb.device)
    return replace(
        batch,
        rgb=_recolour(rgb, alpha, order, gain),
        alpha=alpha,
        depth=depth,
        cameras=cameras,
        input_rgb=_recolour(input_rgb, input_alpha, order, gain),
        input_alpha=input_alpha,
    )


def _recolour(rgb: Tensor, alpha: Tensor, order: np.ndarray, gain: Tensor) -> Tensor:
    """Channels of [B,...,3] shuffled and the object (not the white background) made brighter or darker."""
    white = 1 - alpha[..., None]
    gain = gain.view(-1, *(1 for _ in rgb.shape[1:]))
    shuffled = torch.stack([image[..., list(channels)] for image, channels in zip(rgb, order, strict=True)])
    return ((shuffled - white) * gain + white).clamp_(0, 1)


def roll_scene(batch: Batch, angle: Tensor) -> tuple[Batch, Tensor]:
    """The input crops rolled by ``angle`` [B], with every camera re-expressed in the rolled normalised frame.

    Returns:
        The batch (its images as they were; only ``camera_from_object`` changes) and the rolled inputs [B,5,S,S]. The
        object turns by R_z(angle), so camera_from_object' = camera_from_object R_z(-angle).
    """
    c, s = torch.cos(angle), torch.sin(angle)
    inverse = torch.eye(4, device=angle.device).repeat(len(angle), 1, 1, 1)
    inverse[:, 0, 0, 0], inverse[:, 0, 0, 1], inverse[:, 0, 1, 0], inverse[:, 0, 1, 1] = c, s, -s, c
    old = batch.cameras
    cameras = CameraBatch(old.K, old.camera_from_object @ inverse, old.width, old.height)
    image = roll_image(network_input(batch.input_rgb, batch.input_alpha), angle)
    return replace(batch, cameras=cameras), image


def degrade_input(image: Tensor, settings: Augmentation, rng: np.random.Generator) -> Tensor:
    """What a real crop suffers: pixel noise, and a strip beyond the image border that is unknown."""
    out = image.clone()
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
        out[i, :3, cut], out[i, 3, cut], out[i, 4, cut] = 1.0, 0.0, 1.0
    return out
