"""Which pieces of a mask are one object's, and which holes and stripes in it are none."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from gsn_perception.geometry import Camera

_LINK = 3.0  # pixels between pieces that are one whatever their size
_LINK_PART = 0.05  # likewise, of the largest piece's diagonal
_TINY = 0.01  # of the largest piece's pixels: such a piece must lie close by
_PART = 0.05  # of those: such a piece may be what an occluder cut off
_CLOSE, _FAR = 0.1, 0.5  # of the largest piece's size: how far tiny and other pieces may be
_CLOSE_METRES, _FAR_METRES = 0.01, 0.02  # and never less
_HIDDEN_FAR = 1.5  # of its size, with something in front all the way
_HIDDEN = 0.8  # of the way
_BEFORE = 0.01  # metres nearer than both ends
_ROUNDS = 4  # of looking for pieces near pieces
_SAMPLES = 400  # points of a piece that stand for it
_MOST_PIECES = 64  # the largest are looked at one by one; the rest of a mask of crumbs are left out
_BESIDE = 0.5  # of its diagonal: a part that is so near in the image belongs to it unless it is far in space
_STRIPES = 0.25  # of the mask's pixels in narrow gaps: they are no shape but damage
# holes up to this share of the mask are filled: anyway, as one of many, with the object's depth
_HOLE, _HOLE_OF_MANY, _HOLE_SEEN = 0.002, 0.01, 0.05
_MANY = 3


def own_pieces(mask: np.ndarray, others: np.ndarray, depth: np.ndarray | None, camera: Camera) -> np.ndarray:
    """The pieces [H,W] bool of a mask that belong to its largest: near it, or cut off by what hides the way to it.

    Near means so in space where both have depth, in the image elsewhere.

    Args:
        mask: [H,W] bool, of one object.
        others: [H,W] bool, of all other objects.
        depth: [H,W] metres along z, NaN = unknown; or None.
        camera: Its camera.
    """
    count, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = np.bincount(numbers.ravel(), minlength=count)
    areas[0] = 0
    order = np.argsort(-areas, kind="stable")[: min(count - 1, _MOST_PIECES)]
    kept = numbers == order[0]
    largest = _Piece(kept, depth, camera)
    link = max(_LINK, _LINK_PART * largest.diagonal)
    linked = set(np.unique(numbers[_linked(mask, kept, link)]).tolist())
    waiting = {int(n): _Piece(numbers == n, depth, camera) for n in order[1:]}
    for _ in range(_ROUNDS):  # what is near to what is kept is kept
        ways = _Ways(_Piece(kept, depth, camera), others, depth)
        found = [n for n, piece in waiting.items() if _belongs(piece, largest, n in linked, ways)]
        for number in found:
            kept = kept | waiting.pop(number).on
        if not found:
            break
    return kept


class _Piece:
    """One connected piece of a mask."""

    def __init__(self, on: np.ndarray, depth: np.ndarray | None, camera: Camera) -> None:
        self.on = on
        rows, columns = np.nonzero(on)
        self.pixels = len(rows)
        self.diagonal = float(np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1))
        self.points = np.zeros((0, 3))
        if depth is None:
            return
        z = depth[rows, columns]
        good = np.flatnonzero(np.isfinite(z))
        if len(good):
            good = good[np.linspace(0, len(good) - 1, min(len(good), _SAMPLES)).astype(int)]
            rays = camera.rays(np.stack([columns[good] + 0.5, rows[good] + 0.5], axis=1))
            self.points = rays * z[good, None]

    @property
    def size(self) -> float:
        """Metres across, by the points without the farthest."""
        low, high = np.percentile(self.points, [5, 95], axis=0)
        return float(np.linalg.norm(high - low))


class _Ways:
    """The straight ways in the image from pieces to the object."""

    def __init__(self, main: _Piece, others: np.ndarray, depth: np.ndarray | None) -> None:
        self.main, self._others, self._depth = main, others, depth
        self._far, self._nearest = cv2.distanceTransformWithLabels(
            (~main.on).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )

    def gap(self, piece: _Piece) -> float:
        """Pixels to the object."""
        return float(self._far[piece.on].min())

    def hidden(self, piece: _Piece, *, labelled: bool = False) -> bool:
        """Whether another object, or something nearer than both ends unless it must be ``labelled``, covers the way."""
        start = np.unravel_index(int(np.where(piece.on, self._far, np.inf).argmin()), self._far.shape)
        there = np.argwhere(self.main.on & (self._nearest == self._nearest[start]))
        if not len(there):
            return False
        span = there[0] - np.array(start)
        steps = np.linspace(0, 1, max(int(np.abs(span).max()), 2) + 1)[1:-1, None]
        rows, columns = np.round(np.array(start) + steps * span).astype(int).T
        hidden = self._others[rows, columns]
        if not labelled and self._depth is not None and len(piece.points) and len(self.main.points):
            ends = [float(np.percentile(p.points[:, 2], 10)) for p in (piece, self.main)]
            with np.errstate(invalid="ignore"):
                hidden = hidden | (self._depth[rows, columns] < min(ends) - _BEFORE)
        return bool(hidden.mean() >= _HIDDEN)


def _belongs(piece: _Piece, largest: _Piece, linked: bool, ways: _Ways) -> bool:
    """Whether a piece is near what is kept, in space where both have depth, or cut off from it."""
    part, gap = piece.pixels / largest.pixels, ways.gap(piece)
    if gap <= largest.diagonal and ways.hidden(piece, labelled=True):
        return True
    if not (len(piece.points) and len(largest.points)):
        if linked or (part >= _TINY and gap <= _CLOSE * largest.diagonal):
            return True
        return part >= _PART and gap <= _BESIDE * largest.diagonal
    size = largest.size
    apart = float(cKDTree(ways.main.points).query(piece.points)[0].min())
    apart -= 2 * size / np.sqrt(len(ways.main.points))  # the spacing of the samples
    tiny = part < _TINY and not linked
    if apart <= (max(_CLOSE_METRES, _CLOSE * size) if tiny else max(_FAR_METRES, _FAR * size)):
        return True
    if part < _PART:
        return False
    return (apart <= size and gap <= _BESIDE * largest.diagonal) or (apart <= _HIDDEN_FAR * size and ways.hidden(piece))


def _linked(mask: np.ndarray, main: np.ndarray, reach: float) -> np.ndarray:
    """[H,W] bool: the mask's pixels that are joined to its main piece by steps of at most ``reach`` pixels."""
    wide = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) <= reach / 2
    _, groups = cv2.connectedComponents(wide.astype(np.uint8), connectivity=8)
    return mask & (groups == groups[main][0])


