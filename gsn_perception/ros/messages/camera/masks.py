"""Converts the pixels of a mask or label image to instance labels, 0 = background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from gsn_perception.geometry import InputError

MaskMode = Literal["binary", "labels"]
_MOST = np.iinfo(np.uint16).max
_LABEL_MAPS = (
    "publish mono8, 8UC1, 16UC1 or 32SC1, or Gazebo's labels_map (a segmentation camera of type semantic or panoptic) "
    "and not its colored_map"
)
_MOST_INSTANCES = 1024  # limit of the instances of one class; colours of a palette nearly always exceed it


def labels_of(pixels: np.ndarray, encoding: str, mode: MaskMode, background: Sequence[int] = (0,)) -> np.ndarray:
    """Instance labels [H,W] uint8 or uint16, 0 = background.

    Args:
        pixels: [H,W] numbers, or [H,W,3 or 4] of a coloured label map: equal channels (Gazebo's semantic labels_map),
            or the class in blue and the instance number in red + 256 green (its panoptic one).
        encoding: As in sensor_msgs/Image.
        mode: ``binary`` gives all pixels except the background label 1, ``labels`` keeps each value.
        background: Values of the background. Where 0 is not among them, it is an object, and every label is one
            higher than its value. In a panoptic map these are classes.

    Raises:
        InputError: the values are not labels, or outside 0..65535.
    """
    if pixels.dtype.kind == "f":
        pixels = _integer_labels(pixels, encoding)
    values, classes = _from_colours(pixels, encoding) if pixels.ndim == 3 else (pixels, pixels)
    if mode == "binary":
        return _is_object(classes, background).astype(np.uint8)
    if tuple(background) == (0,):
        return _narrowed(values)
    wide = values.astype(np.int64) + (0 if 0 in background else 1)
    wide[np.isin(classes, background)] = 0
    return _narrowed(wide)


def _is_object(classes: np.ndarray, background: Sequence[int]) -> np.ndarray:
    if tuple(background) == (0,):
        return classes > 0
    found = ~np.isin(classes, background)
    return found & (classes > 0) if 0 in background else found


def _narrowed(labels: np.ndarray) -> np.ndarray:
    """Labels as uint8 if they have that type, else as uint16."""
    if labels.dtype in (np.uint8, np.uint16):
        return np.array(labels)
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most > _MOST:
        wrong = least if least < 0 else most
        raise InputError(
            f"the mask holds labels outside 0..{_MOST}, e.g. {wrong}; number the objects from 1, or name the "
            "labels that are no objects in mask_background"
        )
    return labels.astype(np.uint16)


def _integer_labels(pixels: np.ndarray, encoding: str) -> np.ndarray:
    """A float image of labels as integers; NaN is background."""
    known = np.nan_to_num(pixels, nan=0.0)
    if not np.isfinite(known).all() or (known != np.rint(known)).any() or np.abs(known).max() > 2**31:
        raise InputError(
            f"the {encoding} mask holds fractions, which are no labels; publish mono8 with 0 where the probability is "
            "below your threshold"
        )
    return known.astype(np.int64)


def _from_colours(pixels: np.ndarray, encoding: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels and classes [H,W] of a coloured label map."""
    if encoding not in ("rgb8", "bgr8", "rgba8", "bgra8", "8UC3", "8UC4"):
        raise InputError(f"mask encoding {encoding[:40]!r} holds no labels; {_LABEL_MAPS}")
    first, green, third = (pixels[..., channel] for channel in range(3))
    if np.array_equal(first, green) and np.array_equal(green, third):
        return green, green
    red, blue = (first, third) if encoding.startswith("rgb") else (third, first)
    classes, instances = blue.astype(np.int64), red + 256 * green.astype(np.int64)
    counted = np.where(classes > 0, (instances > 0) & (instances < _MOST_INSTANCES), instances == 0)
    if encoding.startswith("8U") or not counted.all():
        raise InputError(f"the {encoding} mask's colours are a picture of labels, not labels; {_LABEL_MAPS}")
    if instances.max() < 256:
        return 256 * classes + instances, classes
    numbers = np.unique(1024 * classes + instances, return_inverse=True)[1].reshape(classes.shape)
    return numbers + int((classes > 0).all()), classes
