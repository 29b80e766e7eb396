"""Reads datasets of pre-rendered views made by `gsn data`, and draws training batches from them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.object_view import FIELD_MARGIN
from gsn_perception.rendering import CameraBatch
from gsn_perception.training.batches import ObjectSampler
from gsn_perception.training.batches import prefetched
from gsn_perception.training.dataset_folder import DatasetFolder


@dataclass(frozen=True, slots=True)
class Batch:
    """B objects in V views. The first is the input view; everything is expressed in its normalised frame.

    Attributes:
        rgb: [B,V,S,S,3] on white, [0, 1].
        alpha: [B,V,S,S].
        depth: [B,V,S,S] along each camera's z, units of the input's normalised frame, 0 = background.
        cameras: Cameras of all views.
        theta: [B] half-angle of the input's cone.
        upright: [B] radians by which the input view must roll to bring the world's up direction to the top.
        surface: [B,P,3] samples of the true surface, normalised frame.
        input_rgb: [B,T,T,3] the input view at the dataset's full size, on white.
        input_alpha: [B,T,T].
        input_depth: [B,T,T] along the input camera's z, units of its normalised frame, 0 = background.
        names: Names of the objects.
        shapes: box, mid or open.
    """

    rgb: Tensor
    alpha: Tensor
    depth: Tensor
    cameras: CameraBatch
    theta: Tensor
    upright: Tensor
    surface: Tensor
    input_rgb: Tensor
    input_alpha: Tensor
    input_depth: Tensor
    names: tuple[str, ...]
    shapes: tuple[str, ...]

    def to(self, device: torch.device) -> Batch:
        """On another device."""
        names = ["rgb", "alpha", "depth", "cameras", "theta", "upright", "surface"]
        names += ["input_rgb", "input_alpha", "input_depth"]
        moved = {k: getattr(self, k).to(device) for k in names}
        return Batch(**moved, names=self.names, shapes=self.shapes)


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """All views of a dataset at one resolution."""

    rgb: np.ndarray  # [O, V, S, S, 3] uint8
    alpha: np.ndarray  # [O, V, S, S] uint8
    depth: np.ndarray  # [O, V, S, S] float16


def _unit(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).float().div_(255)


def _shrink(level: _Level, factor: int) -> _Level:
    """Box averages; depth is kept only if all of a box is known. One object at a time, to save memory."""
    count, V, S = level.alpha.shape[:3]
    small = S // factor
    rgb = np.empty((count, V, small, small, 3), np.uint8)
    alpha, depth = np.empty((count, V, small, small), np.uint8), np.empty((count, V, small, small), np.float16)
    for i in range(count):
        boxes = (V, small, factor, small, factor)
        rgb[i] = np.round(level.rgb[i].reshape(*boxes, 3).mean((2, 4), dtype=np.float32))
        alpha[i] = np.round(level.alpha[i].reshape(boxes).mean((2, 4), dtype=np.float32))
        z = level.depth[i].astype(np.float32).reshape(boxes)
        depth[i] = np.where((z > 0).all((2, 4)), z.mean((2, 4)), 0)
    return _Level(rgb, alpha, depth)


class ViewDataset(DatasetFolder):
    """A folder of pre-rendered views, memory mapped (format: scenes/datasets/views_dataset.py).

    Raises:
        InputError: the folder holds no complete dataset of views.
    """

    kind = "views"
    array_names = ("rgb", "alpha", "depth", "points")
    column_names = ("world_from_virtual", "theta", "scale")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.full = _Level(*(self.arrays[n] for n in ("rgb", "alpha", "depth")))
        self.points = self.arrays["points"]
        self.world_from_virtual, self.theta, self.scale = (self.columns[n] for n in self.column_names)
        self._levels = {self.size: self.full}

    @property
    def views(self) -> int:
        """Views per object."""
        return self.full.rgb.shape[1]

    @property
    def size(self) -> int:
        """Side of the stored views in pixels."""
        return self.full.rgb.shape[2]

    def level(self, size: int) -> _Level:
        """The views averaged down to ``size`` pixels (a divisor of the stored size), computed once and kept in memory."""
        if size not in self._levels:
            if size < 1 or self.size % size:
                raise InputError(f"views of {self.size} px can't be averaged down to {size}; choose a divisor")
            self._levels[size] = _shrink(self.full, self.size // size)
        return self._levels[size]

    def batch(self, objects: Sequence[int], views: np.ndarray, size: int | None = None) -> Batch:
        """Views [B,V] of ``objects`` at ``size`` px, in the normalised frame of each row's first view."""
        level = self.level(size or self.size)
        rows = np.asarray(objects)[:, None]
        stored, first = self.rows[rows], (self.rows[np.asarray(objects)], views[:, 0])
        ratio = (self.scale[rows, views] / self.scale[rows, views[:, :1]])[..., None, None]
        K, poses = self._cameras(np.asarray(objects), views, level.rgb.shape[2])
        return Batch(
            rgb=_unit(level.rgb[stored, views]),
            alpha=_unit(level.alpha[stored, views]),
            depth=torch.from_numpy(level.depth[stored, views].astype(np.float32) * ratio.astype(np.float32)),
            cameras=CameraBatch(K, poses, level.rgb.shape[2], level.rgb.shape[2]),
            theta=torch.from_numpy(self.theta[rows, views[:, :1]][:, 0]).float(),
            upright=torch.from_numpy(upright_roll(self.world_from_virtual[rows[:, 0], views[:, 0]])).float(),
            surface=self._surface(np.asarray(objects), views[:, 0]),
            input_rgb=_unit(self.full.rgb[first]),
            input_alpha=_unit(self.full.alpha[first]),
            input_depth=torch.from_numpy(self.full.depth[first].astype(np.float32)),
            names=tuple(self.names[i] for i in objects),
            shapes=tuple(self.shapes[i] for i in objects),
        )

    def _surface(self, objects: np.ndarray, first: np.ndarray) -> Tensor:
        """Samples of the surface in the normalised frame: x = s (p + d e_z) in the first view's camera."""
        pose = self.world_from_virtual[objects, first]
        seen = (self.points[self.rows[objects]] - pose[:, None, :3, 3]) @ pose[:, :3, :3]
        seen /= self.scale[objects, first][:, None, None]
        seen[..., 2] -= 0.5 / np.sin(self.theta[objects, first])[:, None]
        return torch.from_numpy(seen).float()

    def _cameras(self, objects: np.ndarray, views: np.ndarray, size: int) -> tuple[Tensor, Tensor]:
        """K and camera_from_object: x_j / s_i = R (p + d_i e_z) + t / s_i with (R, t) from view i to view j."""
        rows = objects[:, None]
        pose = self.world_from_virtual[rows, views]  # [B,V,4,4]
        theta = self.theta[rows, views]
        scale, distance = self.scale[objects, views[:, 0]], 0.5 / np.sin(theta[:, 0])
        relative = np.linalg.inv(pose) @ pose[:, :1]
        out = relative.copy()
        out[..., :3, 3] = relative[..., :3, 3] / scale[:, None, None] + relative[..., :3, 2] * distance[:, None, None]
        K = np.zeros((*theta.shape, 3, 3))
        K[..., 0, 0] = K[..., 1, 1] = 0.5 * size / np.tan(FIELD_MARGIN * theta)
        K[..., :2, 2], K[..., 2, 2] = size / 2, 1
        return torch.from_numpy(K).float(), torch.from_numpy(out).float()


