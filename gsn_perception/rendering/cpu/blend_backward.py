"""Gradients of alpha blending, back to front (Kerbl et al. 2023, section 6)."""

from __future__ import annotations

import numpy as np
from numba import njit

from gsn_perception.rendering.conventions import MAX_ALPHA
from gsn_perception.rendering.conventions import MIN_ALPHA
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

GRADIENT = 10  # columns: as a record's MX ... DEPTH

STATE = 8  # channels: transmittance behind the splat, light from behind it, gradients of rgb, depth, alpha, last
T_, S_, GR, GG, GB, GD, GA, LAST = (LANES * c for c in range(STATE))

MOMENTS = 10  # sums over pixels of h (1, dx, dy, dx^2, dx dy, dy^2) and of weight * gradients of rgb, depth
H_, HX, HY, HXX, HXY, HYY, WR, WG, WB, WD = (LANES * c for c in range(MOMENTS))


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _unblend_block(state, sums, dx0, dy0, splat, k):  # noqa: ANN001, ANN202
    """Remove a Gaussian from a block, ``state`` [STATE * LANES], and add its moments to ``sums``, lane by lane.

    With q = colour . gradient, alpha's gradient is T q - S / (1 - alpha); h is alpha times that, zero at the cap.
    """
    hA, B, hC, opacity, red, green, blue, z = splat
    one = state.dtype.type
    zero, most, least = one(0.0), one(MAX_ALPHA), one(MIN_ALPHA)
    for lane in range(LANES):
        dx = dx0 + one(lane % SIDE)
        dy = dy0 + one(lane // SIDE)
        raw = opacity * exp_negative(-(dx * (hA * dx + B * dy) + hC * dy * dy))
        alpha = min(raw, most)
        used = (alpha >= least) & (state[LAST + lane] >= k)
        alpha = alpha if used else zero
        through = one(1.0) / (one(1.0) - alpha)
        before = state[T_ + lane] * through
        weight = before * alpha
        gr, gg, gb = state[GR + lane], state[GG + lane], state[GB + lane]
        gd = state[GD + lane]
        q = red * gr + green * gg + blue * gb + z * gd + state[GA + lane]
        behind = state[S_ + lane]
        h = alpha * (before * q - behind * through)
        h = h if raw <= most else zero
        state[T_ + lane] = before
        state[S_ + lane] = behind + weight * q
        hx, hy = h * dx, h * dy
        sums[H_ + lane] += h
        sums[HX + lane] += hx
        sums[HY + lane] += hy
        sums[HXX + lane] += hx * dx
        sums[HXY + lane] += hx * dy
        sums[HYY + lane] += hy * dy
        sums[WR + lane] += weight * gr
        sums[WG + lane] += weight * gg
        sums[WB + lane] += weight * gb
        sums[WD + lane] += weight * gd


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _gradient_of(sums, s, out) -> None:  # noqa: ANN001
    """The record's gradient from its moments."""
    total = np.empty(MOMENTS, sums.dtype)
    for m in range(MOMENTS):
        t = sums.dtype.type(0.0)
        for lane in range(LANES):
            t += sums[m * LANES + lane]
        total[m] = t
    half = sums.dtype.type(0.5)
    h, hx, hy, hxx, hxy, hyy, wr, wg, wb, wd = total
    out[MX] = s[CA] * hx + s[CB] * hy
    out[MY] = s[CB] * hx + s[CC] * hy
    out[CA], out[CB], out[CC] = -half * hxx, -hxy, -half * hyy
    out[OPACITY] = h / s[OPACITY]
    out[RED], out[GREEN], out[BLUE], out[DEPTH] = wr, wg, wb, wd


@njit(nogil=True, cache=True)
def load_rows(state, columns, begin, background, g_rgb, g_alpha, g_depth, final, last, newest) -> None:  # noqa: ANN001
    """Fill the state of the block rows from ``begin`` with image gradients and the final values of the forward pass.

    ``newest`` [blocks] becomes the last contributor to any pixel of each block.
    """
    height, width = g_alpha.shape
    rows = len(state) // (columns * STATE * LANES)
    one = state.dtype.type
    state[:] = one(0.0)
    newest[:] = one(-1.0)
    for o in range(0, len(state), STATE * LANES):
        state[o + LAST : o + LAST + LANES] = one(-1.0)
    for y in range(begin * SIDE, min((begin + rows) * SIDE, height)):
        row = (y // SIDE - begin) * columns
        for x in range(width):
            block = row + x // SIDE
            o = block * STATE * LANES + (y % SIDE) * SIDE + x % SIDE
            r, g, b = g_rgb[y, x, 0], g_rgb[y, x, 1], g_rgb[y, x, 2]
            state[o + T_] = final[y, x]
            state[o + GR], state[o + GG], state[o + GB], state[o + GD] = r, g, b, g_depth[y, x]
            state[o + GA] = g_alpha[y, x] - (r * background[0] + g * background[1] + b * background[2])
            state[o + LAST] = last[y, x]
            newest[block] = max(newest[block], last[y, x])


@njit(nogil=True, cache=True)
def unblend_rows(records, count, columns, begin, end, state, newest, gradients) -> None:  # noqa: ANN001
    """Gradients [N,GRADIENT] of one view's records from the block rows [begin, end)."""
    one = state.dtype.type
    half = one(0.5)
    sums = np.empty(MOMENTS * LANES, state.dtype)
    for k in range(count - 1, -1, -1):
        s = records[k]
        mx, my = s[MX], s[MY]
        ellipse = ellipse_of(s)
        first_row, last_row = row_range(float(my), ellipse[0], begin, end)
        splat = (half * s[CA], s[CB], half * s[CC], s[OPACITY], s[RED], s[GREEN], s[BLUE], s[DEPTH])
        sums[:] = one(0.0)
        hit = False
        for row in range(first_row, last_row):
            first, last = row_span(float(mx), float(my), ellipse, row, columns)
            dy0 = one(row * SIDE) + half - my
            for column in range(first, last):
                block = (row - begin) * columns + column
                if newest[block] < one(k):
                    continue
                hit = True
                own = state[block * (STATE * LANES) : (block + 1) * (STATE * LANES)]
                dx0 = one(column * SIDE) + half - mx
                _unblend_block(own, sums, dx0, dy0, splat, one(k))
        if hit:
            _gradient_of(sums, s, gradients[k])
        else:
            gradients[k, :] = one(0.0)
