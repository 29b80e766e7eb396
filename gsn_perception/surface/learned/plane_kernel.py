"""The layers of a decoder with planes as one compiled loop over small blocks of points, which stay in the nearest cache."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

_BLOCK = 64  # points
STEP = 4
"""Widths of layers are multiples of this, padded by zeros."""


class Layers(NamedTuple):
    """Weights of a decoder, float32, contiguous; B blocks of width H, features of width C.

    Attributes:
        place: [H,4] from coordinates and one.
        mix: [B,H,C] from features.
        late: [B,H] biases that are added with the features.
        first: [B,H,H] first layers of the blocks.
        inner: [B,H] their biases.
        second: [B,H,H] second layers, without biases.
        last: [H] bias of the last second layer.
        leave: [4,H] to the logit, in the first row.
        end: [4] its bias.
    """

    place: np.ndarray
    mix: np.ndarray
    late: np.ndarray
    first: np.ndarray
    inner: np.ndarray
    second: np.ndarray
    last: np.ndarray
    leave: np.ndarray
    end: np.ndarray


@numba.njit(nogil=True, cache=True, fastmath=True)
def decoded(
    maps: np.ndarray,  # [3,R,R,C] features of the planes
    axes: np.ndarray,  # [3,2] their axes
    points: np.ndarray,  # [P,3]
    half: np.float32,
    empty: np.float32,
    n: Layers,
    out: np.ndarray,  # [P] the result
) -> None:
    """Logits at points; at most ``empty`` outside the cube of half side ``half``."""
    C, H, inverse = maps.shape[3], n.leave.shape[1], np.float32(1.0) / half
    near, features = np.zeros((_BLOCK, C), np.float32), np.zeros((n.mix.shape[2], _BLOCK), np.float32)
    x, a, b = np.zeros((H, _BLOCK), np.float32), np.zeros((H, _BLOCK), np.float32), np.zeros((H, _BLOCK), np.float32)
    unit, logits = np.ones((4, _BLOCK), np.float32), np.zeros((STEP, _BLOCK), np.float32)
    for begin in range(0, len(points), _BLOCK):
        count = min(_BLOCK, len(points) - begin)
        _interpolated(maps, axes, points[begin : begin + count], half, near)
        _turned(near, features)
        for p in range(count):
            for k in range(3):
                unit[k, p] = points[begin + p, k] * inverse
        x[:] = 0.0
        _add_product(n.place, unit, x)
        for i in range(len(n.mix)):
            _biased(n.late[i], x)
            _add_product(n.mix[i], features, x)
            _rectified(x, a)
            _filled(n.inner[i], b)
            _add_product(n.first[i], a, b)
            _rectified(b, b)
            _add_product(n.second[i], b, x)
        _biased(n.last, x)
        _rectified(x, a)
        _filled(n.end, logits)
        _add_product(n.leave, a, logits)
        for p in range(count):
            x0, x1, x2 = points[begin + p, 0], points[begin + p, 1], points[begin + p, 2]
            beyond = max(abs(x0), abs(x1), abs(x2)) > half
            out[begin + p] = min(logits[0, p], empty) if beyond else logits[0, p]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _add_product(weight: np.ndarray, values: np.ndarray, out: np.ndarray) -> None:
    """Adds weight [H,K] values [K,block] to out [H,block]; four rows and columns at a time, so that loads do not limit it."""
    H, K = weight.shape
    for h in range(0, H, STEP):
        for k in range(0, K, STEP):
            p0, p1, p2, p3 = weight[h, k], weight[h, k + 1], weight[h, k + 2], weight[h, k + 3]
            q0, q1, q2, q3 = weight[h + 1, k], weight[h + 1, k + 1], weight[h + 1, k + 2], weight[h + 1, k + 3]
            r0, r1, r2, r3 = weight[h + 2, k], weight[h + 2, k + 1], weight[h + 2, k + 2], weight[h + 2, k + 3]
            s0, s1, s2, s3 = weight[h + 3, k], weight[h + 3, k + 1], weight[h + 3, k + 2], weight[h + 3, k + 3]
            for i in range(_BLOCK):
                a, b, c, d = values[k, i], values[k + 1, i], values[k + 2, i], values[k + 3, i]
                out[h, i] += p0 * a + p1 * b + p2 * c + p3 * d
                out[h + 1, i] += q0 * a + q1 * b + q2 * c + q3 * d
                out[h + 2, i] += r0 * a + r1 * b + r2 * c + r3 * d
                out[h + 3, i] += s0 * a + s1 * b + s2 * c + s3 * d


@numba.njit(nogil=True, cache=True, fastmath=True)
def _biased(bias: np.ndarray, out: np.ndarray) -> None:
    for h in range(len(bias)):
        for i in range(_BLOCK):
            out[h, i] += bias[h]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _filled(bias: np.ndarray, out: np.ndarray) -> None:
    for h in range(len(bias)):
        for i in range(_BLOCK):
            out[h, i] = bias[h]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _turned(values: np.ndarray, out: np.ndarray) -> None:
    for i in range(_BLOCK):
        for k in range(values.shape[1]):
            out[k, i] = values[i, k]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _rectified(values: np.ndarray, out: np.ndarray) -> None:
    for h in range(len(values)):
        for i in range(_BLOCK):
            out[h, i] = max(values[h, i], np.float32(0.0))


@numba.njit(nogil=True, cache=True, fastmath=True)
def _interpolated(maps: np.ndarray, axes: np.ndarray, points: np.ndarray, half: np.float32, out: np.ndarray) -> None:
    """Sum over the planes of their bilinear features; as ``grid_sample`` with aligned corners and border padding."""
    R, C = maps.shape[1], maps.shape[3]
    last = np.float32(R - 1)
    scale, middle = last / (np.float32(2.0) * half), np.float32(0.5) * last
    for p in range(len(points)):
        for c in range(C):
            out[p, c] = 0.0
        for k in range(len(axes)):
            u = min(max(points[p, axes[k, 0]] * scale + middle, np.float32(0.0)), last)
            v = min(max(points[p, axes[k, 1]] * scale + middle, np.float32(0.0)), last)
            i, j = min(int(u), R - 2), min(int(v), R - 2)
            a, b = u - np.float32(i), v - np.float32(j)
            w00, w01 = (np.float32(1.0) - a) * (np.float32(1.0) - b), a * (np.float32(1.0) - b)
            w10, w11 = (np.float32(1.0) - a) * b, a * b
            m = maps[k]
            for c in range(C):
                out[p, c] += w00 * m[j, i, c] + w01 * m[j, i + 1, c] + w10 * m[j + 1, i, c] + w11 * m[j + 1, i + 1, c]
