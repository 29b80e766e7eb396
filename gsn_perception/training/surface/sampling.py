"""Draws and augments training batches of clouds and queries on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeVar

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from gsn_perception.geometry.transforms import make_transform
from gsn_perception.training.batches import ObjectSampler
from gsn_perception.training.batches import prefetched
from gsn_perception.training.surface.config import CloudAugmentation
from gsn_perception.training.surface.data import SurfaceDataset

_OUTER = 8  # one in this many queries is uniform in the decoded cube
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Queries:
    """Query points with their occupancy.

    Attributes:
        points: [B,Q,3] in the frame of the network.
        inside: [B,Q] 1 or 0.
        weight: [B,Q] 0 where occupancy is unknown.
    """

    points: Tensor
    inside: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Queries:
        """On another device."""
        return Queries(self.points.to(device), self.inside.to(device), self.weight.to(device))


def apply_similarity(T: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [P,3] of any float type moved by a similarity [4,4], as float32."""
    return (points.astype(np.float64) @ T[:3, :3].T + T[:3, 3]).astype(np.float32)


def draw_queries(
    data: SurfaceDataset,
    index: int,
    unit_from_frame: np.ndarray,
    *,
    count: int,
    near: float,
    half: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Query points [Q,3] of a frame, [Q] bool inside, and [Q] bool whether that is known.

    Most come from the dataset. One in eight is uniform in the cube of side 2 ``half``: outside the object's box it is
    empty, inside the box its occupancy is unknown.
    """
    points, inside = data.row("points", index), data.row("inside", index)
    middle = len(points) // 2
    outer = count // _OUTER
    close = round(near * (count - outer))
    chosen = np.concatenate([rng.integers(middle, len(points), close), rng.integers(0, middle, count - outer - close)])
    frame_from_unit = np.linalg.inv(unit_from_frame)
    far = rng.uniform(-half, half, (outer, 3))
    beyond = (np.abs(apply_similarity(unit_from_frame, far)) > data.half[index]).any(axis=1)
    xyz = np.concatenate([apply_similarity(frame_from_unit, points[chosen]), far.astype(np.float32)])
    known = np.concatenate([np.ones(len(chosen), bool), beyond])
    return xyz, np.concatenate([inside[chosen], np.zeros(outer, bool)]), known


def random_frame(rng: np.random.Generator) -> np.ndarray:
    """[4,4] to the unit frame from a randomly rotated frame with the same centre and size."""
    return make_transform(Rotation.random(rng=rng).as_matrix(), np.zeros(3))


def roll_and_mirror(roll: float, mirror: bool) -> np.ndarray:
    """[4,4] moves points as an image that is mirrored (where asked), then rolled by ``roll`` radians about z."""
    T = np.eye(4)
    c, s = np.cos(roll), np.sin(roll)
    T[:2, :2] = [[c, -s], [s, c]]
    if mirror:
        T[:, 0] *= -1
    return T


def random_similarity(settings: CloudAugmentation, rng: np.random.Generator) -> np.ndarray:
    """[4,4] similarity that augments cloud and queries alike: mirrored in x, rolled about z, scaled."""
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < settings.roll else 0.0
    T = roll_and_mirror(angle, rng.random() < settings.mirror)
    T[:3, :3] *= np.exp(settings.scale * rng.standard_normal())
    return T


def surface_batches(
    datasets: Sequence[SurfaceDataset],
    batch: int,
    make: Callable[[SurfaceDataset, np.ndarray, np.random.Generator], T],
    rng: np.random.Generator,
) -> Iterator[T]:
    """Endless random batches, drawn and made ahead in a thread.

    Args:
        datasets: At least one; each batch comes from one of them (:class:`~gsn_perception.training.batches.ObjectSampler`).
        batch: Objects of a batch.
        make: Makes a batch from a dataset, indices of objects [B] and a random generator of its own.
        rng: Random generator.
    """
    sampler = ObjectSampler(datasets)

    def draw() -> T:
        data, objects = sampler.draw(batch, rng, repeat=True)
        return make(data, objects, np.random.default_rng(rng.integers(1 << 62)))

    return prefetched(repeat(draw))


def stack_queries(rows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Queries:
    """The queries of several objects as a batch."""
    points, inside, known = (np.stack(column) for column in zip(*rows, strict=True))
    return Queries(torch.from_numpy(points), torch.from_numpy(inside).float(), torch.from_numpy(known).float())
