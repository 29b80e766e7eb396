"""Blocks of 4x4 pixels as 16 SIMD lanes, and the block range that an ellipse covers.

A state buffer is [block row, block column, channel, lane] in one flat array. All offsets between channels are
compile-time constants, so LLVM turns each lane loop into straight vector code without aliasing checks or remainders.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numba import types
from numba.extending import overload
from numpy.polynomial import Chebyshev
from numpy.polynomial import Polynomial

from gsn_perception.rendering.cpu.projection import CA
from gsn_perception.rendering.cpu.projection import REACH
from gsn_perception.rendering.cpu.projection import VXX
from gsn_perception.rendering.cpu.projection import VXY
from gsn_perception.rendering.cpu.projection import VYY

SIDE = 4
LANES = SIDE * SIDE
FAST = {"contract", "nsz", "arcp", "reassoc"}

# exp(x) = exp(x/8)^8 on [-8, 0]; below -8 a Gaussian is invisible. Relative error below 3e-6.
_C0, _C1, _C2, _C3, _C4, _C5, _C6 = (
    np.float32(c) for c in Chebyshev.interpolate(np.exp, 6, domain=[-1, 0]).convert(kind=Polynomial).coef
)
_EIGHTH, _LOWEST, _ZERO = np.float32(0.125), np.float32(-1.0), np.float32(0.0)


def exp_negative(x: float) -> float:
    """exp(x) for x <= 0, where values under exp(-8) may come out as exp(-8)."""
    return math.exp(x)


@overload(exp_negative, inline="always")
def _exp_negative(x):  # noqa: ANN001, ANN202
    if x != types.float32:
        return lambda x: math.exp(x)

    def fast(x):  # noqa: ANN001, ANN202
        y = min(max(x * _EIGHTH, _LOWEST), _ZERO)
        p = _C0 + y * (_C1 + y * (_C2 + y * (_C3 + y * (_C4 + y * (_C5 + y * _C6)))))
        p = p * p
        p = p * p
        return p * p

    return fast


def blocks(size: int) -> int:
    """Blocks that cover ``size`` pixels."""
    return -(-size // SIDE)


@njit(nogil=True, cache=True, error_model="numpy")
def ellipse_of(record):  # noqa: ANN001, ANN201
    """Values of a record's ellipse ``sigma <= reach / 2`` that :func:`row_span` needs.

    Returns:
        Half height; dy of its rightmost point; slope dx/dy of its centre line; reach; 1 / cov_yy; 1 / conic_xx.
    """
    xx, xy, yy = float(record[VXX]), float(record[VXY]), float(record[VYY])
    reach = float(record[REACH])
    half_height = math.sqrt(reach * yy)
    rightmost = xy * math.sqrt(reach / xx)
    return half_height, rightmost, xy / yy, reach, 1.0 / yy, 1.0 / float(record[CA])


@njit(nogil=True, cache=True, error_model="numpy")
def row_span(mx, my, ellipse, row, columns):  # noqa: ANN001, ANN201
    """First and past-the-last block column that the ellipse touches in a row of blocks."""
    half_height, rightmost, slope, reach, curve, inv_A = ellipse
    top = max(row * SIDE + 0.5 - my, -half_height)
    bottom = min(row * SIDE + (SIDE - 0.5) - my, half_height)
    dy = min(max(rightmost, top), bottom)
    right = mx + slope * dy + math.sqrt(max(reach - dy * dy * curve, 0.0) * inv_A)
    dy = min(max(-rightmost, top), bottom)
    left = mx + slope * dy - math.sqrt(max(reach - dy * dy * curve, 0.0) * inv_A)
    first = int(max(math.ceil(left - 0.5), 0.0)) // SIDE
    last = int(max(math.floor(min(right, float(SIDE * columns)) - 0.5) + 1.0, 0.0))
    return first, min((last + SIDE - 1) // SIDE, columns)


@njit(nogil=True, cache=True)
def row_range(my, half_height, begin, end):  # noqa: ANN001, ANN201
    """Rows of blocks within [begin, end) that hold a pixel centre within half_height of my."""
    first = math.ceil(max(my - half_height - 0.5, 0.0))
    last = math.floor(min(my + half_height - 0.5, float(SIDE * end)))
    return max(int(first) // SIDE, begin), min(int(last) // SIDE + 1, end)
