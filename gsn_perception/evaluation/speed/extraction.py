"""Timing of surface extraction: MISE against dense marching cubes on known shapes, and every mesh method."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from gsn_perception.evaluation.speed.timing import median_ms
from gsn_perception.evaluation.surfaces.single_views import Finder
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.gsn.sculpted import Sculpted
from gsn_perception.surface.extraction.extract import extract_surface
from gsn_perception.surface.extraction.mise import Lattice
from gsn_perception.surface.extraction.mise import mise

_HALF = np.full(3, 0.55)
_CENTRE = np.array([0.013, -0.007, 0.021])  # off the lattice
_NEAR = 0.012
Distance = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class MiseFigures:
    """MISE against dense marching cubes, for one shape at one resolution.

    Attributes:
        share: Evaluations of the field over those of the dense lattice.
        same: Whether both meshes have the same vertices, to rounding.
        ratio: Seconds of dense sampling and extraction over those with MISE.
        ms: Milliseconds with MISE.
    """

    share: float
    same: bool
    ratio: float
    ms: float


def ball(p: np.ndarray) -> np.ndarray:
    """Distances [P] to a sphere of radius 0.4."""
    return np.asarray(np.linalg.norm(p, axis=-1) - 0.4)


def flat_box(p: np.ndarray) -> np.ndarray:
    """Distances [P] to a box of 0.9 x 0.1 x 0.6."""
    q = np.abs(p) - np.array([0.45, 0.05, 0.3])
    return np.asarray(np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0))


def handled_bowl(p: np.ndarray) -> np.ndarray:
    """Approximate distances [P] to a bowl of wall 0.03 with a handle of radius 0.02: both thinner than a coarse cell."""
    bowl = np.maximum(np.abs(np.linalg.norm(p, axis=-1) - 0.3) - 0.015, p[..., 2] - 0.05)
    ring = np.hypot(np.hypot(p[..., 0] - 0.33, p[..., 2] + 0.02) - 0.12, p[..., 1]) - 0.02
    return np.asarray(np.minimum(bowl, ring))


SHAPES: Mapping[str, tuple[Distance, bool]] = {
    "sphere": (ball, False),
    "box": (flat_box, False),
    "bowl with a handle, seeds": (handled_bowl, True),
}
"""Distance function, and whether points near the surface are given as seeds."""


def compare_mise(distance: Distance, resolution: int, *, seeded: bool, repeats: int) -> MiseFigures:
    """MISE against a dense lattice of the same corners."""

    def field(points: np.ndarray) -> np.ndarray:
        return np.asarray(-distance(points.astype(np.float64) - _CENTRE), dtype=np.float32)

    seeds = None
    if seeded:
        near = np.random.default_rng(0).uniform(-0.5, 0.5, (20_000, 3))
        seeds = near[np.abs(distance(near)) < _NEAR] + _CENTRE
    sparse, dense = [], []
    for _ in range(repeats + 1):  # the first compiles
        began = time.perf_counter()
        lattice = mise(field, -_HALF, _HALF, resolution=resolution, seeds=seeds)
        mesh = extract_surface(lattice)
        middle = time.perf_counter()
        full = extract_surface(_dense(field, lattice))
        sparse.append(middle - began)
        dense.append(time.perf_counter() - middle)
    took, other = statistics.median(sparse[1:]), statistics.median(dense[1:])
    return MiseFigures(lattice.queries / lattice.values.size, _alike(mesh, full), other / took, 1e3 * took)


def _dense(field: Callable[[np.ndarray], np.ndarray], lattice: Lattice) -> Lattice:
    shape = lattice.values.shape
    values = np.empty(shape, dtype=np.float32)
    y, z = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
    for x in range(shape[0]):  # slice by slice: the positions of 257^3 corners take 200 MB
        corners = np.stack([np.full_like(y, x), y, z], axis=-1)
        values[x] = field(lattice.positions(corners).reshape(-1, 3)).reshape(shape[1:])
    return Lattice(values, lattice.origin, lattice.cell, values.size)


def _alike(one: Mesh, other: Mesh) -> bool:
    def ordered(mesh: Mesh) -> np.ndarray:
        return mesh.vertices[np.lexsort(np.round(mesh.vertices, 5).T)]

    return len(one.vertices) == len(other.vertices) and bool(np.allclose(ordered(one), ordered(other), atol=1e-6))


def time_methods(finders: Mapping[str, Finder], frame: Observation, item: Sculpted, repeats: int) -> dict[str, float]:
    """Median milliseconds from splat and depth to the mesh, by the names of the finders."""
    return {name: median_ms(partial(find, frame, item), repeats, warm_up=1) for name, find in finders.items()}
