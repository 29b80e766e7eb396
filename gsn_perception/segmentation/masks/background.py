"""Background pixels of a mask by depth (support plane or a surface behind), and object pixels outside the mask."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Plane
from gsn_perception.segmentation.planes.grid import depth_noise

_JUMP = 0.015  # metres between neighbouring pixels, and 1.5 % of the depth: a larger step is a depth discontinuity
_LOW = 3.0  # standard deviations above the plane: lower pixels lie on the plane
# likewise, median of the lower pixels: 0 for table, up to 1 under a rim of one pixel, at least 1.7 for a blade
_THIN = 1.3
_FLATTEST = 0.0003  # metres: least standard deviation of a plane
_BAND = 3  # pixels of a 640 wide image: width of the rim that is tested
_LEAST_KNOWN = 50  # pixels of the mask with depth, needed for a decision
_LEAST_CORE = 0.15  # share of those on the object
_RIM_ACTS = 0.12  # share of the rim on background from which on it is removed: clean masks have up to 0.1
_RIM_SPREADS = 0.3  # likewise, from which on pixels without depth are classified by their neighbours
_NEAR_BORDER = 8  # pixels: only those so near the mask's border
_LAGS = 0.02  # share of the mask on background, and of object gained by moving it, from which on the mask is shifted
_LEAST_SHIFT = 3  # pixels
_REACH = 30  # pixels: the largest shift


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Background and object pixels in and around a mask; arrays are [H,W] bool.

    Attributes:
        inside: Pixels of the mask that do not show the object.
        outside: Pixels outside the mask that certainly show the object.
        contrary: Pixels, inside or outside the mask, with the depth of something else.
        share: Share of background among the known pixels in a narrow band inside the mask's border.
        lost: The mask lies beside the object: few of its pixels show it, and something stands beside the mask.
    """

    inside: np.ndarray
    outside: np.ndarray
    contrary: np.ndarray
    share: float = 0.0
    lost: bool = False


def find_background(
    mask: np.ndarray, others: np.ndarray, depth: np.ndarray, level: np.ndarray, width: int
) -> Background:
    """Separate object and background.

    Background is everything on or below the support plane, and smooth pieces of depth mostly outside the mask, e.g. a
    wall.

    Args:
        mask: [H,W] bool, of one object.
        others: [H,W] bool, of all other objects.
        depth: [H,W] metres along z, NaN = unknown.
        level: [H,W] from :func:`plane_heights`.
        width: Of the whole image in pixels; the rim grows with it.
    """
    nothing = np.zeros_like(mask)
    none = Background(nothing, nothing, nothing)
    known = np.isfinite(depth)
    if (known & mask).sum() < _LEAST_KNOWN:
        return none
    low, grow = on_or_below_plane(level), max(1.0, width / 640)
    pieces, numbers = _pieces(mask, others, depth, low)
    foreign = known & (low | ~np.isin(pieces, numbers))
    core = known & mask & ~foreign & (pieces > 0)
    if core.sum() < max(_LEAST_CORE * (known & mask).sum(), _LEAST_KNOWN):
        beside = _dilated(mask, _REACH * grow) & ~mask & ~others & known & ~low
        lost = bool(low.any() and beside.sum() > 0.1 * mask.sum())
        return Background(nothing, nothing, foreign, 1.0, lost)
    inside = mask & foreign
    rim = mask & ~_eroded(mask, _BAND * grow)
    share = float((inside & rim).sum() / max((known & rim).sum(), 1))
    own = low & inside & rim
    thin = bool(own.any()) and float(np.median(level[own])) > _THIN
    if share < _RIM_ACTS or thin:
        return Background(nothing, nothing, foreign, share)
    if share > _RIM_SPREADS:
        inside = inside | _undecided(mask, core, foreign, _NEAR_BORDER * grow)
    outside = nothing
    if low.any() and inside.sum() > _LAGS * mask.sum():
        numbers, counts = np.unique(pieces[core], return_counts=True)
        parts = np.isin(pieces, numbers[counts > _LAGS * core.sum()])
        moved = _shifted(mask, known & ~low & ~others & parts, foreign, grow)
        if moved is not None:
            outside = ((known & ~low & _dilated(moved, 2)) | (~known & moved)) & ~mask & ~others
            inside = inside | (mask & ~known & ~_dilated(moved, 1))
    return Background(inside, outside, foreign & ~outside, share)


