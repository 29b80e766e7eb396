"""Which of several planes the objects stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import Plane
from gsn_perception.segmentation.planes.candidates import Candidate
from gsn_perception.segmentation.planes.candidates import on_plane
from gsn_perception.segmentation.planes.carrying import Thing
from gsn_perception.segmentation.planes.carrying import evidence
from gsn_perception.segmentation.planes.carrying import things_on
from gsn_perception.segmentation.planes.grid import Grid
from gsn_perception.segmentation.planes.grid import grown
from gsn_perception.segmentation.planes.top_view import LONGEST

TILT = 25.0
"""Degrees from level that a support plane has at most, where gravity is known."""

_OBJECT = 0.4  # metres along the plane; what is longer is furniture
_LOW = 0.35  # metres; what is higher above another plane is no part of an object on it
_AT_BORDER = 8  # grid points along the image border: a plane that goes on beyond it is no face of an object
_CUT_OBJECT = 0.15  # metres; what is smaller at the border may be an object cut by it
_LEAST_AREA = 0.02  # square metres seen of a support without a mask
_FOOT = 0.006  # square metres
_NEAR = 0.15  # or so much of the picture
_FACE = 0.6  # of a plane's points, on things that stand on others
_PARALLEL = float(np.cos(np.deg2rad(10.0)))
_ABOVE = 0.03  # metres between two levels
_UPPER = 0.25  # part of the lower level's score that lets the upper one win
_DOWNWARD = 0.2  # y of a normal that points down in the image, as those of walls do
_DOWNWARD_FACTOR = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A candidate with what stands on it."""

    candidate: Candidate
    things: Sequence[Thing]
    score: float

    @property
    def plane(self) -> Plane:
        """The candidate's."""
        return self.candidate.plane


def level(plane: Plane, gravity: np.ndarray | None) -> bool:
    """Whether a plane is level, as far as gravity [3] (camera frame, down) is known."""
    return gravity is None or float(-gravity @ plane.normal) > float(np.cos(np.deg2rad(TILT)))


def by_things(grid: Grid, candidates: Sequence[Candidate], gravity: np.ndarray | None) -> Judged | None:
    """The candidate that carries things, None where none does.

    Of two parallel levels the upper one counts if it carries its share: the floor carries a bin, too. A plane that is a
    face of a thing on another is no support.
    """
    judged = []
    for candidate in candidates:
        if not level(candidate.plane, gravity) or not _wide(grid, candidate):
            continue
        things = things_on(grid, candidate, structures(grid, candidate, candidates, _OBJECT))
        score = sum(thing.weight for thing in things)
        if gravity is None and candidate.plane.normal[1] > _DOWNWARD:
            score *= _DOWNWARD_FACTOR
        if score > 0:
            judged.append(Judged(candidate, things, score))
    standing = [j for j in judged if not _is_face(grid, j.candidate, judged)]
    ranked = sorted(standing, key=lambda j: -j.score)
    if not ranked:
        return None
    best = ranked[0]
    for other in ranked[1:]:
        if _above(grid, other.candidate, best.plane) and other.score > _UPPER * best.score:
            best = other
    return best


def by_objects(
    grid: Grid, candidates: Sequence[Candidate], objects: Sequence[np.ndarray], gravity: np.ndarray | None
) -> Judged | None:
    """The candidate on which most of the given objects ([h,w] bool each) stand, None where none carries any."""
    best: Judged | None = None
    for candidate in candidates:
        if not level(candidate.plane, gravity):
            continue
        things = [Thing(where, evidence(grid, candidate.plane, where), 0.0, 0.0) for where in objects]
        score = sum(thing.weight for thing in things) * _sure(grid, candidate)
        if gravity is None and candidate.plane.normal[1] > _DOWNWARD:
            score *= _DOWNWARD_FACTOR
        if score > 0 and (best is None or score > best.score):
            best = Judged(candidate, things, score)
    return best


def structures(
    grid: Grid, candidate: Candidate, candidates: Sequence[Candidate], longest: float = LONGEST
) -> np.ndarray:
    """[h,w] bool: the other planes that are walls, floors and furniture, not faces of things on this one.

    ``longest`` is the longest side of a thing, metres.
    """
    found = np.zeros(grid.known.shape, dtype=bool)
    for other in candidates:
        if other is not candidate:
            piece = _structure(grid, other.region, candidate.plane, longest)
            found |= grown(piece, 1) | (grown(piece, 5) & on_plane(grid, other.plane, 4.0))  # and what edges cut off
    return found & ~candidate.region


def _structure(grid: Grid, region: np.ndarray, plane: Plane, longest: float) -> np.ndarray:
    """[h,w] bool: the connected pieces of a region that are no face of a thing on ``plane``."""
    count, labels = cv2.connectedComponents(region.astype(np.uint8), connectivity=8)
    border = np.concatenate([labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel()])
    keeps = np.bincount(border, minlength=count) >= _AT_BORDER
    sizes = np.bincount(labels.ravel(), minlength=count)
    keeps[0] = False
    for number in 1 + np.flatnonzero(sizes[1:] > _AT_BORDER):
        points = grid.points[labels == number]
        extent = _extent(points)
        goes_on = bool(keeps[number]) and extent > _CUT_OBJECT
        keeps[number] = goes_on or extent > longest or float(np.median(plane.height(points))) > _LOW
    return np.asarray(keeps[labels])


def _extent(points: np.ndarray) -> float:
    """The longest side of points [N,3] along their principal axis, metres."""
    middle = points.mean(axis=0)
    axis = np.linalg.eigh((points - middle).T @ (points - middle))[1][:, -1]
    low, high = np.percentile((points - middle) @ axis, [1, 99])
    return float(high - low)


def _is_face(grid: Grid, candidate: Candidate, judged: Sequence[Judged]) -> bool:
    """Whether a plane is a part of things on other, larger ones."""
    area = _area(grid, candidate)
    things = np.zeros(grid.known.shape, dtype=bool)
    for other in judged:
        if _area(grid, other.candidate) > area:
            for thing in other.things:
                if thing.longest <= _OBJECT and thing.height <= _LOW:
                    things |= thing.where
    return bool((grown(things, 1) & candidate.region).sum() > _FACE * candidate.region.sum())


def _wide(grid: Grid, candidate: Candidate) -> bool:
    """Whether a plane is wider than the face of an object, or fills the picture from near."""
    near = candidate.region.sum() > _NEAR * grid.known.sum()
    return bool(near) or _area(grid, candidate) > _LEAST_AREA


def _sure(grid: Grid, candidate: Candidate) -> float:
    """0.5 for a plane as small as the side of a neighbour ... 1 for one as large as an object's foot and more."""
    return float(np.clip(np.sqrt(_area(grid, candidate) / _FOOT), 0.5, 1.0))


def _area(grid: Grid, candidate: Candidate) -> float:
    """Square metres seen of a plane."""
    points = grid.points[candidate.region]
    cosine = np.abs(points @ candidate.plane.normal) / np.linalg.norm(points, axis=1)
    return float((grid.pitch[candidate.region] ** 2 / np.maximum(cosine, 0.05)).sum())


def _above(grid: Grid, candidate: Candidate, plane: Plane) -> bool:
    height = float(np.median(plane.height(grid.points[candidate.region])))
    return float(candidate.plane.normal @ plane.normal) > _PARALLEL and height > _ABOVE
