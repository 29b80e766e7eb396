"""Combined fields (a field carved and filled by a depth view), and the tight box around a field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.surface.fields.carver import Carver
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.fields.field import Field

_COARSE = 20  # cells along the longest side of the coarse search
_FREE = -0.06  # units: farther in free space than this, a point's value is the distance alone (several cells of a grid)


class CarvedField:
    """A field without the free space of cameras, and with material behind the surfaces that they measured.

    Args:
        field: Any.
        view: Surface and free space that the camera saw, in the frame of the field.
        others: The same of further views, of the same image size.
        tolerance: Distance of the cut in front of the measured surface; units of the frame.
        fill: Least thickness behind the measured surface, the same units; 0: none.
        steepness: Units of the field per unit of length near cuts, so that they can lie between lattice points.
        level: The value of the field's surface.
    """

    def __init__(
        self,
        field: Field,
        view: DepthView,
        *,
        others: Sequence[DepthView] = (),
        tolerance: float = 0.0,
        fill: float = 0.0,
        steepness: float = 100.0,
        level: float = 0.0,
    ) -> None:
        self._field, self._level = field, level
        views = [view, *others]
        self._carver = Carver(views, truncation=0.1, whole=False)
        self._tolerance, self._steepness = np.float32(tolerance), np.float32(steepness)
        self._behind: Carver | None = None
        measured = [v for v in views if np.isfinite(v.depth).any()]
        if fill > 0 and measured:
            backs = [np.where(np.isfinite(v.depth), v.depth + np.float32(fill), np.nan) for v in measured]
            layers = [DepthView(v.camera, back) for v, back in zip(measured, backs, strict=True)]
            self._behind = Carver(layers, truncation=0.5, whole=False)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values [P] at points [P,3]."""
        seen = self._carver(points)
        value = self._scaled(seen + self._tolerance)
        near = np.flatnonzero(seen > _FREE)  # no surface farther out: the field is not asked there
        value[near] = np.minimum(self._field(points[near]), value[near])
        if self._behind is not None:
            value = np.maximum(value, self._scaled(np.minimum(seen, -self._behind(points))))
        return value

    def _scaled(self, length: np.ndarray) -> np.ndarray:
        return np.float32(self._level) + self._steepness * length


def tight_box(
    field: Field, lower: np.ndarray, upper: np.ndarray, *, level: float, seeds: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Corners [3] of a box around all coarse lattice points that are inside, and around the seeds; within the given box.

    Raises:
        InputError: no point is inside.
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
    """A coarse lattice [L,3] over a box, and its spacing."""
    cell = float((upper - lower).max()) / _COARSE
    axes = [np.linspace(a, b, max(int(round((b - a) / cell)), 1) + 1) for a, b in zip(lower, upper, strict=True)]  # noqa: RUF046
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3), cell
