"""The mean training object: the baseline that does not use the image."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree

from gsn_perception.evaluation.metrics.exact_surface import Surface
from gsn_perception.evaluation.views.protocol import Viewpoint
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.geometry.transforms import invert
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

GRID = 32
GAINS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0)
_COLOUR_SAMPLES = 4000


@dataclass(frozen=True, slots=True, eq=False)
class MeanObject:
    """Colour and occupancy averaged over objects in the normalised frame.

    Attributes:
        occupancy: [G,G,G] share of (object, view) pairs with a filled cell; axes x, y, z over the cube of side 1.
        colors: [G,G,G,3] their mean colour there.
        gain: Extinction: a cell's opacity is ``1 - (1 - occupancy) ** gain``.
    """

    occupancy: np.ndarray
    colors: np.ndarray
    gain: float = 0.1

    def splat(self) -> Gaussians:
        """One Gaussian per cell that is filled by any object, normalised frame."""
        opacity = 1 - (1 - np.clip(self.occupancy, 0, 0.999)) ** self.gain
        kept = opacity > 1 / 512
        count = int(kept.sum())
        return Gaussians(
            means=torch.from_numpy(np.float32(grid_points(len(self.occupancy))[kept.reshape(-1)])),
            scales=torch.full((count, 3), 0.6 / len(self.occupancy)),
            quats=torch.tensor([1.0, 0, 0, 0]).expand(count, 4).contiguous(),
            colors=torch.from_numpy(np.float32(self.colors[kept])),
            opacities=torch.from_numpy(np.float32(opacity[kept])),
        )


def grid_points(grid: int) -> np.ndarray:
    """Cell centres [G^3,3] of the cube of side 1 centred at the origin, x slowest."""
    axis = (np.arange(grid) + 0.5) / grid - 0.5
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


def mean_object(
    viewpoints: Iterable[tuple[TexturedMesh, list[Viewpoint]]], rng: np.random.Generator, *, grid: int = GRID
) -> MeanObject:
    """The average over training objects, each seen from some input viewpoints.

    Raises:
        InputError: there is no object.
    """
    cells = grid_points(grid)
    filled, total, pairs = np.zeros(len(cells)), np.zeros((len(cells), 3)), 0
    for item, views in viewpoints:
        lookup = _Solid(item, rng)
        for viewpoint in views:
            T_object_normalised = invert(viewpoint.camera_from_object) @ viewpoint.similarity
            inside, colors = lookup(transform_points(T_object_normalised, cells), 0.5 * viewpoint.scale / grid)
            filled[inside] += 1
            total[inside] += colors
            pairs += 1
    if not pairs:
        raise InputError("there is no training object to average; give a folder with at least one mesh")
    colors = np.where(filled[:, None] > 0, total / np.maximum(filled, 1)[:, None], 0.5)
    return MeanObject(filled.reshape(grid, grid, grid) / pairs, colors.reshape(grid, grid, grid, 3))


def calibrated(mean: MeanObject, score: Callable[[MeanObject], float]) -> MeanObject:
    """The mean object with the gain of the best score (on training objects)."""
    candidates = [MeanObject(mean.occupancy, mean.colors, gain) for gain in GAINS]
    return max(candidates, key=score)


class _Solid:
    """An object with an inside test and a lookup of the nearest surface colour."""

    def __init__(self, item: TexturedMesh, rng: np.random.Generator) -> None:
        mesh = item.vertex_colored()
        self._surface = Surface(mesh)
        points, face = sample_surface(mesh, _COLOUR_SAMPLES, rng)
        assert mesh.colors is not None
        self._tree = cKDTree(points)
        self._colors = mesh.colors[mesh.faces[face]].mean(axis=1)

    def __call__(self, points: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the points [N,3] inside or within ``reach`` of the surface, and their colours."""
        distance = self._surface.signed_distances(points)
        inside = np.flatnonzero(distance < reach)
        return inside, self._colors[self._tree.query(points[inside])[1]]
