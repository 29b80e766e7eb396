"""Evidence that a plane supports objects: contact between the plane and the lower end of each object above it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane
from gsn_perception.segmentation.planes.candidates import Candidate
from gsn_perception.segmentation.planes.candidates import on_plane
from gsn_perception.segmentation.planes.grid import Grid
from gsn_perception.segmentation.planes.grid import dilated
from gsn_perception.segmentation.planes.grid import eroded_core
from gsn_perception.segmentation.planes.grid import lowest_near
from gsn_perception.segmentation.planes.top_view import CELL
from gsn_perception.segmentation.planes.top_view import TopView

TALLEST = 0.5  # metres above the plane
_CUT = 0.45  # metres; higher objects are furniture, or hang
_LEAST_PIXELS = 150  # of an object in the image
_RIM = 4  # pixels by which a mask may be too wide
_RING = 2  # grid points: width of the ring around an object that is tested for contact
_CONTACT = 0.008  # metres above the plane, in addition to the noise: largest height of a lower end in contact
_THROUGH = 0.004  # metres below the plane, in addition to the noise: an object in contact does not go lower
_AROUND = 0.25  # weight of the plane around an object, relative to its contact
_CLEAR = 0.1  # least evidence of an object that stands on the plane
_CUT_WEIGHT = 0.3  # weight of an object that the image border cuts: often furniture
_SHARE_ABOVE = 0.8  # least share of an object's points above the plane it stands on


@dataclass(frozen=True, slots=True, eq=False)
class PlacedObject:
    """An object that stands on a plane.

    Attributes:
        where: [h,w] bool on the grid.
        evidence: 0 = no contact with the plane ... 1.25 = the plane is all around it and meets its lower end.
        longest: Metres along the plane.
        height: Metres above it.
    """

    where: np.ndarray
    evidence: float
    longest: float
    height: float

    @property
    def weight(self) -> float:
        """Evidence times the square root of the pixel count, less for objects that the image border cuts."""
        w = self.where
        cut = w[0].any() or w[-1].any() or w[:, 0].any() or w[:, -1].any()
        return self.evidence * float(np.sqrt(w.sum())) * (_CUT_WEIGHT if cut else 1.0)


def support_evidence(grid: Grid, plane: Plane, thing: np.ndarray) -> float:
    """How well a plane supports an object: its contact, and the share of the plane in the ring around the object.

    A wall behind the object is around it in the image but does not meet its lower end. A plane with the object on both
    sides does not support it.

    Args:
        grid: The depth.
        plane: The plane to test.
        thing: [h,w] bool, the object; its border may contain pixels of the background.

    Returns:
        0 ... 1.25.
    """
    steps = -(-_RIM // grid.stride)
    core = eroded_core(thing, steps)
    if core is thing:  # thin: its unknown pixels may belong to the background
        thing, steps = thing & grid.known, 0
    core = core & grid.known
    with np.errstate(invalid="ignore"):
        height = plane.height(grid.points)
    if not core.any() or (height[core] > -3 * grid.sigma[core] - 0.003).mean() < _SHARE_ABOVE:
        return 0.0
    skip = -(-2 // grid.stride)
    ring = dilated(thing, skip + _RING) & ~dilated(thing, skip) & grid.known
    if ring.sum() < 5:
        return 0.0
    reach = steps + skip + _RING
    lowest = lowest_near(height, core, reach)
    on = on_plane(grid, plane) & ring
    touching = on & (lowest < _CONTACT + 3 * grid.sigma + reach * grid.pitch)
    touching &= lowest > -_THROUGH - 4 * grid.sigma  # a lower end below the plane is the top of something in front
    return float(touching.sum() / ring.sum() + _AROUND * on.sum() / ring.sum())


def objects_on_plane(grid: Grid, candidate: Candidate, ignored: np.ndarray) -> list[PlacedObject]:
    """The objects of graspable size that stand on a plane and touch it.

    Args:
        grid: The whole depth image.
        candidate: The plane.
        ignored: [h,w] bool: points of walls and of other tables.
    """
    plane, sigma = candidate.plane, grid.sigma
    with np.errstate(invalid="ignore"):
        height = plane.height(grid.points)
        above = grid.known & ~ignored & (height > 0.003 + 2 * sigma) & (height < TALLEST)
    above &= ~candidate.region
    above &= cv2.morphologyEx(above.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0  # noise
    region = candidate.region
    cell = max(CELL, 1.5 * float(np.median(grid.pitch[region])))
    try:
        view = TopView(grid.points[region], plane, cell)
    except InputError:
        return []
    numbers, longest = view.components(grid.points[above])
    labels = np.zeros(above.shape, dtype=np.int64)
    labels[above] = numbers
    least = max(_LEAST_PIXELS / grid.stride**2, 8)
    sizes = np.bincount(numbers, minlength=len(longest))
    things = []
    for number in np.flatnonzero(sizes >= least):
        where = labels == number
        top = float(np.percentile(height[where], 98))
        if number == 0 or top > _CUT:
            continue
        found = support_evidence(grid, plane, where)
        if found >= _CLEAR:
            things.append(PlacedObject(where, found, float(longest[number]), top))
    return things
