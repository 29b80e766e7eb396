"""The map of heights that brings the guessed lower side of an object to its support plane.

A network guesses the unseen lower side from the image alone, so its solid ends above the plane or goes through it.
Heights below the lowest point that the camera saw are mapped so that the solid ends on the plane. What was seen keeps
its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Plane

_LEAST = 0.02  # of height below what was seen, normalised units: less is cut, not mapped
_END = 0.08  # share of the guessed part that is cut off: guessed solids end round, objects stand on flat faces


@dataclass(frozen=True, slots=True, eq=False)
class GroundWarp:
    """A support plane in the frame of a field, and the map of heights below the lowest seen point.

    Attributes:
        plane: In the frame of the field, in its units; its normal points to the object.
        heights: [K] heights of the real object, ascending from 0; empty where nothing is mapped.
        guessed: [K] heights in the field that they correspond to, ascending.
    """

    plane: Plane
    heights: np.ndarray
    guessed: np.ndarray

    @classmethod
    def of(cls, plane: Plane, seen: float, end: float) -> GroundWarp:
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
        if depth >= seen:  # too deep: compress the guessed part
            return cls(plane, np.array([0.0, seen]), np.array([end, seen]))
        half = 0.5 * depth  # too short: stretch the middle of the guessed part, which keeps round ends round
        return cls(plane, np.array([0.0, half, seen]), np.array([end, end + half, seen]))

    @property
    def stretch(self) -> float:
        """The largest stretch factor of the map, at least 1."""
        if not len(self.heights):
            return 1.0
        return max(1.0, float((np.diff(self.heights) / np.diff(self.guessed)).max()))

    def slope(self, guessed: np.ndarray) -> np.ndarray:
        """Stretch factors [P] of the map at heights [P] of the guess; 1 where nothing is mapped."""
        if not len(self.heights):
            return np.ones(len(guessed))
        slopes = np.concatenate([[1.0], np.diff(self.heights) / np.diff(self.guessed), [1.0]])
        return np.asarray(slopes[np.searchsorted(self.guessed, guessed)])

    def height(self, points: np.ndarray) -> np.ndarray:
        """[...] signed distances of points [...,3] above the plane."""
        return self.plane.height(np.asarray(points))

    def to_field(self, points: np.ndarray) -> np.ndarray:
        """Positions [P,3] in the field of real points [P,3]."""
        return self._moved(points, self.heights, self.guessed)

    def to_real(self, points: np.ndarray) -> np.ndarray:
        """Real positions [P,3] of points [P,3] of the field; the inverse of :meth:`to_field`."""
        return self._moved(points, self.guessed, self.heights)

    def _moved(self, points: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        if not len(source) or not len(points):
            return points
        height = self.height(points)
        moved = np.interp(height, source, target)
        moved = np.where(height < source[0], target[0] + height - source[0], moved)
        shift = np.where(height < source[-1], moved - height, 0.0)
        return (points + shift[:, None] * self.plane.normal).astype(points.dtype)