def without_stripes(mask: np.ndarray, free: np.ndarray, width: int) -> np.ndarray:
    """The mask [H,W] bool without narrow gaps along rows or columns, where they are so many that they are damage.

    Args:
        mask: [H,W] bool, of one object.
        free: [H,W] bool, pixels that may be filled.
        width: One more than the widest gap that is filled, pixels.
    """
    image = np.pad(mask, width).astype(np.uint8)  # a closing takes what is beyond the border for mask
    inner = (slice(width, -width), slice(width, -width))
    gaps = np.zeros_like(mask)
    for shape in ((width, 1), (1, width)):
        gaps |= cv2.morphologyEx(image, cv2.MORPH_CLOSE, np.ones(shape, np.uint8))[inner] > 0
    gaps &= free & ~mask
    return mask | gaps if gaps.sum() >= _STRIPES * mask.sum() else mask


def without_holes(mask: np.ndarray, others: np.ndarray, contrary: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """The mask [H,W] bool without small holes that nothing speaks for.

    Args:
        mask: [H,W] bool, of one object.
        others: [H,W] bool, of all other objects.
        contrary: [H,W] bool, where the depth is of something else.
        known: [H,W] bool, where there is depth; None without.
    """
    count, holes, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    if count <= 2:
        return mask
    area = stats[:, cv2.CC_STAT_AREA]
    total = int(mask.sum())
    open_ = np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))
    bad = np.bincount(holes[contrary | others], minlength=count)
    seen = bad * 0 if known is None else np.bincount(holes[known & ~contrary], minlength=count)
    free = bad <= 0.1 * area
    free[open_] = free[0] = False
    some = free & (area <= _HOLE_OF_MANY * total)
    fill = some if some.sum() >= _MANY else free & (area <= _HOLE * total)  # a cup's handle has one hole
    fill |= free & (area <= _HOLE_SEEN * total) & (seen >= 0.5 * area)
    return mask | (fill[holes] & ~others)
