"""Multi-resolution iso-surface extraction (MISE): an octree that samples a field only near its surface.

Occupancy Networks (Mescheder et al., CVPR 2019): a voxel is *active* when one of its corners lies at or above the level
and one at or below; active voxels split in eight and only their new corners are queried. Two additions: voxels that
contain a *seed* (a Gaussian's centre, an observed point) are active, too, so that parts thinner than a coarse voxel are
found. And a voxel is tested with every known corner on its closed faces, including those queried for finer neighbours,
so that a surface is followed where it leaves the refined region. Before the last halving, which takes most queries, the
active voxels tell how many triangles it will give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from gsn_perception.surface.fields.field import Field
from gsn_perception.surface.fields.grid import Grid
from gsn_perception.surface.fields.grid import halved_grid

_COARSEST = 16
_BATCH = 1 << 17
_TRIANGLES = 8.8  # of marching cubes per active voxel of two cells along an edge; 8.1 to 9.4 in reconstructions
_AIM = 0.97  # of the triangles asked for, where the grid is coarsened
_MOST = 2.5  # times the triangles asked for: a finer grid than that was meant to be decimated


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """A field sampled at the corners of a regular grid.

    Attributes:
        values: [X+1,Y+1,Z+1] float32; corners that were not queried have a neighbour's value.
        origin: [3] position of the corner (0, 0, 0).
        cell: Side of a cell.
        queries: Number of points at which the field was evaluated for it.
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
    max_triangles: int | None = None,
) -> Lattice:
    """Sample ``field`` around its ``level`` set inside a box.

    Args:
        field: Points [P,3] to values [P], larger inside.
        lower: [3] corner of the box.
        upper: [3] opposite corner; the lattice may reach beyond the box by less than a coarse cell.
        level: The value of the surface.
        resolution: Cells along the longest side of the box.
        seeds: [S,3] positions whose cells are always refined.
        coarsest: Least number of cells along the longest side in the first round.
        max_triangles: The resolution is lowered, not below twice ``coarsest``, where somewhat more are expected.

    Returns:
        The lattice, as if sampled densely at ``resolution`` wherever the surface passes.

    Raises:
        InputError: the box is empty or the resolution below 1.
    """
    while True:
        grid = halved_grid(lower, upper, resolution=resolution, coarsest=coarsest)
        octree = _Octree(field, grid, level)
        octree.mark_seeds(seeds)
        if max_triangles is not None and grid.halvings:
            octree.refine(grid.halvings - 1)
            expected = _TRIANGLES * octree.active(grid.halvings - 1)
            if max_triangles < expected < _MOST * max_triangles:
                resolution = max(int(resolution * (_AIM * max_triangles / expected) ** 0.5), 2 * coarsest)
                max_triangles, coarsest = None, coarsest * 3 // 4  # as many halvings as before
                continue
        octree.refine(grid.halvings)
        return Lattice(_propagate(octree.values), grid.origin, grid.cell, octree.queries)


