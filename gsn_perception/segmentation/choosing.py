"""Which of several planes the objects stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Plane
from gsn_perception.segmentation.candidates import Candidate
from gsn_perception.segmentation.grid import Grid
from gsn_perception.segmentation.grid import grown
from gsn_perception.segmentation.standing import Thing
from gsn_perception.segmentation.standing import evidence
from gsn_perception.segmentation.standing import things_on

LEVEL = float(np.cos(np.deg2rad(25.0)))  # a support plane is this level where gravity is known
_OBJECT = 0.4  # metres along the plane; what is longer is furniture
_LOW = 0.35  # metres; what is higher above another plane is no part of an object on it
_AT_BORDER = 8  # grid points along the image border: a plane that goes on beyond it is no face of an object
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
    return gravity is None or float(-gravity @ plane.normal) > LEVEL


def by_things(grid: Grid, candidates: Sequence[Candidate], gravity: np.ndarray | None) -> Judged | None:
    """The candidate that carries things, None where none does.

    Of two parallel levels the upper one counts if it carries its share: the floor carries a bin, too. A plane that is a
    face of a thing on another is no support.
    """
    judged = []
    for candidate in candidates:
        if not level(candidate.plane, gravity):
            continue
        things = things_on(grid, candidate, structures(grid, candidate, candidates))
        score = sum(thing.weight for thing in things)
        if gravity is None and candidate.plane.normal[1] > _DOWNWARD:
            score *= _DOWNWARD_FACTOR
        if score > 0:
            judged.append(Judged(candidate, things, score))
    standing = [j for j in judged if not any(_face_of(grid, j.candidate, k) for k in judged if k is not j)]
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
        score = sum(thing.weight for thing in things)
        if gravity is None and candidate.plane.normal[1] > _DOWNWARD:
            score *= _DOWNWARD_FACTOR
        if score > 0 and (best is None or score > best.score):
            best = Judged(candidate, things, score)
    return best


def structures(grid: Grid, candidate: Candidate, candidates: Sequence[Candidate]) -> np.ndarray:
    """[h,w] bool: the other planes that are walls, floors and furniture, not faces of things on this one."""
    found = np.zeros(grid.known.shape, dtype=bool)
    for other in candidates:
        if other is not candidate and _is_structure(grid, other, candidate.plane):
            found |= grown(other.region, 1)
    return found & ~candidate.region


def _is_structure(grid: Grid, other: Candidate, plane: Plane) -> bool:
    region = other.region
    border = int(region[0].sum() + region[-1].sum() + region[:, 0].sum() + region[:, -1].sum())
    if border >= _AT_BORDER:
        return True
    points = grid.points[region]
    return _extent(points) > _OBJECT or float(np.median(plane.height(points))) > _LOW


def _extent(points: np.ndarray) -> float:
    """The longest side of points [N,3] along their principal axis, metres."""
    middle = points.mean(axis=0)
    axis = np.linalg.eigh((points - middle).T @ (points - middle))[1][:, -1]
    low, high = np.percentile((points - middle) @ axis, [1, 99])
    return float(high - low)


def _face_of(grid: Grid, candidate: Candidate, other: Judged) -> bool:
    """Whether a plane is a part of a thing on another, larger one."""
    if _area(grid, candidate) > _area(grid, other.candidate):
        return False
    region = candidate.region
    return any(
        thing.longest <= _OBJECT and thing.height <= _LOW and (grown(thing.where, 1) & region).sum() > 0.7 * region.sum()
        for thing in other.things
    )


def _area(grid: Grid, candidate: Candidate) -> float:
    """Square metres seen of a plane."""
    points = grid.points[candidate.region]
    cosine = np.abs(points @ candidate.plane.normal) / np.linalg.norm(points, axis=1)
    return float((grid.pitch[candidate.region] ** 2 / np.maximum(cosine, 0.05)).sum())


def _above(grid: Grid, candidate: Candidate, plane: Plane) -> bool:
    height = float(np.median(plane.height(grid.points[candidate.region])))
    return float(candidate.plane.normal @ plane.normal) > _PARALLEL and height > _ABOVE
