"""Kernels that process a range of views or bands: the work of one thread."""

from __future__ import annotations

import numpy as np
from numba import njit

from gsn_perception.rendering.cpu import blend
from gsn_perception.rendering.cpu import blend_backward
from gsn_perception.rendering.cpu.lanes import LANES
from gsn_perception.rendering.cpu.projection import project_view

_FORWARD = blend.STATE * LANES
_BACKWARD = blend_backward.STATE * LANES
_blend_rows, _store_rows = blend.blend_rows, blend.store_rows
_load_rows, _unblend_rows = blend_backward.load_rows, blend_backward.unblend_rows


@njit(nogil=True, cache=True)
def project_range(begin, end, splat, K, poses, width, height, records, ranks, counts) -> None:  # noqa: ANN001
    """Project the views [begin, end) of the flat list of B * V; ``splat`` holds arrays [B,N,..]."""
    means, scales, quats, colors, opacities = splat
    views = len(K) // len(means)
    for i in range(begin, end):
        b = i // views
        counts[i] = project_view(
            means[b], scales[b], quats[b], colors[b], opacities[b], K[i], poses[i], width, height, records[i], ranks[i]
        )


@njit(nogil=True, cache=True)
def band_rows(band, bands, rows):  # noqa: ANN001, ANN201
    """First and past-the-last block row of a band of an image."""
    return band * rows // bands, (band + 1) * rows // bands


@njit(nogil=True, cache=True)
def blend_range(begin, end, bands, rows, columns, records, counts, background, images, final, last) -> None:  # noqa: ANN001
    """Blend the work pieces [begin, end), each a band of block rows of one view."""
    rgb, alpha, depth, median = images
    for piece in range(begin, end):
        i = piece // bands
        first, past = band_rows(piece % bands, bands, rows)
        state = np.empty((past - first) * columns * _FORWARD, records.dtype)
        wanted = median.shape[1] > 0
        _blend_rows(records[i], counts[i], columns, first, past, wanted, state)
        _store_rows(state, columns, first, background[i], rgb[i], alpha[i], depth[i], median[i], final[i], last[i])


@njit(nogil=True, cache=True)
def unblend_range(begin, end, bands, rows, columns, records, counts, background, grads, final, last, out) -> None:  # noqa: ANN001
    """Gradients ``out`` [B*V,bands,N,GRADIENT] of the records from the work pieces [begin, end)."""
    g_rgb, g_alpha, g_depth = grads
    for piece in range(begin, end):
        i = piece // bands
        first, past = band_rows(piece % bands, bands, rows)
        state = np.empty((past - first) * columns * _BACKWARD, records.dtype)
        newest = np.empty((past - first) * columns, records.dtype)
        _load_rows(state, columns, first, background[i], g_rgb[i], g_alpha[i], g_depth[i], final[i], last[i], newest)
        _unblend_rows(records[i], counts[i], columns, first, past, state, newest, out[i, piece % bands])