def upright_roll(world_from_camera: np.ndarray) -> np.ndarray:
    """[...] radians by which images from poses [...,4,4] must roll (x to y, y down) to be upright.

    0 for views straight from above or below, where upright is undefined.
    """
    down = -world_from_camera[..., 2, :3]  # the world's -z along the camera's axes
    return np.where(np.hypot(down[..., 0], down[..., 1]) > 1e-6, np.arctan2(down[..., 0], down[..., 1]), 0.0)


def first_views(batch: Batch, count: int) -> Batch:
    """The batch with its first ``count`` views only."""
    cameras, keep = batch.cameras, slice(None, count)
    fewer = CameraBatch(cameras.K[:, keep], cameras.camera_from_object[:, keep], cameras.width, cameras.height)
    return replace(batch, rgb=batch.rgb[:, keep], alpha=batch.alpha[:, keep], depth=batch.depth[:, keep], cameras=fewer)


def random_batches(
    datasets: Sequence[ViewDataset], batch: int, views: int, size: Callable[[], int], rng: np.random.Generator
) -> Iterator[Batch]:
    """Endless random batches of views, prepared ahead in a thread.

    Args:
        datasets: At least one; each batch comes from one of them (:class:`~gsn_perception.training.batches.ObjectSampler`).
        batch: Objects of a batch.
        views: Views of an object, the input view included.
        size: Returns the side of the supervising views in pixels; called before every batch.
        rng: Random generator.
    """
    sampler = ObjectSampler(datasets)

    def jobs() -> Iterator[Callable[[], Batch]]:
        while True:
            data, objects = sampler.draw(batch, rng)
            chosen = np.stack([rng.choice(data.views, size=views, replace=data.views < views) for _ in range(batch)])
            yield partial(data.batch, objects.tolist(), chosen, size())

    return prefetched(jobs())
