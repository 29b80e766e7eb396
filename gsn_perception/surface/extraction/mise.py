"""Multi-resolution iso-surface extraction (MISE): an octree that samples a field only near its surface.

Occupancy Networks (Mescheder et al., CVPR 2019): a voxel is *active* when one of its corners lies at or above the level
and one at or below; active voxels split in eight and only their new corners are queried. Two additions: voxels that
contain a *seed* (a Gaussian's centre, an observed point) are active, too, so that parts thinner than a coarse voxel are
found. And a voxel is tested with every known corner on its closed faces, including those queried for finer neighbours,
so that a surface is followed where it leaves the refined region.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from gsn_perception.surface.fields.field import Field
from gsn_perception.surface.fields.grid import halved_grid

_COARSEST = 16
_BATCH = 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """A field sampled at the corners of a regular grid.

    Attributes:
        values: [X+1,Y+1,Z+1] float32; corners that were not queried have a neighbour's value.
        origin: [3] position of the corner (0, 0, 0).
        cell: Side of a cell.
        queries: Number of points at which the field was evaluated.
    """

    values: np.ndarray
    origin: np.ndarray
    cell: float
    queries: int

    def positions(self, corners: np.ndarray) -> np.ndarray:
        """Positions [...,3] float32 of (fractional) corner indices [...,3]."""
        return (self.origin + self.cell * np.asarray(corners, dtype=np.float64)).astype(np.float32)


def mise(
    field: Field,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    level: float = 0.0,
    resolution: int = 64,
    seeds: np.ndarray | None = None,
    coarsest: int = _COARSEST,
) -> Lattice:
    """Sample ``field`` around its ``level`` set inside a box.

    Args:
        field: Points [P,3] to values [P], larger inside.
        lower: [3] corner of the box.
        upper: [3] opposite corner; the lattice covers the box and may reach beyond it by less than a coarse cell.
        level: The value of the surface.
        resolution: Cells along the longest side of the box.
        seeds: [S,3] positions whose cells are always refined.
        coarsest: Least number of cells along the longest side in the first round.

    Returns:
        The lattice, as if sampled densely at ``resolution`` wherever the surface passes.

    Raises:
        InputError: the box is empty or the resolution below 1.
    """
    grid = halved_grid(lower, upper, resolution=resolution, coarsest=coarsest)
    octree = _Octree(field, grid.origin, grid.cell, grid.blocks << grid.halvings, grid.halvings, level)
    octree.mark_seeds(seeds)
    octree.refine()
    return Lattice(_propagate(octree.values), grid.origin, grid.cell, octree.queries)


class _Octree:
    """Voxel flags per depth (0 = coarsest) and the lattice of known corner values (NaN = unknown)."""

    def __init__(
        self, field: Field, origin: np.ndarray, cell: float, cells: np.ndarray, halvings: int, level: float
    ) -> None:
        self.field, self.origin, self.cell, self.level = field, origin, cell, level
        self.strides = [1 << (halvings - d) for d in range(halvings + 1)]
        shapes = [tuple(cells // s) for s in self.strides]
        self.values = np.full(tuple(cells + 1), np.nan, dtype=np.float32)
        self.low = [np.full(s, np.inf, dtype=np.float32) for s in shapes]
        self.high = [np.full(s, -np.inf, dtype=np.float32) for s in shapes]
        self.seeded = [np.zeros(s, dtype=bool) for s in shapes]
        self.leaf = [np.zeros(s, dtype=bool) for s in shapes]
        self.leaf[0][:] = True
        self.queries = 0

    def mark_seeds(self, seeds: np.ndarray | None) -> None:
        """Mark the voxels that contain a seed, at every depth."""
        if seeds is None or not len(seeds):
            return
        index = np.floor((np.asarray(seeds, dtype=np.float64) - self.origin) / self.cell).astype(np.int64)
        index = index[((index >= 0) & (index < np.array(self.values.shape) - 1)).all(axis=1)]
        for stride, seeded in zip(self.strides, self.seeded, strict=True):
            seeded[tuple((index // stride).T)] = True

    def refine(self) -> None:
        """Split active voxels, coarse to fine, until none is left."""
        step = self.strides[0]
        corners = np.stack(np.meshgrid(*(np.arange(0, n, step) for n in self.values.shape), indexing="ij"), axis=-1)
        self._query(corners.reshape(-1, 3).astype(np.int32))
        while True:
            busy = False
            for depth in range(len(self.strides) - 1):
                active = self.leaf[depth] & (
                    ((self.low[depth] <= self.level) & (self.high[depth] >= self.level)) | self.seeded[depth]
                )
                voxels = np.argwhere(active).astype(np.int32)
                if len(voxels):
                    busy = True
                    self._split(depth, voxels)
            if not busy:
                return

    def _split(self, depth: int, voxels: np.ndarray) -> None:
        self.leaf[depth][tuple(voxels.T)] = False
        half = self.strides[depth + 1]
        for offset in np.ndindex(2, 2, 2):
            self.leaf[depth + 1][tuple((2 * voxels + np.array(offset, dtype=np.int32)).T)] = True
        self._query(_new_corners(self.values, voxels, half))

    def _query(self, corners: np.ndarray) -> None:
        """Evaluate the field at corners [M,3] and update the bounds of every voxel with them on its closed faces."""
        for start in range(0, len(corners), _BATCH):
            part = corners[start : start + _BATCH]
            positions = (self.origin + self.cell * part).astype(np.float32)
            answer = np.asarray(self.field(positions), dtype=np.float32)
            self.values[tuple(part.T)] = answer
            self.queries += len(part)
            for stride, low, high in zip(self.strides, self.low, self.high, strict=True):
                _update_bounds(part, answer, stride, low, high)


@numba.njit(nogil=True, cache=True)
def _new_corners(values: np.ndarray, voxels: np.ndarray, half: int) -> np.ndarray:
    """Unknown corners [M,3] among the 27 of each voxel's eight children, each once (marked by +inf)."""
    out = np.empty((27 * len(voxels), 3), dtype=np.int32)
    count = 0
    for v in range(len(voxels)):
        for a in range(27):
            i = (2 * voxels[v, 0] + a // 9) * half
            j = (2 * voxels[v, 1] + a // 3 % 3) * half
            k = (2 * voxels[v, 2] + a % 3) * half
            if np.isnan(values[i, j, k]):
                values[i, j, k] = np.inf
                out[count, 0], out[count, 1], out[count, 2] = i, j, k
                count += 1
    return out[:count].copy()


@numba.njit(nogil=True, cache=True)
def _update_bounds(corners: np.ndarray, answer: np.ndarray, stride: int, low: np.ndarray, high: np.ndarray) -> None:
    """Update the lowest and highest known value per voxel of one depth."""
    for c in range(len(corners)):
        i, j, k = corners[c, 0], corners[c, 1], corners[c, 2]
        for x in range((i - 1) // stride if i % stride == 0 else i // stride, i // stride + 1):
            for y in range((j - 1) // stride if j % stride == 0 else j // stride, j // stride + 1):
                for z in range((k - 1) // stride if k % stride == 0 else k // stride, k // stride + 1):
                    if min(x, y, z) >= 0 and x < low.shape[0] and y < low.shape[1] and z < low.shape[2]:
                        low[x, y, z] = min(low[x, y, z], answer[c])
                        high[x, y, z] = max(high[x, y, z], answer[c])


@numba.njit(nogil=True, cache=True)
def _propagate(values: np.ndarray) -> np.ndarray:
    """Fill unknown corners with the value of the previous corner along x, then y, then z."""
    X, Y, Z = values.shape
    for i in range(1, X):
        for j in range(Y):
            for k in range(Z):
                if np.isnan(values[i, j, k]):
                    values[i, j, k] = values[i - 1, j, k]
    for i in range(X):
        for j in range(1, Y):
            for k in range(Z):
                if np.isnan(values[i, j, k]):
                    values[i, j, k] = values[i, j - 1, k]
    for i in range(X):
        for j in range(Y):
            for k in range(1, Z):
                if np.isnan(values[i, j, k]):
                    values[i, j, k] = values[i, j, k - 1]
    return values
