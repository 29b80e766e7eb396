"""Front-to-back alpha blending of one view, Gaussian by Gaussian (forward pass)."""

from __future__ import annotations

import numpy as np
from numba import njit

from gsn_perception.rendering.conventions import MAX_ALPHA
from gsn_perception.rendering.conventions import MEDIAN_TRANSMITTANCE
from gsn_perception.rendering.conventions import MIN_ALPHA
from gsn_perception.rendering.conventions import MIN_TRANSMITTANCE
from gsn_perception.rendering.cpu.lanes import FAST
from gsn_perception.rendering.cpu.lanes import LANES
from gsn_perception.rendering.cpu.lanes import SIDE
from gsn_perception.rendering.cpu.lanes import ellipse_of
from gsn_perception.rendering.cpu.lanes import exp_negative
from gsn_perception.rendering.cpu.lanes import row_range
from gsn_perception.rendering.cpu.lanes import row_span
from gsn_perception.rendering.cpu.projection import BLUE
from gsn_perception.rendering.cpu.projection import CA
from gsn_perception.rendering.cpu.projection import CB
from gsn_perception.rendering.cpu.projection import CC
from gsn_perception.rendering.cpu.projection import DEPTH
from gsn_perception.rendering.cpu.projection import GREEN
from gsn_perception.rendering.cpu.projection import MX
from gsn_perception.rendering.cpu.projection import MY
from gsn_perception.rendering.cpu.projection import OPACITY
from gsn_perception.rendering.cpu.projection import RED

STATE = 7  # channels: transmittance (negative: finished), red, green, blue, depth, last contributor, median depth
T_, R_, G_, B_, D_, LAST, MEDIAN = (LANES * c for c in range(STATE))


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _blend_block(state, dx0, dy0, splat, k):  # noqa: ANN001, ANN202
    """Blend a Gaussian into a block, ``state`` [STATE * LANES]; returns the number of its unfinished pixels."""
    hA, B, hC, opacity, red, green, blue, z = splat
    one = state.dtype.type
    zero, most, least, floor = one(0.0), one(MAX_ALPHA), one(MIN_ALPHA), one(MIN_TRANSMITTANCE)
    alive = zero
    for lane in range(LANES):
        dx = dx0 + one(lane % SIDE)
        dy = dy0 + one(lane // SIDE)
        alpha = min(opacity * exp_negative(-(dx * (hA * dx + B * dy) + hC * dy * dy)), most)
        before = state[T_ + lane]
        after = before - before * alpha
        touched = (alpha >= least) & (before > zero)
        drawn = touched & (after > floor)
        weight = before * alpha if drawn else zero
        left = after if drawn else (-before if touched else before)
        state[T_ + lane] = left
        state[R_ + lane] += weight * red
        state[G_ + lane] += weight * green
        state[B_ + lane] += weight * blue
        state[D_ + lane] += weight * z
        newest = state[LAST + lane]
        state[LAST + lane] = k if drawn else newest
        alive += one(1.0) if left > zero else zero
    return alive


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _mark_median(state, before, z):  # noqa: ANN001, ANN202
    """Store the depth at pixels where the transmittance fell from ``before`` to below one half."""
    half = state.dtype.type(MEDIAN_TRANSMITTANCE)
    for lane in range(LANES):
        after = state[T_ + lane]
        crossed = (before[lane] >= half) & (after < half) & (after > state.dtype.type(0.0))
        noted = state[MEDIAN + lane]
        state[MEDIAN + lane] = z if crossed else noted


@njit(nogil=True, cache=True)
def blend_rows(records, count, columns, begin, end, median, state) -> None:  # noqa: ANN001
    """Blend one view's Gaussians into the block rows [begin, end).

    Args:
        records: [N,RECORD] from ``project_view``, front to back; the first ``count`` are valid.
        count: Valid records.
        columns: Blocks per row.
        begin: First block row.
        end: Past the last block row.
        median: Whether to compute the median depth too.
        state: Flat [(end - begin) * columns * STATE * LANES], filled here.
    """
    one = state.dtype.type
    live = np.ones((end - begin) * columns, np.bool_)
    before = np.empty(LANES, state.dtype)
    for o in range(0, len(state), STATE * LANES):
        state[o : o + STATE * LANES] = one(0.0)
        state[o + T_ : o + T_ + LANES] = one(1.0)
        state[o + LAST : o + LAST + LANES] = one(-1.0)
        state[o + MEDIAN : o + MEDIAN + LANES] = one(np.inf)
    half = one(0.5)
    for k in range(count):
        s = records[k]
        mx, my, z = s[MX], s[MY], s[DEPTH]
        ellipse = ellipse_of(s)
        first_row, last_row = row_range(float(my), ellipse[0], begin, end)
        splat = (half * s[CA], s[CB], half * s[CC], s[OPACITY], s[RED], s[GREEN], s[BLUE], z)
        for row in range(first_row, last_row):
            first, last = row_span(float(mx), float(my), ellipse, row, columns)
            dy0 = one(row * SIDE) + half - my
            for column in range(first, last):
                block = (row - begin) * columns + column
                if not live[block]:
                    continue
                own = state[block * (STATE * LANES) : (block + 1) * (STATE * LANES)]
                if median:
                    before[:] = own[T_ : T_ + LANES]
                live[block] = _blend_block(own, one(column * SIDE) + half - mx, dy0, splat, one(k)) > one(0.0)
                if median:
                    _mark_median(own, before, z)


@njit(nogil=True, cache=True)
def store_rows(state, columns, begin, background, rgb, alpha, depth, median, final, last) -> None:  # noqa: ANN001
    """Write a state to the images [H,W(,3)] it covers, composited over ``background`` [3].

    ``final`` and ``last`` [H,W] store what the backward pass needs: transmittance and last contributor.
    """
    height, width = alpha.shape
    rows = len(state) // (columns * STATE * LANES)
    one = state.dtype.type
    for y in range(begin * SIDE, min((begin + rows) * SIDE, height)):
        base = (y // SIDE - begin) * columns * STATE * LANES + (y % SIDE) * SIDE
        for x in range(width):
            o = base + (x // SIDE) * STATE * LANES + x % SIDE
            t = abs(state[o + T_])
            final[y, x] = t
            last[y, x] = state[o + LAST]
            alpha[y, x] = one(1.0) - t
            depth[y, x] = state[o + D_]
            rgb[y, x, 0] = state[o + R_] + t * background[0]
            rgb[y, x, 1] = state[o + G_] + t * background[1]
            rgb[y, x, 2] = state[o + B_] + t * background[2]
            if len(median) > 0:
                median[y, x] = state[o + MEDIAN]