class _Octree:
    """Voxel flags per depth that can still be split (0 = coarsest), and the lattice of known corner values (NaN = unknown)."""

    def __init__(self, field: Field, grid: Grid, level: float) -> None:
        self.field, self.origin, self.cell, self.level = field, grid.origin, grid.cell, level
        halvings, cells = grid.halvings, grid.blocks << grid.halvings
        self.strides = [1 << (halvings - d) for d in range(halvings)]
        shapes = [tuple(cells // s) for s in self.strides]
        self.values = np.full(tuple(cells + 1), np.nan, dtype=np.float32)
        self.low = [np.full(s, np.inf, dtype=np.float32) for s in shapes]
        self.high = [np.full(s, -np.inf, dtype=np.float32) for s in shapes]
        self.seeded = [np.zeros(s, dtype=bool) for s in shapes]
        self.leaf = [np.full(s, d == 0) for d, s in enumerate(shapes)]
        self.coarsest = 1 << halvings
        self.queries = 0

    def mark_seeds(self, seeds: np.ndarray | None) -> None:
        """Mark the voxels that contain a seed, at every depth."""
        if seeds is None or not len(seeds):
            return
        index = np.floor((np.asarray(seeds, dtype=np.float64) - self.origin) / self.cell).astype(np.int64)
        index = index[((index >= 0) & (index < np.array(self.values.shape) - 1)).all(axis=1)]
        for stride, seeded in zip(self.strides, self.seeded, strict=True):
            seeded[tuple((index // stride).T)] = True

    def refine(self, halvings: int) -> None:
        if not self.queries:
            axes = (np.arange(0, n, self.coarsest, dtype=np.int32) for n in self.values.shape)
            self._query(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
        while (corners := self._split(halvings)) is not None:
            self._query(corners)

    def active(self, depth: int) -> int:
        """Number of voxels of a depth that the surface passes through, as far as known, and that are not split yet."""
        low, high = self.low[depth] <= self.level, self.high[depth] >= self.level
        return int(np.count_nonzero(self.leaf[depth] & low & high))

    def _split(self, halvings: int) -> np.ndarray | None:
        """Split the active voxels of the first depths; the unknown corners [M,3] of their parts, or None if there were none.

        A part that is known to be active already is split at once. The order does not matter: more known corners only make
        more voxels active.
        """
        corners, busy = [], False
        for depth, stride in enumerate(self.strides[:halvings]):
            finer = self.leaf[depth + 1] if depth + 1 < len(self.leaf) else self.leaf[depth][:0]
            voxels = _split_active(
                self.leaf[depth], self.low[depth], self.high[depth], self.seeded[depth], self.level, finer
            )
            corners.append(_new_corners(self.values, voxels, stride // 2))
            busy |= len(voxels) > 0
        return np.concatenate(corners) if busy else None

    def _query(self, corners: np.ndarray) -> None:
        """Evaluate the field at corners [M,3] and update the bounds of every voxel with them on its closed faces."""
        for start in range(0, len(corners), _BATCH):
            part = corners[start : start + _BATCH]
            answer = np.asarray(self.field(_positions(part, self.origin, self.cell)), dtype=np.float32)
            _record(part, answer, self.values)
            self.queries += len(part)
            for stride, low, high in zip(self.strides, self.low, self.high, strict=True):
                _update_bounds(part, answer, stride, low, high)


@numba.njit(nogil=True, cache=True)
def _positions(corners: np.ndarray, origin: np.ndarray, cell: float) -> np.ndarray:
    out = np.empty(corners.shape, np.float32)
    for c in range(len(corners)):
        for k in range(3):
            out[c, k] = origin[k] + cell * corners[c, k]
    return out


@numba.njit(nogil=True, cache=True)
def _record(corners: np.ndarray, answer: np.ndarray, values: np.ndarray) -> None:
    for c in range(len(corners)):
        values[corners[c, 0], corners[c, 1], corners[c, 2]] = answer[c]


@numba.njit(nogil=True, cache=True)
def _split_active(
    leaf: np.ndarray, low: np.ndarray, high: np.ndarray, seeded: np.ndarray, level: float, finer: np.ndarray
) -> np.ndarray:
    """The active leaves [N,3] of a depth, which become eight leaves each of the next depth (empty if that is the last)."""
    X, Y, Z = leaf.shape
    out = np.empty((leaf.size, 3), np.int32)
    count = 0
    for x in range(X):
        for y in range(Y):
            for z in range(Z):
                if leaf[x, y, z] and (seeded[x, y, z] or (low[x, y, z] <= level and high[x, y, z] >= level)):
                    leaf[x, y, z] = False
                    out[count, 0], out[count, 1], out[count, 2] = x, y, z
                    count += 1
    if len(finer):
        for v in range(count):
            x, y, z = 2 * out[v, 0], 2 * out[v, 1], 2 * out[v, 2]
            finer[x : x + 2, y : y + 2, z : z + 2] = True
    return out[:count].copy()


@numba.njit(nogil=True, cache=True)
def _new_corners(values: np.ndarray, voxels: np.ndarray, half: int) -> np.ndarray:
    """Unknown corners [M,3] among the 27 of each voxel's eight children, each once (marked by +inf)."""
    out = np.empty((27 * len(voxels), 3), dtype=np.int32)
    count = 0
    for v in range(len(voxels)):
        x, y, z = 2 * voxels[v, 0], 2 * voxels[v, 1], 2 * voxels[v, 2]
        for i in range(x * half, (x + 2) * half + 1, half):
            for j in range(y * half, (y + 2) * half + 1, half):
                for k in range(z * half, (z + 2) * half + 1, half):
                    if np.isnan(values[i, j, k]):
                        values[i, j, k] = np.inf
                        out[count, 0], out[count, 1], out[count, 2] = i, j, k
                        count += 1
    return out[:count].copy()


@numba.njit(nogil=True, cache=True)
def _update_bounds(corners: np.ndarray, answer: np.ndarray, stride: int, low: np.ndarray, high: np.ndarray) -> None:
    shift = 0  # the stride is a power of 2
    while 1 << shift < stride:
        shift += 1
    mask = stride - 1
    X, Y, Z = low.shape
    for c in range(len(corners)):
        i, j, k, value = corners[c, 0], corners[c, 1], corners[c, 2], answer[c]
        x, y, z = i >> shift, j >> shift, k >> shift
        for a in range(max(x - 1, 0) if i & mask == 0 else x, min(x + 1, X)):
            for b in range(max(y - 1, 0) if j & mask == 0 else y, min(y + 1, Y)):
                for d in range(max(z - 1, 0) if k & mask == 0 else z, min(z + 1, Z)):
                    if value < low[a, b, d]:
                        low[a, b, d] = value
                    if value > high[a, b, d]:
                        high[a, b, d] = value


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
