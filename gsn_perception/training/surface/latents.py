"""Cache of a frozen GSN's latents for augmented copies of a dataset's views, stored in the dataset's folder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gsn_perception.gsn.layers.depth_input import relative_depth
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.network import network_input
from gsn_perception.gsn.network import roll_image
from gsn_perception.training.augment import degrade_input
from gsn_perception.training.config import Augmentation
from gsn_perception.training.surface.data import SurfaceDataset

_BATCH = 16
_TILT = 6.0  # degrees; roll error of crops in the pipeline


@dataclass(frozen=True, slots=True, eq=False)
class LatentBank:
    """Latents of every view and the augmentation of each copy; copy 0 is not augmented.

    Attributes:
        latents: [O,V,K,L] float16.
        roll: [O,V,K] radians by which the scene is rolled about the viewing axis.
        mirror: [O,V,K] bool, whether left and right are exchanged before the roll.
    """

    latents: np.ndarray
    roll: np.ndarray
    mirror: np.ndarray


def view_images(data: SurfaceDataset, objects: np.ndarray, views: np.ndarray) -> tuple[Tensor, Tensor]:
    """Network inputs [B,7,S,S] of views without augmentation, and half-angles [B]."""
    rgb, alpha = (torch.from_numpy(data.views_of(n, objects, views)).float() / 255 for n in ("rgb", "alpha"))
    depth = torch.from_numpy(data.views_of("depth", objects, views).astype(np.float32))
    theta = torch.from_numpy(data.theta[objects, views]).float()
    known = relative_depth(torch.where(depth > 0, depth, torch.nan), alpha, theta)
    return network_input(rgb, alpha, depth=known), theta


def resize_inputs(image: Tensor, size: int) -> Tensor:
    """Inputs [B,7,S,S] resized to another side in pixels."""
    if image.shape[-1] == size:
        return image
    return torch.nn.functional.interpolate(image, size=(size, size), mode="bilinear", antialias=True)


def augment_inputs(image: Tensor, roll: np.ndarray, mirror: np.ndarray, rng: np.random.Generator | None) -> Tensor:
    """Inputs [B,7,S,S] mirrored where ``mirror`` [B] is set, rolled by [B] radians and, with a generator, degraded."""
    image = torch.where(torch.from_numpy(mirror).to(image.device)[:, None, None, None], image.flip(3), image)
    image = roll_image(image, torch.from_numpy(roll).float().to(image.device))
    return image if rng is None else degrade_input(image, Augmentation(), rng)


def random_roll_mirror(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random rolls in radians and mirror flags: four fifths of the rolls are small, one fifth is by any angle."""
    roll = rng.normal(0, np.deg2rad(_TILT), shape)
    anyhow = rng.random(shape) < 0.2
    return np.where(anyhow, rng.uniform(-np.pi, np.pi, shape), roll), rng.random(shape) < 0.5


def latent_bank(
    data: SurfaceDataset, network: GSN, sha256: str, copies: int, *, device: torch.device, progress: bool = True
) -> LatentBank:
    """The latents of a dataset; read from its folder if they were stored with the same weights.

    Args:
        data: The views.
        network: In eval mode, on ``device``.
        sha256: Checksum of its weights.
        copies: K, at least 1.
        device: Device for the computation.
        progress: Whether to show a progress bar.
    """
    path = data.folder / f"latents_{data.key[:8]}_{sha256[:12]}_{copies}.npz"
    if path.is_file():
        with np.load(path) as stored:
            return LatentBank(stored["latents"], stored["roll"], stored["mirror"])
    rng = np.random.default_rng(0)
    shape = (len(data), data.views, copies)
    roll, mirror = random_roll_mirror(shape, rng)
    roll[..., 0], mirror[..., 0] = 0.0, False
    latents = np.zeros((*shape, network.config.latent_size), np.float16)
    places = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1).reshape(-1, 3)
    starts = range(0, len(places), _BATCH)
    for start in tqdm(starts, desc=f"latents {data.folder.name}", disable=not progress, ncols=100):
        part = tuple(places[start : start + _BATCH].T)
        image, theta = view_images(data, part[0], part[1])
        image = resize_inputs(image, network.config.image_size)
        worn = augment_inputs(image, roll[part], mirror[part], rng)
        plain = torch.from_numpy(part[2] == 0)[:, None, None, None]
        with torch.inference_mode():
            found = network.encode(torch.where(plain, image, worn).to(device), theta.to(device))
        latents[part] = found.float().cpu().numpy()
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, latents=latents, roll=roll, mirror=mirror)
    unfinished.replace(path)
    return LatentBank(latents, roll, mirror)
