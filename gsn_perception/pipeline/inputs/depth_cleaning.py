"""Depth image filter: removes flying pixels, smooths within the sensor noise, fills pinholes, keeps silhouettes.

All steps use inverse depth, which is linear in the image wherever the surface is flat, at any slope. Stereo and
time-of-flight cameras mix near and far surfaces at depth steps; these flying pixels lie between the two surfaces. A mesh
that is cut by such depth has a ragged rim.
"""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Observation
from gsn_perception.segmentation.planes.grid import Window
from gsn_perception.segmentation.planes.grid import depth_noise
from gsn_perception.segmentation.planes.grid import window_around

_STEEPEST = float(np.tan(np.deg2rad(80.0)))  # a surface at a flatter viewing angle cannot be told from a depth step
_SIGMAS = 3.0
_RADIUS = 3  # pixels, of the smoothing window
_PEELS = 2  # rounds of removal: mixed pixels may lie two deep
_LIMIT = 2.0  # standard deviations that smoothing may move a pixel at most
_MOST = 4  # neighbours out of eight that a mixed pixel may agree with
_LEAST_NOISE = 0.2  # of the expected noise
_LEAST = 2  # pairs of neighbours that fill a hole


def with_clean_depth(observation: Observation) -> Observation:
    """The frame with clean depth on every object of its mask; depth outside the objects is not changed."""
    if observation.depth is None or observation.mask is None:
        return observation
    depth = observation.depth.copy()
    for label in np.flatnonzero(np.bincount(observation.mask.ravel())):
        if label:
            inside = observation.mask == label
            depth[inside] = clean_depth(observation.depth, observation.camera, inside)[inside]
    return replace(observation, depth=depth)


def clean_depth(depth: np.ndarray, camera: Camera, mask: np.ndarray | None = None) -> np.ndarray:
    """Depth without flying pixels and with less noise.

    A pixel becomes unknown (NaN) where it lies between a nearer surface and a farther or unknown one and few neighbours
    have its depth, or where it is isolated. Every other pixel becomes the weighted mean of itself and of the midpoints of
    opposite neighbours. This keeps planes and does not smooth across steps. A pixel moves by at most two standard
    deviations of the sensor noise, or of the observed noise where that is lower. Unknown pixels between known pixels of
    one surface are filled; all others stay unknown.

    Args:
        depth: [H,W] metres along z, NaN = unknown.
        camera: Its camera.
        mask: [H,W] bool, the object. Pixels outside it are not changed and are read only to detect steps. None: the
            whole image is one object.

    Returns:
        [H,W] float32.
    """
    out = depth.astype(np.float32, copy=True)
    rows, columns = _window(mask, depth.shape)
    part = np.pad(depth[rows, columns].astype(np.float64), _RADIUS, constant_values=np.nan)
    inside = np.pad(np.ones(depth.shape, bool) if mask is None else mask[rows, columns], _RADIUS)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.where(np.isfinite(part) & (part > 0), 1.0 / part, np.nan)
        sigma = depth_noise(part) * near**2
        step = _STEEPEST * near / min(camera.K[0, 0], camera.K[1, 1])
    for _ in range(_PEELS):
        near = _without_flying(near, sigma, step, inside)
    near[~inside] = np.nan
    holes = inside & ~np.isfinite(part)  # removed pixels stay unknown
    sigma *= _share_of_noise(near, sigma)
    near = _without_pinholes(_smoothed(near, sigma, step, _pairs()), sigma, step, holes)
    own = (slice(_RADIUS, -_RADIUS), slice(_RADIUS, -_RADIUS))
    out[rows, columns] = np.where(inside[own], 1.0 / near[own], out[rows, columns])
    return out


def _window(mask: np.ndarray | None, shape: tuple[int, ...]) -> Window:
    """Rows and columns around the mask with a margin for the filter; all without a mask, none for an empty mask."""
    if mask is None:
        return slice(0, shape[0]), slice(0, shape[1])
    return window_around(mask, share=0.0, least=_RADIUS + 1) if mask.any() else (slice(0, 0), slice(0, 0))


