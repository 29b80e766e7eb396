"""Timing of PEIF, stage by stage, and its equivariance error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from gsn_perception.evaluation.speed.timing import median_ms
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.scenes.objects import random_object
from gsn_perception.surface.peif import PeifField
from gsn_perception.surface.peif import PeifNetwork
from gsn_perception.surface.peif.eigen import eigh3_entries
from gsn_perception.surface.peif.frames import degenerate
from gsn_perception.surface.peif.frames import frames_of
from gsn_perception.surface.peif.patches import PatchIndex
from gsn_perception.surface.peif.patches import pose

_OFFSETS = (0.02, 0.003)  # standard deviations of the queries' distance from the surface, half of them each
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Equivariance:
    """Difference between the displacements of a moved cloud and the moved displacements, in extents of the cloud.

    Attributes:
        patches: Number of patches over all motions.
        degenerate: Share of patches with a relative eigengap below 1e-3.
        frames: Mean number of frames per patch.
        p50: Median error over all patches.
        p95: 95th percentile over all patches.
        largest: Largest error over all patches.
        sound_p95: 95th percentile over the patches that are not degenerate; NaN where all are.
        sound_largest: Largest error over these patches.
    """

    patches: int
    degenerate: float
    frames: float
    p50: float
    p95: float
    largest: float
    sound_p95: float
    sound_largest: float


def bench_clouds(count: int, seed: int) -> dict[str, np.ndarray]:
    """Clouds [count,3] float32 of extent 1 at the origin: sphere, box, cube faces as lattices, procedural objects."""
    rng = np.random.default_rng(seed)
    ball = rng.standard_normal((count, 3))
    ball *= 0.5 / np.linalg.norm(ball, axis=1, keepdims=True)
    clouds = {"sphere": ball, "box": _box(count, rng), "lattice cube": _lattice(count)}
    for number in range(3):
        thing = random_object(seed + number)
        points = sample_surface(thing.mesh, count, rng)[0].astype(np.float64)
        clouds[thing.name] = points
    return {name: _unit(points) for name, points in clouds.items()}


def _unit(points: np.ndarray) -> np.ndarray:
    low, high = points.min(axis=0), points.max(axis=0)
    return ((points - 0.5 * (low + high)) / (high - low).max()).astype(np.float32)


def _box(count: int, rng: np.random.Generator) -> np.ndarray:
    half = np.array([0.5, 0.35, 0.2])
    areas = half.prod() / half
    axis = rng.choice(3, count, p=areas / areas.sum())
    points = rng.uniform(-1, 1, (count, 3)) * half
    points[np.arange(count), axis] = rng.choice([-1, 1], count) * half[axis]
    return points


def _lattice(count: int) -> np.ndarray:
    """The faces of a cube as square lattices: flat, with equal eigenvalues and ties."""
    side = max(int(np.sqrt(count / 6)), 4)
    u = (np.arange(side) + 0.5) / side - 0.5
    a, b = (x.ravel() for x in np.meshgrid(u, u, indexing="ij"))
    faces = [np.stack([a, b, np.full_like(a, s)], axis=1) for s in (-0.5, 0.5)]
    return np.concatenate([np.roll(face, turn, axis=1) for face in faces for turn in range(3)])


def queries_near(cloud: np.ndarray, count: int, seed: int) -> np.ndarray:
    """[count,3] float32 random positions near points of the cloud."""
    rng = np.random.default_rng(seed)
    spread = np.resize(_OFFSETS, count)[:, None]
    return (cloud[rng.choice(len(cloud), count)] + spread * rng.standard_normal((count, 3))).astype(np.float32)


def time_peif(network: PeifNetwork, cloud: np.ndarray, queries: np.ndarray, repeats: int) -> dict[str, float]:
    """Median milliseconds for all queries: ``total`` (a call of the field), its stages, and torch's decompositions.

    ``of it eigen`` is the decomposition alone; ``torch.linalg.svd`` and ``eigh`` get the same float32 matrices.
    """
    config = network.config
    index, field = PatchIndex(cloud), PeifField(network, cloud)
    with torch.inference_mode():
        patches = index.patches(queries, config.neighbours, fade=config.fade)
        poses = pose(patches)
        frames = frames_of(poses)
        centred = poses.points * poses.weights[..., None].sqrt()
        matrices = centred.mT @ centred
        entries = matrices.reshape(-1, 9).T[[0, 4, 8, 1, 2, 5]].contiguous()  # as pose() has them
        times = {
            "patch search": median_ms(
                lambda: index.patches(queries, config.neighbours, fade=config.fade), repeats, warm_up=1
            ),
            "pose": median_ms(lambda: pose(patches), repeats, warm_up=1),
            "of it eigen": median_ms(lambda: eigh3_entries(entries), repeats, warm_up=1),
            "frames": median_ms(lambda: frames_of(poses), repeats, warm_up=1),
            "network": median_ms(lambda: network.displacements(poses, frames, batch=256), repeats, warm_up=1),
        }
        times["total"] = median_ms(lambda: field(queries), repeats, warm_up=1)
        times["torch.linalg.svd"] = median_ms(lambda: torch.linalg.svd(matrices), repeats, warm_up=1)
        times["torch.linalg.eigh"] = median_ms(lambda: torch.linalg.eigh(matrices), repeats, warm_up=1)
    return times


def eigen_figures(times: Mapping[str, float]) -> dict[str, float]:
    """Share of the eigen stage in the total, and its speedup over torch's two decompositions."""
    eigen = times["of it eigen"]
    return {
        "share": eigen / times["total"],
        "times svd": times["torch.linalg.svd"] / eigen,
        "times eigh": times["torch.linalg.eigh"] / eigen,
    }


