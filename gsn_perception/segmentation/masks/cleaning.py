"""What of a given mask is the object: far pieces, rims of background, stripes and holes, and masks that lag."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Plane
from gsn_perception.segmentation.masks.background import background
from gsn_perception.segmentation.masks.background import levels
from gsn_perception.segmentation.masks.background import low_pixels
from gsn_perception.segmentation.masks.pieces import own_pieces
from gsn_perception.segmentation.masks.pieces import without_holes
from gsn_perception.segmentation.masks.pieces import without_stripes
from gsn_perception.segmentation.planes.grid import around

_MARGIN = 40  # pixels of a 640 wide image around the mask that are looked at
_GAP, _GAP_SEEN = 5, 13  # pixels: gaps of stripes are narrower, without and with depth that would show what is there


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """A mask and what was done to it.

    Attributes:
        mask: [H,W] bool.
        before: Its pixels as it came.
        pieces: Pieces left out whole.
        piece_pixels: Pixels in them.
        rim_pixels: Other pixels left out: they show the table or what is behind.
        filled_pixels: Pixels of holes and stripes added.
        moved_pixels: Pixels added because the object goes on there.
        lost: The mask lies beside the object; it was left as it came.
    """

    mask: np.ndarray
    before: int
    pieces: int = 0
    piece_pixels: int = 0
    rim_pixels: int = 0
    filled_pixels: int = 0
    moved_pixels: int = 0
    lost: bool = False


def clean_mask(
    mask: np.ndarray, others: np.ndarray, depth: np.ndarray | None, camera: Camera, plane: Plane | None
) -> Cleaned:
    """Keep of a mask what the depth, or without it the image, says is one object.

    A mask that fits is returned as it came.

    Args:
        mask: [H,W] bool, of one object.
        others: [H,W] bool, of all other objects.
        depth: [H,W] metres along z, NaN = unknown; or None.
        camera: Its camera.
        plane: The support plane, or None.
    """
    before = int(mask.sum())
    if not before:
        return Cleaned(mask, 0)
    rows, columns = around(mask, share=0.0, least=int(_MARGIN * max(1.0, camera.width / 640)))
    part, rest, camera_part = mask[rows, columns], others[rows, columns], camera.windowed(rows, columns)
    seen = None if depth is None else depth[rows, columns]
    known = None if seen is None else np.isfinite(seen)
    contrary, level = np.zeros_like(part), None
    if seen is not None:
        level = levels(part, rest, seen, camera_part, plane)
        contrary = low_pixels(level)
    dense = without_stripes(part, ~rest & ~contrary, _GAP if seen is None else _GAP_SEEN)
    part = own_pieces(dense, rest, seen, camera_part)
    lost, moved = False, 0
    if seen is not None and level is not None:
        found = background(part, rest, seen, level, camera.width)
        contrary, lost, moved = found.contrary, found.lost, int(found.outside.sum())
        left = (part & ~found.inside) | found.outside
        part = part if (left == part).all() else own_pieces(left, rest, seen, camera_part)
    whole = without_holes(part, rest, contrary, known)
    clean = np.zeros_like(mask)
    clean[rows, columns] = whole
    pieces, piece_pixels = _vanished(mask, clean)
    out = int((mask & ~clean).sum())
    return Cleaned(
        mask if (clean == mask).all() else clean,
        before,
        pieces,
        piece_pixels,
        out - piece_pixels,
        int((whole & ~mask[rows, columns]).sum()) - moved,
        moved,
        lost,
    )


def _vanished(before: np.ndarray, after: np.ndarray) -> tuple[int, int]:
    """How many pieces of a mask are gone wholly, and their pixels."""
    if not (before & ~after).any():
        return 0, 0
    count, numbers = cv2.connectedComponents(before.astype(np.uint8), connectivity=8)
    area = np.bincount(numbers.ravel(), minlength=count)
    kept = np.bincount(numbers[after], minlength=count)
    gone = (kept == 0) & (area > 0)
    gone[0] = False
    return int(gone.sum()), int(area[gone].sum())
