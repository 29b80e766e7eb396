"""Narrow band of grid cells around a surface, found coarse to fine with a displacement field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.surface.fields.field import DisplacementField
from gsn_perception.surface.fields.grid import halved_grid

_COARSEST = 8
_BATCH = 1 << 17
CORNERS = np.array(list(np.ndindex(2, 2, 2)), dtype=np.int64)  # [8,3] corner b of a cell lies at its bits


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Cells near a surface and the displacements at their corners.

    Attributes:
        origin: [3] position of the grid's corner (0, 0, 0).
        cell: Side of a cell.
        corners: [N,3] int64 grid indices of the corners.
        vectors: [N,3] float32 displacements there.
        cells: [C,8] int64 corners of each cell, in the order of ``CORNERS``.
        queries: Number of points at which the field was evaluated.
    """

    origin: np.ndarray
    cell: float
    corners: np.ndarray
    vectors: np.ndarray
    cells: np.ndarray
    queries: int

    def positions(self) -> np.ndarray:
        """[N,3] float64 positions of the corners."""
        return self.origin + self.cell * self.corners


def narrow_band(
    field: DisplacementField,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    resolution: int,
    seeds: np.ndarray | None = None,
    slack: float = 1.2,
) -> Band:
    """The cells that the surface may pass through.

    A cell is dropped when its centre is farther from the surface than its corners are from the centre. The field is
    evaluated at most once at every point.

    Args:
        field: Displacements.
        lower: [3] corner of the box.
        upper: [3] opposite corner.
        resolution: Cells along the longest side.
        seeds: [S,3] points on the surface, e.g. the cloud, whose cells are always kept.
        slack: Factor on distances, for fields that are not exact.

    Raises:
        InputError: the box is empty or the resolution below 1.
    """
    grid = halved_grid(lower, upper, resolution=resolution, coarsest=_COARSEST)
    origin, cell, halvings, blocks = grid.origin, grid.cell, grid.halvings, grid.blocks
    seed_cells = None
    if seeds is not None:
        # half a cell to every side: a cell of which the surface cuts off only a corner may contain no seed
        places = (np.asarray(seeds, dtype=np.float64) - origin) / cell
        seed_cells = np.floor(places[:, None] + (CORNERS - 0.5)).astype(np.int64).reshape(-1, 3)
    cells = np.stack(np.meshgrid(*map(np.arange, blocks), indexing="ij"), -1).reshape(-1, 3)
    cached = _CachedField(field, origin, cell)
    for depth in range(halvings):
        side = 1 << (halvings - depth)
        distance = np.linalg.norm(cached(cells * side + side // 2), axis=1)  # a centre is a corner of the finest grid
        keep = distance <= slack * 0.5 * np.sqrt(3.0) * cell * side
        if seed_cells is not None:
            keep |= _among(cells, seed_cells // side)
        cells = (2 * cells[keep][:, None] + CORNERS).reshape(-1, 3)
    corners, index = _unique(cells[:, None] + CORNERS)
    vectors = cached(corners)
    near = np.linalg.norm(vectors, axis=1)[index].min(axis=1) <= slack * np.sqrt(3.0) * cell
    return Band(origin, cell, corners, vectors, index[near], len(cached.keys))


class _CachedField:
    """A field on grid corners that caches its values."""

    def __init__(self, field: DisplacementField, origin: np.ndarray, cell: float) -> None:
        self._field, self._origin, self._cell = field, origin, cell
        self.keys = np.zeros(0, dtype=np.int64)  # ascending
        self._vectors = np.zeros((0, 3), dtype=np.float32)

    def __call__(self, corners: np.ndarray) -> np.ndarray:
        """Displacements [N,3] at distinct corners [N,3]."""
        keys = _keys(corners)
        new = ~np.isin(keys, self.keys)
        points = (self._origin + self._cell * corners[new]).astype(np.float32)
        found = [self._field(points[i : i + _BATCH]) for i in range(0, len(points), _BATCH)]
        together = np.concatenate([self.keys, keys[new]])
        order = np.argsort(together)
        self.keys, self._vectors = together[order], np.concatenate([self._vectors, *found])[order]
        return self._vectors[np.searchsorted(self.keys, keys)]


def _keys(index: np.ndarray) -> np.ndarray:
    """One number per grid index [...,3]; indices lie between -2^20 and 2^20."""
    shifted = np.clip(index, -(1 << 20), (1 << 20) - 1) + (1 << 20)
    return (shifted[..., 0] << 42) | (shifted[..., 1] << 21) | shifted[..., 2]


def _among(cells: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.isin(_keys(cells), _keys(others))


def _unique(index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows [N,3] of indices [...,3], and the row number of each index [...]."""
    _, first, inverse = np.unique(_keys(index).ravel(), return_index=True, return_inverse=True)
    return index.reshape(-1, 3)[first], inverse.reshape(index.shape[:-1])
