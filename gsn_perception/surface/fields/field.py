"""Implicit fields: the common interface ``Field`` and ``DisplacementField``, and the occupancy of a splat.

A field maps points in the frame of the object to one value per point, larger inside: the occupancy of a splat, the logit
of an Occupancy Network, a signed distance. A displacement field maps points to vectors to the nearest point of the
surface and has no inside; :mod:`gsn_perception.surface.extraction.closing` makes a field from it. Code that extracts,
colours or measures a surface does not depend on the kind of field.
"""

from __future__ import annotations

from typing import Protocol

import numba
import numpy as np

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.rendering.cpu.pool import parallel_ranges

MIN_CONTRIBUTION = 1.0 / 255.0
_MAX_ENTRIES = 4_000_000
_BLOCK = 2048  # points per thread and block


class Field(Protocol):
    """A scalar field: larger values are farther inside."""

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values [P] float32 at points [P,3] in the frame of the object."""
        ...


class DisplacementField(Protocol):
    """A field of vectors to the surface (PEIF section 3: F(q) = x - q, x the nearest surface point)."""

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Vectors [Q,3] float32 from points [Q,3] to the surface, in the frame and units of the object."""
        ...


class GaussianField:
    """The occupancy ``1 - prod_i (1 - alpha_i G_i(x))`` of a splat, G_i normalised to 1 at its mean.

    A Gaussian counts within ``cutoff`` standard deviations and where it is above 1/255. A uniform grid lists for each
    cell the Gaussians whose bounds overlap it.

    Args:
        gaussians: Unbatched splat, any units.
        cutoff: Mahalanobis distance beyond which a Gaussian is zero.

    Raises:
        InputError: the splat is batched, or no Gaussian is above 1/255.
    """

    def __init__(self, gaussians: Gaussians, *, cutoff: float = 3.0) -> None:
        if gaussians.opacities.dim() != 1:
            raise InputError("an occupancy field needs one splat; index the batch first")
        gaussians = gaussians.detach().to("cpu")
        opacity = gaussians.opacities.numpy().astype(np.float64)
        keep = opacity > MIN_CONTRIBUTION
        if not keep.any():
            raise InputError(
                "the splat has no opaque content: every Gaussian is below 1/255; use other weights or input"
            )
        reach = np.minimum(cutoff, np.sqrt(2.0 * np.log(opacity[keep] / MIN_CONTRIBUTION)))  # [N] Mahalanobis
        covariance = gaussians.covariances().numpy().astype(np.float64)[keep]
        means = gaussians.means.numpy().astype(np.float64)[keep]
        extent = reach[:, None] * np.sqrt(np.einsum("nii->ni", covariance))  # [N,3] half bounds
        self._origin = (means - extent).min(axis=0)
        size = (means + extent).max(axis=0) - self._origin
        self._cell, self._shape = _grid(size, extent)
        low = np.floor((means - extent - self._origin) / self._cell).astype(np.int64)
        high = np.floor((means + extent - self._origin) / self._cell).astype(np.int64)
        low, high = np.clip(low, 0, self._shape - 1), np.clip(high, 0, self._shape - 1)
        self._starts, self._members = _cell_lists(low, high, self._shape)
        inverse = np.linalg.inv(covariance + 1e-12 * extent.max() ** 2 * np.eye(3))
        upper = inverse[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]  # xx xy xz yy yz zz
        self._table = np.column_stack([means, upper, opacity[keep], reach**2]).astype(np.float32)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Occupancy [P] in [0, 1] at points [P,3]."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        origin = self._origin.astype(np.float32)
        inverse_cell = np.float32(1.0 / self._cell)
        out: np.ndarray = np.zeros(len(points), dtype=np.float32)
        grid = (self._table, self._starts, self._members, origin, inverse_cell, self._shape)

        def work(begin: int, end: int) -> None:
            _occupancy(points[begin:end], *grid, out[begin:end])

        parallel_ranges(work, len(points), _BLOCK)
        return out


def _grid(size: np.ndarray, extent: np.ndarray) -> tuple[float, np.ndarray]:
    """Cell side and cells per axis: a typical Gaussian spans about three cells, and the lists stay small."""
    cell = max(float(np.median(extent)) * 2.0 / 3.0, float(size.max()) / 96.0, 1e-9)
    while np.prod(2.0 * extent / cell + 1.0, axis=1).sum() > _MAX_ENTRIES:
        cell *= 1.25
    return cell, np.maximum(np.ceil(size / cell), 1).astype(np.int64)


@numba.njit(nogil=True, cache=True)
def _cell_lists(low: np.ndarray, high: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gaussians per cell in compressed-row format: ``members[starts[c]:starts[c + 1]]``."""
    starts = np.zeros(shape[0] * shape[1] * shape[2] + 1, dtype=np.int64)
    members = np.empty(0, dtype=np.int32)
    for fill in range(2):
        if fill == 1:
            starts = np.cumsum(starts)
            members = np.empty(starts[-1], dtype=np.int32)
            cursor = starts[:-1].copy()
        for n in range(len(low)):
            for i in range(low[n, 0], high[n, 0] + 1):
                for j in range(low[n, 1], high[n, 1] + 1):
                    for k in range(low[n, 2], high[n, 2] + 1):
                        c = (i * shape[1] + j) * shape[2] + k
                        if fill == 0:
                            starts[c + 1] += 1
                        else:
                            members[cursor[c]] = n
                            cursor[c] += 1
    return starts, members


@numba.njit(nogil=True, cache=True, fastmath=True)
def _occupancy(
    points: np.ndarray,
    table: np.ndarray,
    starts: np.ndarray,
    members: np.ndarray,
    origin: np.ndarray,
    inverse_cell: np.float32,
    shape: np.ndarray,
    out: np.ndarray,
) -> None:
    for p in range(len(points)):
        i = int(np.floor((points[p, 0] - origin[0]) * inverse_cell))
        j = int(np.floor((points[p, 1] - origin[1]) * inverse_cell))
        k = int(np.floor((points[p, 2] - origin[2]) * inverse_cell))
        if i < 0 or j < 0 or k < 0 or i >= shape[0] or j >= shape[1] or k >= shape[2]:
            continue
        c = (i * shape[1] + j) * shape[2] + k
        clear = np.float32(1.0)
        for m in range(starts[c], starts[c + 1]):
            g = table[members[m]]
            x, y, z = points[p, 0] - g[0], points[p, 1] - g[1], points[p, 2] - g[2]
            squared = x * (g[3] * x + 2 * (g[4] * y + g[5] * z)) + y * (g[6] * y + 2 * g[7] * z) + g[8] * z * z
            if squared <= g[10]:
                clear *= np.float32(1.0) - g[9] * np.exp(np.float32(-0.5) * squared)
        out[p] = np.float32(1.0) - clear