def equivariance_error(
    network: PeifNetwork, cloud: np.ndarray, queries: np.ndarray, motions: int, seed: int
) -> Equivariance:
    """Compare the network's displacements for a moved cloud with the moved displacements, in float32, for every patch.

    Args:
        network: float32.
        cloud: [P,3] float32 of extent 1 at the origin.
        queries: [Q,3] float32.
        motions: Random rotations, every other one with a reflection, and translations within +-1; moved coordinates are
            rounded to float32.
        seed: Of the motions.
    """
    rng = np.random.default_rng(seed)
    moved, flawed, frames = _displacements(network, cloud, queries)
    errors = []
    for number in range(motions):
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        turn *= np.linalg.det(turn) * (-1 if number % 2 else 1)
        shift = rng.uniform(-1, 1, 3)
        again, _, _ = _displacements(network, *((x @ turn.T + shift).astype(np.float32) for x in (cloud, queries)))
        errors.append(np.linalg.norm(again - moved @ turn.T, axis=1))
    error = np.stack(errors)
    sound = error[:, ~flawed] if not flawed.all() else np.full((1, 1), np.nan)
    return Equivariance(
        patches=error.size,
        degenerate=float(flawed.mean()),
        frames=frames / len(queries),
        p50=float(np.quantile(error, 0.5)),
        p95=float(np.quantile(error, 0.95)),
        largest=float(error.max()),
        sound_p95=float(np.quantile(sound, 0.95)),
        sound_largest=float(sound.max()),
    )


@torch.inference_mode()
def _displacements(network: PeifNetwork, cloud: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Displacements [Q,3] float64, which patches are degenerate [Q], and the number of frames."""
    index = PatchIndex(cloud)
    found, flawed, count = [], [], 0
    for start in range(0, len(queries), _BLOCK):
        some = queries[start : start + _BLOCK]
        poses = pose(index.patches(some, network.config.neighbours, fade=network.config.fade))
        frames = frames_of(poses)
        found.append(network.displacements(poses, frames, batch=256).double().numpy())
        flawed.append(degenerate(poses).numpy())
        count += len(frames.weight)
    return np.concatenate(found), np.concatenate(flawed), count
