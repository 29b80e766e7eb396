"""Points above a plane projected onto a grid in the plane; connected cells are one object."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import minimal_rotation_to

CELL = 0.008  # metres; objects two cells apart are separate
LONGEST = 0.6  # metres along the plane: longest object
_WIDEST = 1000.0  # metres of plane; a larger extent comes from a damaged calibration
_EDGE = 0.024  # metres by which an object may extend beyond the visible plane


class TopView:
    """The plane's visible part as a grid.

    Args:
        on: [N,3] points on the plane.
        plane: The plane.
        cell: Side of a cell, metres.

    Raises:
        InputError: no point is on the plane, or its extent is implausible.
    """

    def __init__(self, on: np.ndarray, plane: Plane, cell: float = CELL) -> None:
        self.axes = minimal_rotation_to(plane.normal)[:, :2]
        self.cell = cell
        flat = on @ self.axes
        if not len(flat):
            raise InputError("the support plane is not visible in the depth image; check the plane or give a mask")
        self.low = np.percentile(flat, 0.5, axis=0) - 10 * cell
        size = np.percentile(flat, 99.5, axis=0) + 10 * cell - self.low
        if not (size < _WIDEST).all():
            raise InputError(f"the support plane is seen over more than {_WIDEST:g} m; check K in camera_info")
        self.shape = tuple(np.minimum(np.ceil(size / cell), 4000).astype(int))
        seen = np.zeros(self.shape, dtype=np.uint8)
        index, inside = self._index(flat)
        seen[tuple(index[inside].T)] = 1
        hull = cv2.convexHull(np.argwhere(seen)[:, ::-1].astype(np.int32))
        self.support = cv2.fillConvexPoly(np.zeros_like(seen), hull, 1)
        reach = max(1, round(_EDGE / cell))
        self.support = cv2.dilate(self.support, np.ones((2 * reach + 1,) * 2, np.uint8))

    def components(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Component numbers [M] of points [M,3] and the components' longest sides [K] in metres.

        Number 0: points not above the plane's visible part, and components longer than any object.
        """
        index, inside = self._index(points @ self.axes)
        where = tuple(index[inside].T)
        counts = np.zeros(self.shape, dtype=np.int32)
        np.add.at(counts, where, 1)
        occupied = ((counts > 0) & (self.support > 0)).astype(np.uint8)
        _, grid, stats, _ = cv2.connectedComponentsWithStats(occupied, connectivity=8)
        longest = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) * self.cell
        too_long = longest > LONGEST
        too_long[0] = True
        result = np.zeros(len(points), dtype=np.int64)
        result[inside] = np.where(too_long, 0, np.arange(len(stats)))[grid[where]]
        return result, longest

    def _index(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        index = np.floor((flat - self.low) / self.cell).astype(np.int64)
        inside = ((index >= 0) & (index < np.array(self.shape))).all(axis=1)
        return index, inside
