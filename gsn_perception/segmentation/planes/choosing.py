"""Choice of the support plane among several planes, by the objects that stand on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import Plane
from gsn_perception.segmentation.planes.candidates import Candidate
from gsn_perception.segmentation.planes.candidates import on_plane
from gsn_perception.segmentation.planes.grid import Grid
from gsn_perception.segmentation.planes.grid import dilated
from gsn_perception.segmentation.planes.support_evidence import PlacedObject
from gsn_perception.segmentation.planes.support_evidence import objects_on_plane
from gsn_perception.segmentation.planes.support_evidence import support_evidence
from gsn_perception.segmentation.planes.top_view import LONGEST

TILT = 25.0
"""Degrees from level that a support plane has at most, where gravity is known."""

_OBJECT = 0.4  # metres along the plane; longer pieces are furniture
_LOW = 0.35  # metres; a plane higher above another plane is not part of an object on it
_AT_BORDER = (
    8  # grid points along the image border: a plane that continues outside the image is not a face of an object
)
_CUT_OBJECT = 0.15  # metres; a smaller piece at the border may be an object cut by it
_LEAST_AREA = 0.02  # square metres: least visible area of a support without a mask
_FOOT = 0.006  # square metres: the footprint of an object
_NEAR = 0.15  # least share of the image, instead of the least area
_FACE = 0.6  # share of a plane's points on objects on other planes, from which on it is a face of them
_PARALLEL = float(np.cos(np.deg2rad(10.0)))
_ABOVE = 0.03  # metres between two levels
_UPPER = 0.25  # share of the lower level's score from which on the upper level wins
_DOWNWARD = 0.2  # y of a normal that points down in the image, typical of walls
_DOWNWARD_FACTOR = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class RatedPlane:
    """A candidate plane with the objects on it and its score."""

    candidate: Candidate
    things: Sequence[PlacedObject]
    score: float

    @property
    def plane(self) -> Plane:
        """The plane of the candidate."""
        return self.candidate.plane


def is_level(plane: Plane, gravity: np.ndarray | None) -> bool:
    """Whether a plane is within ``TILT`` of level; True where gravity [3] (camera frame, down) is not known."""
    return gravity is None or float(-gravity @ plane.normal) > float(np.cos(np.deg2rad(TILT)))


def best_by_contents(grid: Grid, candidates: Sequence[Candidate], gravity: np.ndarray | None) -> RatedPlane | None:
    """The candidate with the most evidence of objects on it, None where there is none.

    Of two parallel levels the upper one is chosen if it supports enough objects: the floor supports a bin, too. A plane
    that is a face of an object on another plane is not a support.
    """
    judged = []
    for candidate in candidates:
        if not is_level(candidate.plane, gravity) or not _wide(grid, candidate):
            continue
        things = objects_on_plane(grid, candidate, furniture_regions(grid, candidate, candidates, _OBJECT))
        score = sum(thing.weight for thing in things)
        if gravity is None and candidate.plane.normal[1] > _DOWNWARD:
            score *= _DOWNWARD_FACTOR
        if score > 0:
            judged.append(RatedPlane(candidate, things, score))
    standing = [j for j in judged if not _is_face(grid, j.candidate, judged)]
    ranked = sorted(standing, key=lambda j: -j.score)
    if not ranked:
        return None
    best = ranked[0]
    for other in ranked[1:]:
        if _above(grid, other.candidate, best.plane) and other.score > _UPPER * best.score:
            best = other
    return best


def best_by_masks(
    grid: Grid, candidates: Sequence[Candidate], objects: Sequence[np.ndarray], gravity: np.ndarray | None
) -> RatedPlane | None:
    """The candidate on which most of the given objects ([h,w] bool each) stand, None where none carries any."""
    best: RatedPlane | None = None
    for candidate in candidates:
        if not is_level(candidate.plane, gravity):
            continue
        things = [PlacedObject(where, support_evidence(grid, candidate.plane, where), 0.0, 0.0) for where in objects]
        score = sum(thing.weight for thing in things) * _sure(grid, candidate)
        if gravity is None and candidate.plane.normal[1] > _DOWNWARD:
            score *= _DOWNWARD_FACTOR
        if score > 0 and (best is None or score > best.score):
            best = RatedPlane(candidate, things, score)
    return best


def furniture_regions(
    grid: Grid, candidate: Candidate, candidates: Sequence[Candidate], longest: float = LONGEST
) -> np.ndarray:
    """[h,w] bool: the other planes that are walls, floors and furniture, not faces of objects on this plane.

    ``longest`` is the longest side of an object, metres.
    """
    found = np.zeros(grid.known.shape, dtype=bool)
    for other in candidates:
        if other is not candidate:
            piece = _furniture_pieces(grid, other.region, candidate.plane, longest)
            found |= dilated(piece, 1) | (
                dilated(piece, 5) & on_plane(grid, other.plane, 4.0)
            )  # and nearby points of the plane that edges cut off
    return found & ~candidate.region


def _furniture_pieces(grid: Grid, region: np.ndarray, plane: Plane, longest: float) -> np.ndarray:
    """[h,w] bool: the connected pieces of a region that are not faces of an object on ``plane``."""
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


def _is_face(grid: Grid, candidate: Candidate, judged: Sequence[RatedPlane]) -> bool:
    """Whether a plane is part of objects on other, larger planes."""
    area = _area(grid, candidate)
    things = np.zeros(grid.known.shape, dtype=bool)
    for other in judged:
        if _area(grid, other.candidate) > area:
            for thing in other.things:
                if thing.longest <= _OBJECT and thing.height <= _LOW:
                    things |= thing.where
    return bool((dilated(things, 1) & candidate.region).sum() > _FACE * candidate.region.sum())


def _wide(grid: Grid, candidate: Candidate) -> bool:
    """Whether a plane is larger than the face of an object, or fills much of the image."""
    near = candidate.region.sum() > _NEAR * grid.known.sum()
    return bool(near) or _area(grid, candidate) > _LEAST_AREA


def _sure(grid: Grid, candidate: Candidate) -> float:
    """Factor for the size of a plane: 0.5 (as small as the side of an object) ... 1 (as large as a footprint and more)."""
    return float(np.clip(np.sqrt(_area(grid, candidate) / _FOOT), 0.5, 1.0))


def _area(grid: Grid, candidate: Candidate) -> float:
    """Visible area of a plane, square metres."""
    points = grid.points[candidate.region]
    cosine = np.abs(points @ candidate.plane.normal) / np.linalg.norm(points, axis=1)
    return float((grid.pitch[candidate.region] ** 2 / np.maximum(cosine, 0.05)).sum())


def _above(grid: Grid, candidate: Candidate, plane: Plane) -> bool:
    height = float(np.median(plane.height(grid.points[candidate.region])))
    return float(candidate.plane.normal @ plane.normal) > _PARALLEL and height > _ABOVE