@numba.njit(nogil=True, cache=True)
def _without_flying(near: np.ndarray, sigma: np.ndarray, step: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Inverse depth [H,W] with mixed and isolated pixels of the object unknown."""
    height, width = near.shape
    out = near.copy()
    for i in range(1, height - 1):
        for j in range(1, width - 1):
            if not inside[i, j] or not near[i, j] > 0.0:
                continue
            agree, between = 0, False
            for di in range(-1, 2):
                for dj in range(-1, 2):
                    if di == 0 and dj == 0:
                        continue
                    reach = np.sqrt(di * di + dj * dj) * step[i, j] + _SIGMAS * sigma[i, j]
                    here = near[i + di, j + dj]
                    if abs(here - near[i, j]) <= reach:
                        agree += 1
                    elif here > near[i, j]:  # a nearer surface: is the opposite side farther, or unknown?
                        between |= not near[i - di, j - dj] >= near[i, j] - reach
            if agree < 2 or (between and agree <= _MOST):
                out[i, j] = np.nan
    return out


@numba.njit(nogil=True, cache=True)
def _smoothed(near: np.ndarray, sigma: np.ndarray, step: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The object's inverse depth [H,W] averaged over opposite neighbours, by pairs [K,4] (di, dj, length, weight).

    The weight of a pair is Tukey's biweight of the difference between its midpoint and the pixel, which keeps edges. A
    border of ``_RADIUS`` pixels is not changed.
    """
    height, width = near.shape
    out = near.copy()
    for i in range(_RADIUS, height - _RADIUS):
        for j in range(_RADIUS, width - _RADIUS):
            here = near[i, j]
            if not here > 0.0:
                continue
            total, weight = 0.0, 1.0
            widest, slope = _SIGMAS * sigma[i, j], 2.0 * step[i, j]
            for k in range(len(pairs)):
                di, dj = int(pairs[k, 0]), int(pairs[k, 1])
                one, other = near[i + di, j + dj], near[i - di, j - dj]
                off = 0.5 * (one + other) - here
                if abs(off) < widest and abs(one - other) <= pairs[k, 2] * slope + 2.0 * widest:
                    share = 1.0 - (off / widest) ** 2
                    share *= share * pairs[k, 3]
                    total += share * off
                    weight += share
            most = _LIMIT * sigma[i, j]
            out[i, j] = here + min(max(total / weight, -most), most)
    return out


@numba.njit(nogil=True, cache=True)
def _without_pinholes(near: np.ndarray, sigma: np.ndarray, step: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """The object's inverse depth [H,W], with holes filled where opposite neighbours in two directions agree."""
    height, width = near.shape
    out = near.copy()
    for i in range(1, height - 1):
        for j in range(1, width - 1):
            if not holes[i, j]:
                continue
            total, low, high, spread, count = 0.0, np.inf, -np.inf, 0.0, 0
            for k in range(4):
                di, dj = (0, 1) if k == 0 else (1, k - 2)
                one, other = near[i + di, j + dj], near[i - di, j - dj]
                if abs(one - other) <= step[i + di, j + dj] + _SIGMAS * sigma[i + di, j + dj]:
                    middle, spread = 0.5 * (one + other), max(spread, sigma[i + di, j + dj])
                    total, low, high, count = total + middle, min(low, middle), max(high, middle), count + 1
            if count >= _LEAST and high - low <= 2.0 * spread:
                out[i, j] = total / count
    return out


def _pairs() -> np.ndarray:
    """[K,4] one of each two opposite neighbours: rows, columns, distance in pixels, weight (of two measurements)."""
    rows, columns = np.mgrid[-_RADIUS : _RADIUS + 1, -_RADIUS : _RADIUS + 1]
    length = np.hypot(rows, columns)
    half = (length <= _RADIUS) & ((rows > 0) | ((rows == 0) & (columns > 0)))
    weight = 2.0 * np.exp(-0.5 * (length / (0.6 * _RADIUS)) ** 2)
    return np.stack([rows[half], columns[half], length[half], weight[half]], axis=1)


def _share_of_noise(near: np.ndarray, sigma: np.ndarray) -> float:
    """Ratio of the observed to the expected noise, at most 1: a robust estimate from second differences."""
    lag = 2
    ratios = []
    for turned, expected in ((near, sigma), (near.T, sigma.T)):
        off = 0.5 * (turned[2 * lag :] + turned[: -2 * lag]) - turned[lag:-lag]
        ratio = np.abs(off / expected[lag:-lag])
        ratios.append(ratio[np.isfinite(ratio)])
    found = np.concatenate(ratios)
    if not len(found):
        return 1.0
    return float(np.clip(np.median(found) / (0.6745 * np.sqrt(1.5)), _LEAST_NOISE, 1.0))
