"""Contact sheets: rows of image tiles with captions."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_GAP = 4
_CAPTION = 16


def to_uint8(image: np.ndarray) -> np.ndarray:
    """[H,W] or [H,W,3] in [0, 1] (or uint8 already) as RGB uint8 [H,W,3]."""
    if image.dtype != np.uint8:
        image = (np.clip(np.nan_to_num(image), 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image


def grid(rows: Sequence[Sequence[np.ndarray]], captions: Sequence[str] = ()) -> np.ndarray:
    """Tiles side by side, rows below each other, an optional caption above each row; white gaps.

    Args:
        rows: Images, any sizes, [0, 1] float or uint8.
        captions: One per row (or none).

    Returns:
        [H,W,3] uint8.
    """
    lines = []
    for index, row in enumerate(rows):
        if index < len(captions):
            lines.append(_caption(captions[index]))
        lines.append(_join([to_uint8(tile) for tile in row], axis=1))
    return _join(lines, axis=0)


def _join(images: Sequence[np.ndarray], axis: int) -> np.ndarray:
    other = 1 - axis
    longest = max(image.shape[other] for image in images)
    padded = []
    for image in images:
        widths = [(0, 0), (0, 0), (0, 0)]
        widths[other] = (0, longest - image.shape[other])
        widths[axis] = (0, _GAP)
        padded.append(np.pad(image, widths, constant_values=255))
    return np.concatenate(padded, axis=axis)


def _caption(text: str) -> np.ndarray:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    strip = np.full((_CAPTION, width + 6, 3), 255, dtype=np.uint8)
    cv2.putText(strip, text, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA)
    return strip


def label(image: np.ndarray, text: str) -> np.ndarray:
    """A copy with a small caption in the upper left corner."""
    out = to_uint8(image).copy()
    strip = _caption(text)[:, : out.shape[1]]
    out[: len(strip), : strip.shape[1]] = strip[: len(out)]
    return out
