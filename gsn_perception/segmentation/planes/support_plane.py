"""Detection of the support plane in a depth image: of several planes, the one that objects stand on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane
from gsn_perception.segmentation.planes.candidates import Candidate
from gsn_perception.segmentation.planes.candidates import plane_candidates
from gsn_perception.segmentation.planes.candidates import refitted
from gsn_perception.segmentation.planes.choosing import TILT
from gsn_perception.segmentation.planes.choosing import best_by_contents
from gsn_perception.segmentation.planes.choosing import best_by_masks
from gsn_perception.segmentation.planes.choosing import furniture_regions
from gsn_perception.segmentation.planes.choosing import is_level
from gsn_perception.segmentation.planes.grid import Grid
from gsn_perception.segmentation.planes.grid import Window
from gsn_perception.segmentation.planes.grid import dilated
from gsn_perception.segmentation.planes.grid import window_around

_LEAST_SHARE = 0.15  # of the points, on a plane without objects
_LEAST_POINTS = 60  # of the grid
_FEW = 300  # pixels of depth
_SETTLES = 0.02  # metres: largest shift of a given plane to the measured one
_SETTLED_SHARE = 0.05  # share of the points so near to it, needed for a shift
_SETTLED_TILT = 0.995  # cosine of 6 degrees
_RIM = 3  # pixels around a mask that may be the object's


@dataclass(frozen=True, slots=True, eq=False)
class Support:
    """The support plane, the other planes and the furniture in a depth image.

    Attributes:
        plane: Camera frame, normal to the camera's side.
        score: Evidence of objects on it; 0 where nothing stands on it.
        others: All other planes found, by falling size.
        region: [H,W] bool: visible points of the plane.
        structure: [H,W] bool: points of walls, floors and other furniture.
    """

    plane: Plane
    score: float
    others: tuple[Plane, ...]
    region: np.ndarray
    structure: np.ndarray


def fit_support_plane(
    depth: np.ndarray,
    camera: Camera,
    mask: np.ndarray | None = None,
    *,
    seed: int = 0,
    gravity: np.ndarray | None = None,
) -> Plane:
    """The plane of a depth image that supports objects, or the one on which the objects of a mask stand.

    See :func:`find_support`, which also returns a score.

    Raises:
        InputError: too little depth is known, or no plane contains enough of it.
    """
    return find_support(depth, camera, mask, seed=seed, gravity=gravity).plane


def find_support(
    depth: np.ndarray,
    camera: Camera,
    mask: np.ndarray | None = None,
    *,
    seed: int = 0,
    gravity: np.ndarray | None = None,
) -> Support:
    """Find the support plane of a depth image by the objects that stand on each plane.

    Args:
        depth: [H,W] metres along z, NaN = unknown.
        camera: Its camera.
        mask: [H,W] > 0 on objects, one value per object; planes are fitted without these pixels, and the support plane
            must support these objects.
        seed: Of the hypotheses.
        gravity: [3] unit, camera frame, pointing down; planes more than 25 degrees from level are not a support.

    Returns:
        The support; without a mask, and where no plane supports objects, the largest plane.

    Raises:
        InputError: too little depth is known, or no plane contains enough of it.
    """
    rng = np.random.default_rng(seed)
    if mask is not None and (mask > 0).any():
        found = _under(depth, camera, mask, window_around(mask > 0), rng, gravity)
        found = found or _under(depth, camera, mask, None, rng, gravity)
        if found is None:
            raise InputError("no support plane lies under the objects in the depth image; give the plane itself")
        return found
    grid = Grid.of(depth, camera)
    candidates = _candidates(grid, np.ones_like(grid.known), rng)
    best = best_by_contents(grid, candidates, gravity)
    if best is not None:
        return _support(grid, best.candidate, candidates, best.score)
    large = [c for c in candidates if _share(grid, c, grid.known) >= _LEAST_SHARE]
    if not large:
        raise InputError("no support plane stands out in the depth image; give a mask, or the plane itself")
    return _support(grid, _only_level(large, gravity)[0], candidates, 0.0)


def level_support(
    depth: np.ndarray, camera: Camera, mask: np.ndarray | None = None, *, gravity: np.ndarray | None
) -> Support:
    """As :func:`find_support`: a level plane where gravity is known and there is one, else any plane.

    A wrong gravity must not hide the table; the pipeline remarks on a support plane that is not level.

    Raises:
        InputError: too little depth is known, or no plane contains enough of it.
    """
    if gravity is not None:
        try:
            return find_support(depth, camera, mask, gravity=gravity)
        except InputError:
            pass
    return find_support(depth, camera, mask)


def settled_plane(depth: np.ndarray, camera: Camera, plane: Plane) -> Plane:
    """A given plane shifted by less than two centimetres to the measured plane; unchanged where the depth shows none.

    With a plane 5 mm below the table, the table would be segmented as an object.

    Args:
        depth: [H,W] metres along z, NaN = unknown.
        camera: Its camera.
        plane: Camera frame.
    """
    grid = Grid.of(depth, camera)
    with np.errstate(invalid="ignore"):
        height = plane.height(grid.points)
        near = np.abs(height) < _SETTLES
    if near.sum() < max(_LEAST_POINTS, _SETTLED_SHARE * grid.known.sum()):
        return plane
    counts, edges = np.histogram(height[near], bins=20, range=(-_SETTLES, _SETTLES))
    shift = float(edges[np.argmax(counts)] + _SETTLES / 20)
    moved = Plane(plane.normal, plane.offset - shift)
    for _ in range(3):
        moved = refitted(moved, grid.points[near], grid.sigma[near])
    return moved if moved.normal @ plane.normal > _SETTLED_TILT else plane


def _under(
    depth: np.ndarray,
    camera: Camera,
    mask: np.ndarray,
    window: Window | None,
    rng: np.random.Generator,
    gravity: np.ndarray | None,
) -> Support | None:
    """The plane under the objects of a mask, from the depth in a window around them; None where there is none."""
    grid = Grid.of(depth, camera, window)
    labels = grid.thin(mask)
    voters = grid.known & ~dilated(labels > 0, -(-_RIM // grid.stride))
    if voters.sum() < _LEAST_POINTS:
        if window is None:
            raise InputError(_TOO_LITTLE)
        return None
    candidates = plane_candidates(grid, voters, rng)
    objects = [labels == value for value in np.unique(labels) if value > 0]
    best = best_by_masks(grid, candidates, objects, gravity)
    if best is not None:
        return _support(grid, best.candidate, candidates, best.score)
    inside = (labels > 0) & grid.known
    large = [
        c
        for c in candidates
        if _share(grid, c, voters) >= _LEAST_SHARE
        and (not inside.any() or np.median(c.plane.height(grid.points[inside])) > 0)
    ]
    return _support(grid, _only_level(large, gravity)[0], candidates, 0.0) if large else None


_TOO_LITTLE = "too little depth is known for a support plane; give more depth, a mask or the plane itself"


def _candidates(grid: Grid, voters: np.ndarray, rng: np.random.Generator) -> list[Candidate]:
    if grid.known.sum() * grid.stride**2 < _FEW:
        raise InputError(_TOO_LITTLE)
    return plane_candidates(grid, voters, rng)


def _share(grid: Grid, candidate: Candidate, voters: np.ndarray) -> float:
    return float(candidate.region.sum()) / max(int(voters.sum()), 1)


def _only_level(candidates: list[Candidate], gravity: np.ndarray | None) -> list[Candidate]:
    found = [c for c in candidates if is_level(c.plane, gravity)]
    if not found:
        raise InputError(
            f"no plane in the depth image is within {TILT:g} degrees of level; check the gravity or its frame"
        )
    return found


def _support(grid: Grid, chosen: Candidate, candidates: list[Candidate], score: float) -> Support:
    others = tuple(c.plane for c in candidates if c is not chosen)
    structure = grid.spread(furniture_regions(grid, chosen, candidates))
    return Support(chosen.plane, score, others, grid.spread(chosen.region), structure)
