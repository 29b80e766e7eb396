"""Fields made of fields."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.surface.fields.carver import Carver
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.fields.field import Field

_COARSE = 20  # cells along the longest side when looking for what there is


class CarvedField:
    """A field with what a camera saw past cut away, and with material put where the camera saw a surface.

    Args:
        field: Any.
        view: What the camera knows of surface and free space, in the frame of the field.
        tolerance: How far before the measured surface the cut is; units of the frame.
        fill: Least thickness behind the measured surface, the same units; 0 puts nothing there.
        steepness: Units of the field per unit of length about cuts, so that they are placed between lattice points.
        level: The field's surface.
    """

    def __init__(
        self,
        field: Field,
        view: DepthView,
        *,
        tolerance: float = 0.0,
        fill: float = 0.0,
        steepness: float = 100.0,
        level: float = 0.0,
    ) -> None:
        self._field, self._level = field, level
        self._carver = Carver([view], truncation=0.1, whole=False)
        self._tolerance, self._steepness = np.float32(tolerance), np.float32(steepness)
        self._behind: Carver | None = None
        if fill > 0 and np.isfinite(view.depth).any():
            back = np.where(np.isfinite(view.depth), view.depth + np.float32(fill), np.nan)
            self._behind = Carver([DepthView(view.camera, back)], truncation=0.5, whole=False)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values [P] at points [P,3]."""
        seen = self._carver(points)
        value = np.minimum(self._field(points), self._scaled(seen + self._tolerance))
        if self._behind is not None:
            value = np.maximum(value, self._scaled(np.minimum(seen, -self._behind(points))))
        return value

    def _scaled(self, length: np.ndarray) -> np.ndarray:
        return np.float32(self._level) + self._steepness * length


def tight_box(
    field: Field, lower: np.ndarray, upper: np.ndarray, *, level: float, seeds: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Corners [3] of a box around all that a coarse look finds inside, and around the seeds; within the given one.

    Raises:
        InputError: there is nothing.
    """
    lower, upper = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    points, cell = coarse_points(lower, upper)
    found = points[field(points.astype(np.float32)) > level]
    if seeds is not None and len(seeds):
        found = np.concatenate([found, seeds])
    if not len(found):
        raise InputError("the field is empty: no point of it is inside; use other weights or input")
    reach = 1.25 * cell
    return np.maximum(found.min(axis=0) - reach, lower), np.minimum(found.max(axis=0) + reach, upper)


def coarse_points(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, float]:
    """A coarse lattice [L,3] over a box, to find where there is anything, and its spacing."""
    cell = float((upper - lower).max()) / _COARSE
    axes = [np.linspace(a, b, max(int(round((b - a) / cell)), 1) + 1) for a, b in zip(lower, upper, strict=True)]  # noqa: RUF046
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3), cell
