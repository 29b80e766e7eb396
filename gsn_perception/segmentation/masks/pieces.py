"""Connected pieces of a mask that belong to one object, and holes and stripes to fill."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import Camera

_LINK = 3.0  # pixels: pieces with a smaller gap are connected, whatever their size
_LINK_PART = 0.05  # likewise, of the largest piece's diagonal
_TINY = 0.01  # of the largest piece's pixels: a smaller piece must be close
_PART = 0.05  # of those: a larger piece may be cut off by an occluder
_CLOSE, _FAR = 0.1, 0.5  # of the largest piece's size: largest distance of tiny and of other pieces
_CLOSE_METRES, _FAR_METRES = 0.01, 0.02  # least values of these distances
_HIDDEN_FAR = 1.5  # of its size: largest distance with an occluder between
_HIDDEN = 0.8  # share of the path that must be occluded
_BEFORE = 0.01  # metres: an occluder is so much nearer than both ends
_ROUNDS = 4  # of the search for pieces near accepted pieces
_SAMPLES = 400  # sampled points per piece
_MOST_PIECES = 64  # only the largest pieces are tested; the others are removed
_BESIDE = 0.5  # of its diagonal: a part so near in the image belongs to it unless it is far in space
_STRIPES = 0.25  # share of the mask in narrow gaps from which on they are damage and not shape
# largest holes that are filled, as a share of the mask: any hole, one of many, one with the object's depth
_HOLE, _HOLE_OF_MANY, _HOLE_SEEN = 0.002, 0.01, 0.05
_MANY = 3


def object_pieces(mask: np.ndarray, others: np.ndarray, depth: np.ndarray | None, camera: Camera) -> np.ndarray:
    """The pieces [H,W] bool of a mask that belong to its largest piece: near it, or cut off from it by an occluder.

    Near means near in space where both have depth, else in the image.

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
    for _ in range(_ROUNDS):  # pieces near kept pieces are kept, too
        paths = _ImagePaths(_Piece(kept, depth, camera), others, depth)
        found = [n for n, piece in waiting.items() if _belongs(piece, largest, n in linked, paths)]
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
        """Diameter in metres, from the 5 to 95 percent range of the points."""
        low, high = np.percentile(self.points, [5, 95], axis=0)
        return float(np.linalg.norm(high - low))


class _ImagePaths:
    """The straight paths in the image from pieces to the object."""

    def __init__(self, main: _Piece, others: np.ndarray, depth: np.ndarray | None) -> None:
        self.main, self._others, self._depth = main, others, depth
        self._far, self._nearest = cv2.distanceTransformWithLabels(
            (~main.on).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )

    def gap(self, piece: _Piece) -> float:
        """Distance in pixels to the object."""
        return float(self._far[piece.on].min())

    def hidden(self, piece: _Piece, *, labelled: bool = False) -> bool:
        """Whether an occluder covers the path: another label, or (unless ``labelled``) depth nearer than both ends."""
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


def _belongs(piece: _Piece, largest: _Piece, linked: bool, paths: _ImagePaths) -> bool:
    """Whether a piece is near the kept pieces, in space where both have depth, or cut off from them by an occluder."""
    part, gap = piece.pixels / largest.pixels, paths.gap(piece)
    if gap <= largest.diagonal and paths.hidden(piece, labelled=True):
        return True
    if not (len(piece.points) and len(largest.points)):
        if linked or (part >= _TINY and gap <= _CLOSE * largest.diagonal):
            return True
        return part >= _PART and gap <= _BESIDE * largest.diagonal
    size = largest.size
    from scipy.spatial import cKDTree

    apart = float(cKDTree(paths.main.points).query(piece.points)[0].min())
    apart -= 2 * size / np.sqrt(len(paths.main.points))  # the spacing of the samples
    tiny = part < _TINY and not linked
    if apart <= (max(_CLOSE_METRES, _CLOSE * size) if tiny else max(_FAR_METRES, _FAR * size)):
        return True
    if part < _PART:
        return False
    return (apart <= size and gap <= _BESIDE * largest.diagonal) or (
        apart <= _HIDDEN_FAR * size and paths.hidden(piece)
    )


def _linked(mask: np.ndarray, main: np.ndarray, reach: float) -> np.ndarray:
    """[H,W] bool: the mask's pixels connected to its main piece by gaps of at most ``reach`` pixels."""
    wide = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) <= reach / 2
    _, groups = cv2.connectedComponents(wide.astype(np.uint8), connectivity=8)
    return mask & (groups == groups[main][0])


def without_stripes(mask: np.ndarray, free: np.ndarray, width: int) -> np.ndarray:
    """The mask [H,W] bool with narrow gaps along rows or columns filled, where they cover a large share of the mask.

    Args:
        mask: [H,W] bool, of one object.
        free: [H,W] bool, pixels that may be filled.
        width: One more than the widest gap that is filled, pixels.
    """
    image = np.pad(mask, width).astype(np.uint8)  # cv2's closing treats pixels outside the image as mask
    inner = (slice(width, -width), slice(width, -width))
    gaps = np.zeros_like(mask)
    for shape in ((width, 1), (1, width)):
        gaps |= cv2.morphologyEx(image, cv2.MORPH_CLOSE, np.ones(shape, np.uint8))[inner] > 0
    gaps &= free & ~mask
    return mask | gaps if gaps.sum() >= _STRIPES * mask.sum() else mask


def without_holes(mask: np.ndarray, others: np.ndarray, contrary: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """The mask [H,W] bool with small holes filled, unless depth or another label shows something else there.

    Args:
        mask: [H,W] bool, of one object.
        others: [H,W] bool, of all other objects.
        contrary: [H,W] bool, pixels with the depth of something else.
        known: [H,W] bool, pixels with depth; None without depth.
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
