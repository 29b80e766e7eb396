"""The support plane under an object: completed shapes end on it, and what stands on it reaches it.

A network guesses the unseen lower side from the picture alone, so that its solid ends above the plane or goes through it.
Heights below the lowest point that the camera saw are mapped so that the solid's end meets the plane: fields are looked up
where the map says, which keeps them in the range they were trained on however tall the object is. What was seen stays
where it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from dataclasses import replace

import cv2
import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import minimal_rotation_to
from gsn_perception.geometry.transforms import split_similarity
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.fields.carver import Carver
from gsn_perception.surface.fields.combined import coarse_points
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.fields.field import Field

_MAP = 96  # cells of the map of columns along its longest side
_RIM = 3  # empty cells around it
_REACH = 24  # cells about a column whose tops bound its bottom
_LEAST = 0.02  # of height below what was seen, normalised units: less is cut and not mapped
_END = 0.08  # of the guessed part is cut off: guessed solids end round, objects stand on something flat


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A support plane in the frame of a field, and the map of heights below what was seen.

    Attributes:
        plane: In the frame of the field, in its units; its normal points to the object.
        heights: [K] heights of the real object, ascending from 0; empty where nothing is mapped.
        guessed: [K] heights in the field that they correspond to, ascending.
    """

    plane: Plane
    heights: np.ndarray
    guessed: np.ndarray

    @classmethod
    def of(cls, plane: Plane, seen: float, end: float) -> Ground:
        """The map that brings the end of a guessed solid to the plane.

        Args:
            plane: In the frame of the field.
            seen: Height of the lowest point that the camera saw.
            end: Height at which the guessed solid ends.
        """
        end = min(end, seen - _LEAST)
        if seen < _LEAST:
            return cls(plane, np.zeros(0), np.zeros(0))
        depth = seen - end
        end += _END * depth
        depth = seen - end
        if depth >= seen:  # too deep: the guess is pressed together
            return cls(plane, np.array([0.0, seen]), np.array([end, seen]))
        half = 0.5 * depth  # too short: drawn out in its middle, so that round ends stay as round as they were
        return cls(plane, np.array([0.0, half, seen]), np.array([end, end + half, seen]))

    @property
    def stretch(self) -> float:
        """How far the map draws out at most, 1 where it does not."""
        if not len(self.heights):
            return 1.0
        return max(1.0, float((np.diff(self.heights) / np.diff(self.guessed)).max()))

    def slope(self, guessed: np.ndarray) -> np.ndarray:
        """How far [P] the map draws out at heights [P] of the guess; 1 where nothing is mapped."""
        if not len(self.heights):
            return np.ones(len(guessed))
        slopes = np.concatenate([[1.0], np.diff(self.heights) / np.diff(self.guessed), [1.0]])
        return np.asarray(slopes[np.searchsorted(self.guessed, guessed)])

    def height(self, points: np.ndarray) -> np.ndarray:
        """[...] signed distances of points [...,3] above the plane."""
        return self.plane.height(np.asarray(points))

    def to_field(self, points: np.ndarray) -> np.ndarray:
        """Where [P,3] in the field the real points [P,3] are looked up."""
        return self._moved(points, self.heights, self.guessed)

    def to_real(self, points: np.ndarray) -> np.ndarray:
        """Where [P,3] points [P,3] of the field come to lie; the inverse of :meth:`to_field`."""
        return self._moved(points, self.guessed, self.heights)

    def _moved(self, points: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        if not len(source) or not len(points):
            return points
        height = self.height(points)
        moved = np.interp(height, source, target)
        moved = np.where(height < source[0], target[0] + height - source[0], moved)
        shift = np.where(height < source[-1], moved - height, 0.0)
        return (points + shift[:, None] * self.plane.normal).astype(points.dtype)


class Columns:
    """Material straight below what the camera measured, whose lower side mirrors its upper side.

    The top of a column is the highest point measured there, its bottom as far above the plane as the top lies below the
    highest top around it. That is exact for boxes, upright and lying cylinders and balls on the plane, and puts no
    material under rims that fall away.

    Args:
        points: [P,3] measured points of the object, in the frame of the plane.
        plane: The support plane.
    """

    def __init__(self, points: np.ndarray, plane: Plane) -> None:
        self._plane = plane
        self._axes = minimal_rotation_to(plane.normal)[:, :2].astype(np.float32)
        flat, height = points.astype(np.float32) @ self._axes, plane.height(points).astype(np.float32)
        keep = height > 0
        flat, height = flat[keep], height[keep]
        self._cell = max(float(np.ptp(flat, axis=0).max()) / _MAP, 1e-4) if len(flat) else 1.0
        self._low = flat.min(axis=0) - _RIM * self._cell if len(flat) else np.zeros(2, np.float32)
        size = (np.ptp(flat, axis=0) / self._cell + 2 * _RIM + 1).astype(int) if len(flat) else np.array([3, 3])
        top = np.zeros(size, np.float32)
        index = np.floor((flat - self._low) / self._cell).astype(int)
        np.maximum.at(top, (index[:, 0], index[:, 1]), height)
        self._top = cv2.morphologyEx(top, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        reach = int(np.clip(height.max(initial=0.0) / self._cell, 1, _REACH))
        around = cv2.dilate(self._top, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2))
        self._bottom = cv2.blur(np.where(self._top > 0, around - self._top, 0).astype(np.float32), (3, 3))
        filled = (self._top > 0).astype(np.uint8)
        inside = cv2.distanceTransform(filled, cv2.DIST_L2, 3) - 0.5
        outside = cv2.distanceTransform(1 - filled, cv2.DIST_L2, 3) - 0.5
        self._edge = (np.where(filled > 0, inside, -outside) * self._cell).astype(np.float32)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Signed lengths [P] at points [P,3]: positive inside the columns."""
        at = (points.astype(np.float32) @ self._axes - self._low) / np.float32(self._cell) - 0.5
        x, y = np.ascontiguousarray(at[:, 1]), np.ascontiguousarray(at[:, 0])
        top, bottom, edge = (_sampled(image, x, y) for image in (self._top, self._bottom, self._edge))
        height = self._plane.height(points.astype(np.float32))
        return np.minimum(np.minimum(top - height, height - bottom), edge)


def _sampled(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear values [P] of an image at columns ``x`` and rows ``y``; its rim beyond it."""
    rows = [
        cv2.remap(
            image, x[i : i + 30000, None], y[i : i + 30000, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for i in range(0, len(x), 30000)
    ]
    return np.concatenate(rows)[:, 0] if rows else np.zeros(0, np.float32)


class GroundedField:
    """A field whose shape stands on the ground.

    Args:
        field: In the frame of the guess.
        ground: The plane and the map.
        seen: Signed lengths [P] of real points [P,3], negative where a camera saw past them; or None.
        columns: Signed lengths [P], positive where there is material below what was measured; or None.
        level: The field's surface.
        steepness: Units of the field per unit of length about the cuts.
    """

    def __init__(
        self,
        field: Field,
        ground: Ground,
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
        above = cut > -0.1  # farther below nothing else matters
        value[above] = self._field(self._ground.to_field(points[above]))
        if self._columns is not None:
            value[above] = np.maximum(value[above], self._level + self._steepness * self._columns(points[above]))
        return np.minimum(value, self._level + self._steepness * cut)


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """What is known of an object and the plane under it, in one frame and its units.

    Attributes:
        plane: The support plane.
        seen: Height of the lowest point of the object that the camera saw.
        reaches: Whether the object stands on the plane; else it is only cut there.
        measured: [P,3] points of its surface that were measured.
    """

    plane: Plane
    seen: float
    reaches: bool = True
    measured: np.ndarray = attribute(default_factory=lambda: np.zeros((0, 3), np.float32))

    def transform(self, T: np.ndarray) -> Standing:
        """Moved by a similarity transform [4,4]."""
        scale = split_similarity(T)[2]
        return Standing(self.plane.transform(T), scale * self.seen, self.reaches, transform_points(T, self.measured))


def grounded(
    shape: ImplicitShape, standing: Standing, view: DepthView | None = None, *, steepness: float = 100.0
) -> tuple[ImplicitShape, Ground]:
    """The shape ending on its support plane, and reaching it where it stands.

    Args:
        shape: What a network or a splat guesses, in the frame of the guess.
        standing: The plane and what was seen above it, the same frame.
        view: What the camera saw past, which is cut from the drawn-out part, too.
        steepness: Units of the field per unit of length about the cuts.

    Returns:
        The shape of the real object, and the map between both.

    Raises:
        InputError: nothing of the shape lies above the plane.
    """
    points, cell = coarse_points(shape.lower, shape.upper)
    inside = points[shape.field(points.astype(np.float32)) > shape.level]
    if shape.seeds is not None and len(shape.seeds):
        inside = np.concatenate([inside, shape.seeds.astype(np.float64)])
    if not len(inside):
        raise InputError("the field is empty: no point of it is inside; use other weights or input")
    end = float(standing.plane.height(inside).min()) - 0.5 * cell
    ground = Ground.of(standing.plane, standing.seen if standing.reaches else 0.0, end)
    real = ground.to_real(inside)
    real = real[ground.height(real) > -cell]
    if not len(real):
        raise InputError("the object lies below its support plane; check the plane, or that depth and colour agree")
    seen = None if view is None else Carver([view], truncation=0.1, whole=False)
    columns = None
    if standing.reaches and len(standing.measured):
        columns = Columns(standing.measured, standing.plane)
        real = np.concatenate([real, standing.measured])
    field = GroundedField(shape.field, ground, seen, columns, level=shape.level, steepness=steepness)
    reach = 1.25 * cell
    stretch = np.abs(ground.plane.normal) * (ground.stretch - 1.0) * cell
    seeds = None if shape.seeds is None else _above(ground.to_real(shape.seeds), ground)
    low, high = real.min(axis=0) - reach - stretch, real.max(axis=0) + reach + stretch
    return ImplicitShape(field, low, high, shape.level, seeds), ground


def as_guessed(mesh: Mesh, ground: Ground | None) -> Mesh:
    """The mesh where the guess had it, which is where a splat's colours are; itself without a map."""
    return mesh if ground is None else replace(mesh, vertices=ground.to_field(mesh.vertices))


def _above(points: np.ndarray, ground: Ground) -> np.ndarray:
    return points[ground.height(points) > 0]
