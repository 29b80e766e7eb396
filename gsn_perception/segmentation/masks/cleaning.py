"""Cleaning of given masks: removes far pieces and rims of background, fills stripes and holes, shifts lagging masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Plane
from gsn_perception.segmentation.masks.background import find_background
from gsn_perception.segmentation.masks.background import on_or_below_plane
from gsn_perception.segmentation.masks.background import plane_heights
from gsn_perception.segmentation.masks.pieces import object_pieces
from gsn_perception.segmentation.masks.pieces import without_holes
from gsn_perception.segmentation.masks.pieces import without_stripes
from gsn_perception.segmentation.planes.grid import window_around

_MARGIN = 40  # pixels of a 640 wide image: margin around the mask that is searched
_GAP, _GAP_SEEN = 5, 13  # pixels: gaps of stripes are narrower; without depth, and with depth that shows the gap


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """A cleaned mask and the changes.

    Attributes:
        mask: [H,W] bool.
        before: Number of pixels of the given mask.
        pieces: Number of removed pieces.
        piece_pixels: Pixels in them.
        rim_pixels: Other removed pixels: they show the table or a surface behind the object.
        filled_pixels: Added pixels of holes and stripes.
        moved_pixels: Added pixels that show the object.
        lost: The mask lies beside the object; it was not changed.
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
    """Keep the pixels of a mask that belong to one object, by the depth, or without it by the shape of the mask.

    A mask that fits is returned as it is.

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
    rows, columns = window_around(mask, share=0.0, least=int(_MARGIN * max(1.0, camera.width / 640)))
    part, rest, camera_part = mask[rows, columns], others[rows, columns], camera.windowed(rows, columns)
    seen = None if depth is None else depth[rows, columns]
    known = None if seen is None else np.isfinite(seen)
    contrary, level = np.zeros_like(part), None
    if seen is not None:
        level = plane_heights(part, rest, seen, camera_part, plane)
        contrary = on_or_below_plane(level)
    dense = without_stripes(part, ~rest & ~contrary, _GAP if seen is None else _GAP_SEEN)
    part = object_pieces(dense, rest, seen, camera_part)
    lost, moved = False, 0
    if seen is not None and level is not None:
        found = find_background(part, rest, seen, level, camera.width)
        contrary, lost, moved = found.contrary, found.lost, int(found.outside.sum())
        left = (part & ~found.inside) | found.outside
        part = part if (left == part).all() else object_pieces(left, rest, seen, camera_part)
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
    """Number of pieces of a mask that were removed whole, and their pixels."""
    if not (before & ~after).any():
        return 0, 0
    count, numbers = cv2.connectedComponents(before.astype(np.uint8), connectivity=8)
    area = np.bincount(numbers.ravel(), minlength=count)
    kept = np.bincount(numbers[after], minlength=count)
    gone = (kept == 0) & (area > 0)
    gone[0] = False
    return int(gone.sum()), int(area[gone].sum())
