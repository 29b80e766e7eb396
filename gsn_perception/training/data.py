"""Reading the pre-rendered datasets made by `gsn data` (numpy memory maps only; the format is in scenes/dataset.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.object_view import FIELD_MARGIN
from gsn_perception.rendering import CameraBatch


@dataclass(frozen=True, slots=True)
class Batch:
    """B objects seen by V virtual cameras; the first is the input view, whose normalised frame all are expressed in.

    Attributes:
        rgb: [B,V,S,S,3] on white, [0, 1].
        alpha: [B,V,S,S].
        depth: [B,V,S,S] along each camera's z, units of the input's normalised frame, 0 = background.
        cameras: Of all views.
        theta: [B] half-angle of the input's cone.
        names: Of the objects.
        shapes: box, mid or open.
    """

    rgb: Tensor
    alpha: Tensor
    depth: Tensor
    cameras: CameraBatch
    theta: Tensor
    names: tuple[str, ...]
    shapes: tuple[str, ...]

    def to(self, device: torch.device) -> Batch:
        """On another device."""
        moved = {k: getattr(self, k).to(device) for k in ("rgb", "alpha", "depth", "cameras", "theta")}
        return Batch(**moved, names=self.names, shapes=self.shapes)


class ViewDataset:
    """A folder of pre-rendered views, memory mapped.

    Raises:
        InputError: the folder holds no complete dataset.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.rgb = np.load(folder / "rgb.npy", mmap_mode="r")
            self.alpha = np.load(folder / "alpha.npy", mmap_mode="r")
            self.depth = np.load(folder / "depth.npy", mmap_mode="r")
            cameras = np.load(folder / "cameras.npz")
            objects = json.loads((folder / "objects.json").read_text())
            if not json.loads((folder / "dataset.json").read_text())["complete"]:
                raise ValueError("its build was interrupted")
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder} holds no complete dataset ({error}); build it with `gsn data`") from error
        kept = np.flatnonzero(cameras["valid"])
        self.rows = kept  # rows of the arrays that hold an object
        self.world_from_virtual = cameras["world_from_virtual"][kept].astype(np.float64)
        self.theta = cameras["theta"][kept].astype(np.float64)
        self.scale = cameras["scale"][kept].astype(np.float64)
        self.names = [str(objects[i]["name"]) for i in kept]
        self.shapes = [str(objects[i]["shape"]) for i in kept]
        self.broken = [(str(o["name"]), str(o["error"])) for o in objects if o["error"]]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def views(self) -> int:
        """Views per object."""
        return self.rgb.shape[1]

    @property
    def size(self) -> int:
        """Side of the stored views in pixels."""
        return self.rgb.shape[2]

    def batch(self, objects: Sequence[int], views: np.ndarray) -> Batch:
        """Views [B,V] of ``objects``, expressed in the normalised frame of each row's first view."""
        rows = np.asarray(objects)[:, None]
        stored = self.rows[rows]
        rgb = torch.from_numpy(self.rgb[stored, views]).float().div_(255)
        alpha = torch.from_numpy(self.alpha[stored, views]).float().div_(255)
        ratio = self.scale[rows, views] / self.scale[rows, views[:, :1]]
        depth = torch.from_numpy(
            self.depth[stored, views].astype(np.float32) * ratio[..., None, None].astype(np.float32)
        )
        K, poses = self._cameras(np.asarray(objects), views)
        return Batch(
            rgb=rgb,
            alpha=alpha,
            depth=depth,
            cameras=CameraBatch(K, poses, self.size, self.size),
            theta=torch.from_numpy(self.theta[rows, views[:, :1]][:, 0]).float(),
            names=tuple(self.names[i] for i in objects),
            shapes=tuple(self.shapes[i] for i in objects),
        )

    def _cameras(self, objects: np.ndarray, views: np.ndarray) -> tuple[Tensor, Tensor]:
        """K and camera_from_object: x_j / s_i = R (p + d_i e_z) + t / s_i with (R, t) from view i to view j."""
        rows = objects[:, None]
        pose = self.world_from_virtual[rows, views]  # [B,V,4,4]
        theta = self.theta[rows, views]
        scale, distance = self.scale[objects, views[:, 0]], 0.5 / np.sin(theta[:, 0])
        relative = np.linalg.inv(pose) @ pose[:, :1]
        out = relative.copy()
        out[..., :3, 3] = relative[..., :3, 3] / scale[:, None, None] + relative[..., :3, 2] * distance[:, None, None]
        K = np.zeros((*theta.shape, 3, 3))
        K[..., 0, 0] = K[..., 1, 1] = 0.5 * self.size / np.tan(FIELD_MARGIN * theta)
        K[..., :2, 2], K[..., 2, 2] = self.size / 2, 1
        return torch.from_numpy(K).float(), torch.from_numpy(out).float()


def shape_weights(shapes: Sequence[str]) -> np.ndarray:
    """Sampling probabilities [O] halfway (in logarithm) between uniform over objects and uniform over shape classes."""
    _, index, counts = np.unique(np.asarray(shapes), return_inverse=True, return_counts=True)
    weights = 1.0 / np.sqrt(counts[index])
    return weights / weights.sum()


def random_batches(
    datasets: Sequence[ViewDataset], batch: int, views: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """Endless batches, each from one dataset in proportion to its size, objects drawn by :func:`shape_weights`."""
    sizes = np.array([len(d) for d in datasets], dtype=np.float64)
    weights = [shape_weights(d.shapes) for d in datasets]

    def draw() -> tuple[ViewDataset, np.ndarray, np.ndarray]:
        which = int(rng.choice(len(datasets), p=sizes / sizes.sum()))
        data = datasets[which]
        objects = rng.choice(len(data), size=batch, p=weights[which], replace=len(data) < batch)
        chosen = np.stack([rng.choice(data.views, size=views, replace=data.views < views) for _ in range(batch)])
        return data, objects, chosen

    with ThreadPoolExecutor(1) as pool:
        data, objects, chosen = draw()
        pending = pool.submit(data.batch, objects.tolist(), chosen)
        while True:
            data, objects, chosen = draw()
            ready, pending = pending, pool.submit(data.batch, objects.tolist(), chosen)
            yield ready.result()


def resize_views(batch: Batch, size: int) -> Batch:
    """Supervising views averaged down to ``size`` (a divisor of theirs); depth stays only where all four are known."""
    factor = batch.rgb.shape[2] // size
    if factor <= 1:
        return batch
    B, V, S = batch.alpha.shape[:3]
    rgb = batch.rgb.view(B, V, size, factor, size, factor, 3).mean((3, 5))
    alpha = batch.alpha.view(B, V, size, factor, size, factor).mean((3, 5))
    blocks = batch.depth.view(B, V, size, factor, size, factor)
    known = (blocks > 0).all(5).all(3)
    depth = torch.where(known, blocks.mean((3, 5)), torch.zeros_like(alpha))
    K = batch.cameras.K.clone()
    K[..., :2, :] *= size / S
    cameras = CameraBatch(K, batch.cameras.camera_from_object, size, size)
    return Batch(rgb, alpha, depth, cameras, batch.theta, batch.names, batch.shapes)
