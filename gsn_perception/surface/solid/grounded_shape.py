"""Implicit shapes that end on the support plane under the object, and reach it where the object stands on it.

Fields are queried through :class:`~gsn_perception.surface.solid.ground_warp.GroundWarp`, so that they stay in the range
they were trained on however tall the object is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import split_similarity
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.fields.carver import Carver
from gsn_perception.surface.fields.combined import coarse_points
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.fields.field import Field
from gsn_perception.surface.solid.ground_warp import GroundWarp
from gsn_perception.surface.solid.mirrored_columns import MirroredColumns


class GroundedField:
    """A field that is warped to its support plane and cut there.

    Args:
        field: In the frame of the guess.
        ground: The plane and the map.
        seen: Signed distances [P] of real points [P,3], negative in the free space of a camera; or None.
        columns: Signed distances [P], positive where there is material below measured points; or None.
        level: The value of the field's surface.
        steepness: Units of the field per unit of length near the cuts.
    """

    def __init__(
        self,
        field: Field,
        ground: GroundWarp,
        seen: Field | None = None,
        columns: Field | None = None,
        *,
        level: float = 0.0,
        steepness: float = 100.0,
    ) -> None:
        self._columns = columns
        self._field, self._ground, self._seen = field, ground, seen
        self._level, self._steepness = np.float32(level), np.float32(steepness)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values [P] at points [P,3]."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        cut = self._ground.height(points).astype(np.float32)
        if self._seen is not None and (len(self._ground.heights) or self._columns is not None):
            cut = np.minimum(cut, self._seen(points))
        value = np.full(len(points), -self._steepness, np.float32)
        above = cut > -0.1  # farther below, the cut alone decides
        value[above] = self._field(self._ground.to_field(points[above]))
        if self._columns is not None:
            value[above] = np.maximum(value[above], self._level + self._steepness * self._columns(points[above]))
        return np.minimum(value, self._level + self._steepness * cut)


@dataclass(frozen=True, slots=True, eq=False)
class ObjectSupport:
    """The plane under an object and what was seen of the object above it, in one frame and its units.

    Attributes:
        plane: The support plane.
        lowest_seen: Height of the lowest point of the object that the camera saw.
        stands: Whether the object stands on the plane; otherwise its shape is only cut there.
        measured: [P,3] measured points of its surface.
    """

    plane: Plane
    lowest_seen: float
    stands: bool = True
    measured: np.ndarray = attribute(default_factory=lambda: np.zeros((0, 3), np.float32))

    def transform(self, T: np.ndarray) -> ObjectSupport:
        """Moved by a similarity transform [4,4]."""
        scale = split_similarity(T)[2]
        return ObjectSupport(
            self.plane.transform(T), scale * self.lowest_seen, self.stands, transform_points(T, self.measured)
        )


def grounded_shape(
    shape: ImplicitShape,
    support: ObjectSupport,
    view: DepthView | None = None,
    *,
    others: Sequence[DepthView] = (),
    steepness: float = 100.0,
) -> tuple[ImplicitShape, GroundWarp]:
    """The shape cut at its support plane, and warped to reach it where the object stands on it.

    Args:
        shape: The guess of a network or a splat, in its frame.
        support: The plane and what was seen above it, in the same frame.
        view: Free space of the camera, which is also cut from the stretched part.
        others: The same of further views.
        steepness: Units of the field per unit of length near the cuts.

    Returns:
        The shape of the real object, and the map between both.

    Raises:
        InputError: the shape is empty, or no part of it is above the plane.
    """
    points, cell = coarse_points(shape.lower, shape.upper)
    inside = points[shape.field(points.astype(np.float32)) > shape.level]
    if shape.seeds is not None and len(shape.seeds):
        inside = np.concatenate([inside, shape.seeds.astype(np.float64)])
    if not len(inside):
        raise InputError("the field is empty: no point of it is inside; use other weights or input")
    end = float(support.plane.height(inside).min()) - 0.5 * cell
    ground = GroundWarp.of(support.plane, support.lowest_seen if support.stands else 0.0, end)
    real = ground.to_real(inside)
    real = real[ground.height(real) > -cell]
    if not len(real):
        raise InputError("the object lies below its support plane; check the plane, or that depth and colour agree")
    seen = None if view is None else Carver([view, *others], truncation=0.1, whole=False)
    columns = None
    if support.stands and len(support.measured):
        columns = MirroredColumns(support.measured, support.plane)
        real = np.concatenate([real, support.measured])
    field = GroundedField(shape.field, ground, seen, columns, level=shape.level, steepness=steepness)
    reach = 1.25 * cell
    stretch = np.abs(ground.plane.normal) * (ground.stretch - 1.0) * cell
    seeds = None if shape.seeds is None else _above(ground.to_real(shape.seeds), ground)
    low, high = real.min(axis=0) - reach - stretch, real.max(axis=0) + reach + stretch
    return ImplicitShape(field, low, high, shape.level, seeds), ground


def unwarped(mesh: Mesh, ground: GroundWarp | None) -> Mesh:
    """The mesh mapped back to the frame of the guess, where the splat's colours are; itself without a map."""
    return mesh if ground is None else replace(mesh, vertices=ground.to_field(mesh.vertices))


def _above(points: np.ndarray, ground: GroundWarp) -> np.ndarray:
    return points[ground.height(points) > 0]
