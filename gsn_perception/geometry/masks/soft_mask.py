"""Converts soft masks (probabilities, anti-aliased, interpolated or JPEG-compressed masks) to hard labels."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry.remark import Remark

_RAMPS = 0.1  # share of border pixels whose value lies between their neighbours' values; 0 in a label image
_REACH = 2  # pixels to either side that are compared to detect a ramp
_LEAST_RAMP = 12  # least number of ramp pixels
_SOLID = 40  # pixels of a value in patches of 3x3: it may be a label
_LARGE = 0.1  # of the patch pixels of the most frequent value; fewer may come from compression
_CREDIBLE = 64  # a largest value that may mean probability 1
_PATCH = np.ones((3, 3), np.uint8)
_APART = 0.05  # of the largest value: labels nearer to each other than this come from compression


def harden_mask(mask: np.ndarray) -> tuple[np.ndarray | None, Remark | None]:
    """A soft mask converted to hard labels.

    In a label image no pixel has a value between those of its neighbours. If there are many such ramp pixels, the values
    that fill whole patches are the labels, and each ramp pixel gets the label of the nearest patch. A mask with at most
    one such value is thresholded at half of its largest value.

    Args:
        mask: [H,W] uint8 or uint16.

    Returns:
        The same array if it is a label image; else hard labels and a remark; (None, None) if it is neither labels nor one
        soft object.
    """
    top = int(mask.max()) if mask.size else 0
    if top < 2 or min(mask.shape) < 3:
        return mask, None
    window = _window(mask)
    part = mask[window].astype(np.float32)
    low, high = cv2.erode(part, _PATCH), cv2.dilate(part, _PATCH)
    flat = cv2.dilate((low == high).astype(np.uint8), _PATCH) > 0
    edges = (low != high).sum()
    ramps = _between(part) & ~flat
    if ramps.sum() < max(_LEAST_RAMP, _RAMPS * edges):
        return mask, None
    values, counts = np.unique(mask[window][flat], return_counts=True)
    enough = (counts >= _SOLID) & (values > _ground(mask, top))
    solid, counts = values[enough], counts[enough]
    result = np.zeros_like(mask)
    if top >= _CREDIBLE and _one_object(solid, counts, top):
        result[mask > 0.5 * top] = 1  # the largest value differs from frame to frame
        how = "was cut at half of the largest"
    elif not len(solid) or (len(solid) > 1 and top >= _CREDIBLE and np.diff(solid).min() < _APART * top):
        return None, None
    else:
        result[window] = _nearest_patch(mask[window], flat, solid)
        how = f"was taken as the labels {', '.join(str(v) for v in solid[:8])}"
    many = len(np.unique(mask)) - 1
    return result, Remark(
        "mask_soft",
        f"the mask holds {many} values that run into each other and {how}; "
        "give one whole number per object, saved as PNG and resized without interpolation",
    )


def _window(mask: np.ndarray) -> tuple[slice, slice]:
    """The part of a mask that is not background, with a margin."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(max(rows[0] - 3, 0), rows[-1] + 4), slice(max(columns[0] - 3, 0), columns[-1] + 4)


def _between(image: np.ndarray) -> np.ndarray:
    """[H,W] bool: the value lies strictly between those within two pixels on opposite sides, in any direction."""
    wide = np.pad(image, _REACH, mode="edge")
    rows, columns = image.shape

    def at(dy: int, dx: int) -> np.ndarray:
        return wide[_REACH + dy : _REACH + dy + rows, _REACH + dx : _REACH + dx + columns]

    middle = np.zeros(image.shape, dtype=bool)
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        before = [at(-step * dy, -step * dx) for step in range(1, _REACH + 1)]
        after = [at(step * dy, step * dx) for step in range(1, _REACH + 1)]
        for first, second in ((before, after), (after, before)):
            middle |= (np.minimum.reduce(first) < image) & (np.maximum.reduce(second) > image)
    return middle


def _one_object(solid: np.ndarray, counts: np.ndarray, top: int) -> bool:
    """Whether patches hold no value, or values up to the largest without a gap: probabilities of one object."""
    large = solid[counts >= _LARGE * counts.max()] if len(solid) else solid
    return not len(large) or bool(large.min() > 0.7 * top and np.diff(large, append=top).max() < _APART * top)


def _ground(mask: np.ndarray, top: int) -> float:
    """The largest background value; above 0 if probabilities are nowhere 0, which the image's border shows."""
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    usual = float(np.quantile(border, 0.9))
    return 0.2 * top if 0 < usual < 0.15 * top else 0.0


def _nearest_patch(part: np.ndarray, flat: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Each pixel gets the value of the nearest patch of a label or of background."""
    sure = flat & (np.isin(part, solid) | (part == 0))
    _, where = cv2.distanceTransformWithLabels((~sure).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros(int(where.max()) + 1, dtype=part.dtype)
    table[where[sure]] = part[sure]
    return table[where]