def plane_heights(
    mask: np.ndarray, others: np.ndarray, depth: np.ndarray, camera: Camera, plane: Plane | None
) -> np.ndarray:
    """[H,W] height above the support plane, in standard deviations of its own pixels around the mask; NaN unknown.

    Args:
        mask: [H,W] bool, of one object.
        others: [H,W] bool, of all other objects.
        depth: [H,W] metres along z, NaN = unknown.
        camera: Its camera.
        plane: The support plane. Without one, or where none of it is seen, all heights are infinite.
    """
    high = np.where(np.isfinite(depth), np.inf, np.nan)
    if plane is None:
        return high
    height = plane.height(camera.back_project(depth).astype(np.float64))
    with np.errstate(invalid="ignore"):
        flat = np.abs(height) < 3 * depth_noise(depth)
        around = _dilated(mask, 15) & ~_dilated(mask, 3) & ~others & flat
        if around.sum() < _LEAST_KNOWN:
            around = flat & ~mask & ~others
        if around.sum() < _LEAST_KNOWN:
            return high
        middle = float(np.median(height[around]))
        scatter = 1.4826 * float(np.median(np.abs(height[around] - middle)))
        return np.asarray((height - middle) / np.clip(scatter, _FLATTEST, float(np.median(depth_noise(depth[around])))))


def on_or_below_plane(level: np.ndarray) -> np.ndarray:
    """[H,W] bool: on the support plane or below it."""
    with np.errstate(invalid="ignore"):
        return np.asarray(level < _LOW)


def _pieces(mask: np.ndarray, others: np.ndarray, depth: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smooth pieces of depth [H,W] int (0: none), and the numbers of those that may belong to the object.

    These lie mostly inside the mask; the piece with most pixels inside is always one of them.
    """
    usable = np.isfinite(depth) & ~low & ~others
    filled = np.where(usable, depth, np.nan).astype(np.float32)
    smooth = usable.copy()
    for axis in (0, 1):
        step = np.abs(np.diff(filled, axis=axis))
        before = filled[:-1] if axis == 0 else filled[:, :-1]
        with np.errstate(invalid="ignore"):
            jump = step > _JUMP * (1 + before)
        smooth[(slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))] &= ~jump
        smooth[(slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))] &= ~jump
    count, pieces = cv2.connectedComponents(smooth.astype(np.uint8), connectivity=4)
    inside = np.bincount(pieces[mask], minlength=count)
    total = np.bincount(pieces.ravel(), minlength=count)
    own = 2 * inside >= total
    inside[0] = 0
    own[[0, int(inside.argmax())]] = True  # 0: pixels at depth steps and without depth stay undecided
    return pieces, np.flatnonzero(own)


def _undecided(mask: np.ndarray, core: np.ndarray, foreign: np.ndarray, reach: float) -> np.ndarray:
    """[H,W] bool: undecided pixels near the border that are closer to background than to the object.

    Stereo loses depth on the background beside an object, not on the object, so the threshold favours background.
    """
    left = mask & ~foreign
    near = left & ~core & ~_eroded(left, reach)
    return near & (_distance(foreign) < 1.5 * _distance(core))


def _shifted(mask: np.ndarray, object_: np.ndarray, foreign: np.ndarray, grow: float) -> np.ndarray | None:
    """The mask [H,W] bool shifted to cover most of the object and least of the rest; None if that gains little.

    Depth that is wider than the silhouette on all sides, or a neighbour, does not shift it: the whole shape must fit, and
    most of the background must be outside afterwards.
    """
    coarse, reach = max(1, int(grow)), int(_REACH * grow)
    evidence = object_.astype(np.float32) - foreign
    wide = np.pad(evidence, reach)[::coarse, ::coarse]
    shape = mask[::coarse, ::coarse].astype(np.float32)
    score = cv2.matchTemplate(wide, shape, cv2.TM_CCORR)  # the sum of evidence under the mask, for every shift
    middle = reach // coarse
    best = np.array(np.unravel_index(int(score.argmax()), score.shape))
    gain = float(score[tuple(best)] - score[middle, middle]) / max(float(shape.sum()), 1)
    dy, dx = (int(v) for v in (best - middle) * coarse)
    if gain < max(2 * _LAGS, float((mask & foreign).sum() / mask.sum())) or max(abs(dy), abs(dx)) < _LEAST_SHIFT * grow:
        return None
    around = np.pad(mask, reach)
    rows, columns = mask.shape
    return around[reach - dy : reach - dy + rows, reach - dx : reach - dx + columns]


def _distance(on: np.ndarray) -> np.ndarray:
    """[H,W] distance in pixels to the nearest true pixel."""
    if not on.any():
        return np.full(on.shape, np.inf, dtype=np.float32)
    return cv2.distanceTransform((~on).astype(np.uint8), cv2.DIST_L2, 5)


def _dilated(on: np.ndarray, reach: float) -> np.ndarray:
    return _distance(on) <= reach


def _eroded(on: np.ndarray, reach: float) -> np.ndarray:
    return ~_dilated(~on, reach)
