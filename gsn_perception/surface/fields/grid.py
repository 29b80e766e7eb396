"""A regular grid over a box that is refined by halving coarse blocks, for coarse-to-fine sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A box divided into cells by halving coarse blocks.

    Attributes:
        origin: [3] position of the lowest corner.
        cell: Side of the finest cells.
        halvings: Number of halvings from a block to a cell.
        blocks: [3] int64 coarse blocks along each side.
    """

    origin: np.ndarray
    cell: float
    halvings: int
    blocks: np.ndarray


def halved_grid(lower: np.ndarray, upper: np.ndarray, *, resolution: int, coarsest: int) -> Grid:
    """The grid that covers a box and may reach beyond it, evenly, by less than a coarse block.

    Args:
        lower: [3] corner of the box.
        upper: [3] opposite corner.
        resolution: Finest cells along the longest side of the box.
        coarsest: Least number of blocks along it, where there are more cells.

    Raises:
        InputError: the box is empty or the resolution below 1.
    """
    lower, upper = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    if resolution < 1 or not (upper > lower).all():
        raise InputError(f"cannot extract a surface from box {lower} .. {upper} at resolution {resolution}")
    halvings = max(int(np.floor(np.log2(resolution / coarsest))), 0) if resolution > coarsest else 0
    cell = float((upper - lower).max()) / resolution
    blocks = np.maximum(np.ceil((upper - lower) / cell / (1 << halvings) - 1e-9), 1).astype(np.int64)
    return Grid(0.5 * (lower + upper) - 0.5 * cell * (blocks << halvings), cell, halvings, blocks)
