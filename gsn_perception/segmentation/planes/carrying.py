"""Whether a plane carries things: what is above it, and how the depth around each thing meets the plane."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane
from gsn_perception.segmentation.planes.candidates import Candidate
from gsn_perception.segmentation.planes.candidates import on_plane
from gsn_perception.segmentation.planes.grid import Grid
from gsn_perception.segmentation.planes.grid import core_of
from gsn_perception.segmentation.planes.grid import grown
from gsn_perception.segmentation.planes.grid import lowest_near
from gsn_perception.segmentation.planes.top_view import CELL
from gsn_perception.segmentation.planes.top_view import TopView

TALLEST = 0.5  # metres above the plane
_CUT = 0.45  # metres; what reaches higher is furniture, or hangs
_LEAST_PIXELS = 150  # of a thing, on the image
_RIM = 4  # pixels by which a mask may be too wide
_RING = 2  # grid points around a thing that tell what it stands on
_CONTACT = 0.008  # metres above the plane, beside the noise, where a thing begins
_THROUGH = 0.004  # metres below the plane, beside the noise: nothing that touches it goes on there
_AROUND = 0.25  # weight of what is around a thing in the image beside what touches it
_CLEAR = 0.1  # evidence of a thing below which it does not stand on the plane
_CUT_WEIGHT = 0.3  # of a thing that the border of the picture cuts: no object of interest, often furniture
_SHARE_ABOVE = 0.8  # of a thing's points, above the plane it stands on


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """What stands on a plane.

    Attributes:
        where: [h,w] bool on the grid.
        evidence: 0 does not touch the plane ... 1.25 the plane is all around it and meets its lower end.
        longest: Metres along the plane.
        height: Metres above it.
    """

    where: np.ndarray
    evidence: float
    longest: float
    height: float

    @property
    def weight(self) -> float:
        """Evidence by size in the image: near and many pixels count more, one large thing not all; what is cut less."""
        w = self.where
        cut = w[0].any() or w[-1].any() or w[:, 0].any() or w[:, -1].any()
        return self.evidence * float(np.sqrt(w.sum())) * (_CUT_WEIGHT if cut else 1.0)


def evidence(grid: Grid, plane: Plane, thing: np.ndarray) -> float:
    """How well a plane carries a thing: contact, and how much of what is seen around the thing lies on it.

    A wall behind the thing is around it in the image but does not meet its lower end; a plane that the thing reaches
    through carries nothing.

    Args:
        grid: The depth.
        plane: To be judged.
        thing: [h,w] bool; its border may hold pixels of what is behind.

    Returns:
        0 ... 1.25.
    """
    steps = -(-_RIM // grid.stride)
    core = core_of(thing, steps)
    if core is thing:  # thin: its unknown pixels may be the background's, which is looked at next
        thing, steps = thing & grid.known, 0
    core = core & grid.known
    with np.errstate(invalid="ignore"):
        height = plane.height(grid.points)
    if not core.any() or (height[core] > -3 * grid.sigma[core] - 0.003).mean() < _SHARE_ABOVE:
        return 0.0
    skip = -(-2 // grid.stride)
    ring = grown(thing, skip + _RING) & ~grown(thing, skip) & grid.known
    if ring.sum() < 5:
        return 0.0
    reach = steps + skip + _RING
    lowest = lowest_near(height, core, reach)
    on = on_plane(grid, plane) & ring
    touching = on & (lowest < _CONTACT + 3 * grid.sigma + reach * grid.pitch)
    touching &= lowest > -_THROUGH - 4 * grid.sigma  # seen below the plane: that is the top of something in front
    return float(touching.sum() / ring.sum() + _AROUND * on.sum() / ring.sum())


def things_on(grid: Grid, candidate: Candidate, ignored: np.ndarray) -> list[Thing]:
    """The things of graspable size that stand on a plane and touch it.

    Args:
        grid: The whole depth image.
        candidate: The plane.
        ignored: [h,w] bool: points of walls and of other tables, which are no things.
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
        found = evidence(grid, plane, where)
        if found >= _CLEAR:
            things.append(Thing(where, found, float(longest[number]), top))
    return things
