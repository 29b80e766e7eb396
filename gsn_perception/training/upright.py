"""Training of the network that finds up in a crop (:mod:`gsn_perception.gsn.upright`)."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from tqdm import tqdm

from gsn_perception.geometry.errors import InputError
from gsn_perception.gsn.network import network_input
from gsn_perception.gsn.network import roll_image
from gsn_perception.gsn.upright import SIDE
from gsn_perception.gsn.upright import Upright
from gsn_perception.gsn.upright import load_upright
from gsn_perception.gsn.upright import save_upright
from gsn_perception.gsn.upright import small_crop
from gsn_perception.training.augment import degrade_input
from gsn_perception.training.config import Augmentation
from gsn_perception.training.data import ViewDataset
from gsn_perception.training.data import upright_roll
from gsn_perception.training.ema import Ema


@dataclass(frozen=True, slots=True)
class UprightConfig:
    """A run of some minutes on the sets of `gsn data`."""

    data: tuple[Path, ...] = ()
    """Training dataset folders made by `gsn data`."""
    dev: Path | None = None
    """Dataset folder whose angles are judged at the end."""
    out: Path = Path("runs/upright")
    """Where upright.safetensors goes."""
    init: Path | None = None
    """Weights to go on from."""
    width: int = 16
    """Channels of the first convolution."""
    minutes: float = 8.0
    """Length of the schedule; an interrupted run keeps what it has."""
    batch: int = 64
    """Crops a step."""
    lr: float = 2e-3
    """Peak learning rate (Adam, cosine)."""
    augment: Augmentation = field(default_factory=Augmentation)
    """Augmentation of looks; rolls are any angle."""
    seed: int = 0
    """Seed of everything random."""


@dataclass(frozen=True, slots=True)
class AngleErrors:
    """Absolute errors of the roll on one set, degrees.

    Attributes:
        median: Half of the crops are better.
        within_20: Share of crops within 20 degrees.
        spread: Median over crops of the largest disagreement between rolled copies of one crop, rolled back.
    """

    median: float
    within_20: float
    spread: float


def train_upright(config: UprightConfig, *, progress: bool = True) -> AngleErrors | None:
    """Train, write OUT/upright.safetensors, and judge on dev where one is given.

    Raises:
        InputError: there is no training data.
    """
    if not config.data:
        raise InputError("no training data: give --data with one or more folders built by `gsn data`")
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    sets = [ViewDataset(Path(d)) for d in config.data]
    network = Upright(config.width) if config.init is None else load_upright(config.init)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=1e-3)
    ema = Ema(network, 0.995)
    pool = _Pool(sets)
    began, steps, smooth = time.monotonic(), 0, 0.5
    bar = tqdm(total=100.0, unit="%", desc="upright", ncols=100, disable=not progress)
    try:
        while (share := (time.monotonic() - began) / (60 * config.minutes)) < 1:
            for group in optimiser.param_groups:
                group["lr"] = config.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
            loss = _step(network, optimiser, *pool.draw(config.batch, config.augment, rng))
            ema.update(network)
            steps += 1
            bar.update(100 * share - bar.n)
            smooth = 0.98 * smooth + 0.02 * loss
            bar.set_postfix(step=steps, loss=f"{smooth:.3f}", refresh=False)
    except KeyboardInterrupt:
        tqdm.write("interrupted; what was learned so far is kept")
    bar.close()
    average = Upright(config.width)
    average.load_state_dict(ema.state)
    errors = None if config.dev is None else angle_errors(average.eval(), ViewDataset(config.dev), rng)
    config.out.mkdir(parents=True, exist_ok=True)
    info = {"steps": steps, "seed": config.seed, "objects": [len(s) for s in sets]}
    dev = {} if errors is None else {"dev": {"median": errors.median, "within_20": errors.within_20}}
    save_upright(config.out / "upright.safetensors", ema.state, config.width, {**info, **dev})
    return errors


def _step(network: Upright, optimiser: torch.optim.Optimizer, crop: Tensor, angle: Tensor) -> float:
    """Squared error of the unit vector: its mean is short where several angles are as likely."""
    network.train()
    loss = mse_loss(network(crop), torch.stack([torch.sin(angle), torch.cos(angle)], -1))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.detach())


class _Pool:
    """Every view of some sets at 64 px in memory, as colour over white, silhouette and upright roll."""

    def __init__(self, sets: Sequence[ViewDataset]) -> None:
        images, angles = [], []
        for data in sets:
            level = data.level(SIDE)
            rgba = np.concatenate([level.rgb, level.alpha[..., None]], -1)[data.rows]
            images.append(rgba.reshape(-1, SIDE, SIDE, 4))
            angles.append(upright_roll(data.world_from_virtual).reshape(-1))
        self.images = torch.from_numpy(np.concatenate(images)).permute(0, 3, 1, 2)  # [M,4,S,S] uint8
        self.angles = np.concatenate(angles)

    def draw(self, count: int, settings: Augmentation, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Crops [B,5,64,64] at any roll, a third of them near upright, and their upright rolls [B]."""
        index = rng.integers(len(self.angles), size=count)
        image = self.images[torch.from_numpy(index)].float().div_(255)
        upright, mirrored = self.angles[index], rng.random(count) < settings.mirror
        image[torch.from_numpy(mirrored)] = image[torch.from_numpy(mirrored)].flip(-1)
        upright = np.where(mirrored, -upright, upright)
        near = rng.normal(0, math.radians(8), count)
        left = np.where(rng.random(count) < 0.35, near, rng.uniform(-math.pi, math.pi, count))
        rgb, alpha = image[:, :3] - 1 + image[:, 3:], image[:, 3]
        for i in np.flatnonzero(rng.random(count) < settings.permute_colors):
            rgb[i] = rgb[i, rng.permutation(3)]
        rgb = rgb * torch.from_numpy(rng.uniform(1 - settings.gain, 1 + settings.gain, (count, 1, 1, 1))).float()
        crop = network_input((rgb + 1 - alpha[:, None]).clamp(0, 1).permute(0, 2, 3, 1), alpha)
        rolled = small_crop(roll_image(crop, torch.from_numpy(upright - left).float()))
        crop = degrade_input(rolled, settings, rng).contiguous(memory_format=torch.channels_last)
        return crop, torch.from_numpy(left).float()


@torch.no_grad()
def angle_errors(network: Upright, data: ViewDataset, rng: np.random.Generator, *, copies: int = 4) -> AngleErrors:
    """How well and how consistently the rolls of a set's crops are found."""
    errors, spreads = [], []
    for index in range(len(data)):
        views = rng.choice(data.views, size=4, replace=False)
        batch = data.batch([index] * len(views), views[:, None])
        image = network_input(batch.input_rgb, batch.input_alpha)
        angle, _ = network.roll(image)
        errors.append(_apart(angle, batch.upright))
        turns = torch.from_numpy(rng.uniform(-math.pi, math.pi, copies)).float()
        again = torch.stack([network.roll(roll_image(image, t.expand(len(image))))[0] + t for t in turns])
        spreads.append(_apart(again, angle).amax(0))
    error, spread = torch.cat(errors), torch.cat(spreads)
    return AngleErrors(float(error.median()), float((error < 20).float().mean()), float(spread.median()))


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """Angle between directions, degrees."""
    return torch.rad2deg(torch.atan2(torch.sin(a - b), torch.cos(a - b)).abs())
