"""Segmentation of one object in a region of interest of a colour image, by GrabCut (Rother et al. 2004)."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import InputError

_LONGEST = 320  # pixels of the working image
_ROUNDS = 4
_LEAST_PIXELS = 100


def cut_out(image: np.ndarray, roi: tuple[int, int, int, int]) -> np.ndarray:
    """The object inside a box.

    Args:
        image: [H,W,3] uint8 RGB.
        roi: (x, y, w, h) in pixels around the object, with some background on every side of it.

    Returns:
        [H,W] uint16, 1 on the object.

    Raises:
        InputError: the box leaves no background, or nothing in it differs from its surroundings.
    """
    x, y, w, h = roi
    rows, columns = image.shape[:2]
    border = max(w, h) // 2
    x0, y0, x1, y1 = max(x - border, 0), max(y - border, 0), min(x + w + border, columns), min(y + h + border, rows)
    if (x1 - x0) * (y1 - y0) - w * h < 0.05 * w * h:
        raise InputError("the region of interest leaves no background to compare with; draw it closer to the object")
    scale = min(1.0, _LONGEST / max(x1 - x0, y1 - y0))
    size = (max(round((x1 - x0) * scale), 8), max(round((y1 - y0) * scale), 8))
    patch = cv2.resize(image[y0:y1, x0:x1, ::-1], size, interpolation=cv2.INTER_AREA)
    box = np.round(np.array([x - x0, y - y0, w, h]) * scale).astype(int)
    if min(box[2:]) < 4:
        raise InputError("the region of interest is only a few pixels wide; draw it around the whole object")
    found = cv2.resize(_grabcut(patch, box), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR) > 0.5
    mask = np.zeros((rows, columns), dtype=np.uint16)
    mask[y0:y1, x0:x1] = found
    if mask.sum() < _LEAST_PIXELS:
        raise InputError("nothing in the region of interest stands out from its surroundings; give a mask")
    return mask


def _grabcut(patch: np.ndarray, box: np.ndarray) -> np.ndarray:
    """[h,w] float32: 1 on the largest piece of foreground, with holes of a few pixels closed."""
    marks = np.zeros(patch.shape[:2], dtype=np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(patch, marks, tuple(int(v) for v in box), *models, _ROUNDS, cv2.GC_INIT_WITH_RECT)
    front = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    opened = cv2.morphologyEx(front, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    if count < 2:
        return np.zeros(patch.shape[:2], dtype=np.float32)
    return (pieces == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])).astype(np.float32)
