"""Plane detection in a depth image by sequential MSAC (Torr 2000); each plane with its connected region."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import Plane
from gsn_perception.segmentation.planes.grid import Grid

_VOTERS = 2500  # points that score a hypothesis
_HYPOTHESES = 240  # half of them through neighbouring points, which finds small planes (Myatt et al. 2002)
_BATCH = 60
_PLANES = 7
_FAILURES = 2  # hypotheses with scattered points, after which the search ends
_LEAST_SHARE = 0.012  # of the voters, in one connected piece
_LEAST_POINTS = 60
_DENSE = 0.5  # share of the points inside a piece on the plane: less is chance
_PIECE = 0.1  # pieces of a plane smaller than this share of its largest piece are dropped


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A plane and its visible region.

    Attributes:
        plane: Camera frame, normal to the camera's side.
        region: [h,w] bool on the grid.
    """

    plane: Plane
    region: np.ndarray


def plane_candidates(grid: Grid, voters: np.ndarray, rng: np.random.Generator) -> list[Candidate]:
    """Planes in order of falling support, each connected in the image.

    Args:
        grid: The depth.
        voters: [h,w] bool: points to use.
        rng: Random generator of the hypotheses.
    """
    left = voters & grid.known
    least = max(_LEAST_POINTS, int(_LEAST_SHARE * left.sum()))
    found: list[Candidate] = []
    failures = 0
    while len(found) < _PLANES and failures < _FAILURES and left.sum() >= least:
        plane = _hypothesis(grid, left, rng)
        if plane is None:
            break
        for _ in range(4):
            plane = refitted(plane, grid.points[left], grid.sigma[left])
        region = pieces(on_plane(grid, plane) & left, left, least)
        if region.any():
            plane = refitted(plane, grid.points[region], grid.sigma[region])
            region = pieces(on_plane(grid, plane) & left, left, least)
        if not region.any():
            failures += 1
            continue
        found.append(Candidate(plane, region))
        left &= ~region
    return found


def on_plane(grid: Grid, plane: Plane, sigmas: float = 3.0) -> np.ndarray:
    """[h,w] bool: points within the noise of a plane."""
    with np.errstate(invalid="ignore"):
        return np.abs(plane.height(grid.points)) < sigmas * grid.sigma


def refitted(plane: Plane, cloud: np.ndarray, sigma: np.ndarray) -> Plane:
    """The plane refitted by least squares to the points [N,3] on it, weighted by their noise [N]."""
    on = np.abs(plane.height(cloud)) < 3 * sigma
    if on.sum() < 3:
        return plane
    cloud, weights = cloud[on], 1 / sigma[on] ** 2
    middle = (weights[:, None] * cloud).sum(axis=0) / weights.sum()
    off = cloud - middle
    scatter = off.T @ (off * weights[:, None])
    normal = np.linalg.eigh(scatter)[1][:, 0]
    normal = normal if normal @ middle < 0 else -normal
    return Plane(normal, float(-normal @ middle))


def pieces(region: np.ndarray, known: np.ndarray, least: int) -> np.ndarray:
    """[h,w] bool: the large, connected, dense pieces of a region among the known points.

    Empty if the largest piece has fewer than ``least`` points.
    """
    closed = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(closed, connectivity=8)
    sizes = np.bincount(labels[region], minlength=count)
    sizes[0] = 0
    sizes[sizes < _DENSE * np.bincount(labels[known], minlength=count)] = 0
    if sizes.max(initial=0) < least:
        return np.zeros_like(region)
    return region & (sizes >= max(_PIECE * sizes.max(), 1))[labels]


def _hypothesis(grid: Grid, left: np.ndarray, rng: np.random.Generator) -> Plane | None:
    """The plane through three points with the highest truncated-square score."""
    where = np.argwhere(left)
    chosen = where if len(where) <= _VOTERS else where[rng.choice(len(where), _VOTERS, replace=False)]
    cloud, reach = grid.points[tuple(chosen.T)], 3 * grid.sigma[tuple(chosen.T)]
    best, best_score = None, 0.0
    for batch in range(_HYPOTHESES // _BATCH):
        triples = _near(grid, left, chosen, rng) if batch % 2 else cloud[rng.integers(0, len(cloud), (_BATCH, 3))]
        normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
        length = np.linalg.norm(normals, axis=1)
        normals /= np.maximum(length, 1e-12)[:, None]
        offsets = -(normals * triples[:, 0]).sum(axis=1)
        flip = np.where(offsets < 0, -1.0, 1.0)  # the camera, at the origin, is above
        normals, offsets = normals * flip[:, None], offsets * flip
        heights = cloud @ normals.T + offsets  # [N, B]
        scores = np.maximum(0, 1 - (heights / reach[:, None]) ** 2).sum(axis=0)
        scores[~(length > 1e-9)] = 0
        top = int(np.argmax(scores))
        if scores[top] > best_score:
            best, best_score = Plane(normals[top], float(offsets[top])), float(scores[top])
    return best


def _near(grid: Grid, left: np.ndarray, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[B,3,3] triples of points that are neighbours in the image; triples with other points are degenerate."""
    reach = max(left.shape) // 8 + 2
    first = chosen[rng.integers(0, len(chosen), _BATCH)]
    others = first[:, None] + rng.integers(-reach, reach + 1, (_BATCH, 2, 2))
    others = np.clip(others, 0, np.array(left.shape) - 1)
    bad = ~left[others[..., 0], others[..., 1]]
    others[bad] = np.broadcast_to(first[:, None], others.shape)[bad]
    index = np.concatenate([first[:, None], others], axis=1)
    return grid.points[index[..., 0], index[..., 1]]
