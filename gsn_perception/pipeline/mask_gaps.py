"""Masks that lack what the depth lacks: gaps and notches along rims where the sensor measured nothing.

A mask that was made from depth ends where depth ends, so that a mug's rim is torn and its outline spiky, although nothing
was seen past the object there. Only pixels without depth are touched.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from gsn_perception.geometry import Observation

_WIDEST = 1.0 / 16.0  # of the object's extent: wider gaps are left open
_PIXELS = (3, 9)
_AROUND = 8  # pixels beside the object in which depth must be known in most places
_KNOWN = 0.5
_SPIKE = 0.34  # share of the pixels around one below which it sticks out; a square corner has 0.36


def with_filled_gaps(observation: Observation) -> Observation:
    """The frame with the gaps of every object's mask filled where the depth has them, too."""
    if observation.depth is None or observation.mask is None:
        return observation
    mask = observation.mask.copy()
    for label in np.unique(mask[mask > 0]):
        own = observation.mask == label
        filled = filled_gaps(own, observation.depth)
        mask[own & ~filled] = 0
        mask[filled & (observation.mask == 0)] = label
    return observation if np.array_equal(mask, observation.mask) else replace(observation, mask=mask)


def filled_gaps(mask: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The mask with narrow gaps of unknown depth filled, and without spikes that stick out into unknown depth.

    Args:
        mask: [H,W] bool, one object.
        depth: [H,W] metres, NaN = unknown.

    Returns:
        [H,W] bool; the mask as it is where the surroundings have no depth either, so that holes in it prove nothing.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return mask
    margin = _AROUND + 2
    window = (
        slice(max(rows[0] - margin, 0), rows[-1] + margin + 1),
        slice(max(columns[0] - margin, 0), columns[-1] + margin + 1),
    )
    own, unknown = mask[window].astype(np.uint8), ~np.isfinite(depth[window])
    beside = cv2.dilate(own, np.ones((3, 3), np.uint8), iterations=_AROUND).astype(bool) & (own == 0)
    if not beside.any() or (~unknown)[beside].mean() < _KNOWN:
        return mask
    extent = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    size = int(np.clip(round(extent * _WIDEST), *_PIXELS)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    padded = np.pad(own, size)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[size:-size, size:-size] > 0
    filled = (own > 0) | (closed & unknown)
    ragged = cv2.dilate((unknown & ~filled).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    spikes = filled & ragged & (cv2.blur(filled.astype(np.float32), (5, 5)) < _SPIKE)
    core = cv2.erode(filled.astype(np.uint8), np.ones((3, 3), np.uint8))
    thick = cv2.dilate(core, np.ones((3, 3), np.uint8), iterations=2) > 0  # thin things are no spikes
    out = mask.copy()
    out[window] = filled & ~(spikes & thick)
    return out
