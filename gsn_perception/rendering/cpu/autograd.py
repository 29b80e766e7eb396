"""The CPU rasteriser as a differentiable torch operation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.rendering.cameras import CameraBatch
from gsn_perception.rendering.cpu.blend_backward import GRADIENT
from gsn_perception.rendering.cpu.cache import drop_stale
from gsn_perception.rendering.cpu.lanes import blocks
from gsn_perception.rendering.cpu.pool import parallel_ranges
from gsn_perception.rendering.cpu.pool import thread_count
from gsn_perception.rendering.cpu.projection import RECORD
from gsn_perception.rendering.cpu.projection_backward import PARAMETERS
from gsn_perception.rendering.cpu.projection_backward import unproject_range
from gsn_perception.rendering.cpu.views import blend_range
from gsn_perception.rendering.cpu.views import project_range
from gsn_perception.rendering.cpu.views import unblend_range
from gsn_perception.rendering.images import Rendering

_MOST_GAUSSIANS = 1 << 24  # ranks are kept as float32
_GAUSSIANS_PER_PIECE = 1024
drop_stale(blend_range)  # before any kernel is loaded from the cache


class _Rasterise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        means: Tensor,  # [B, N, 3]
        scales: Tensor,  # [B, N, 3]
        quats: Tensor,  # [B, N, 4]
        colors: Tensor,  # [B, N, 3]
        opacities: Tensor,  # [B, N]
        background: Tensor,  # [B, V, 3]
        K: Tensor,  # [B, V, 3, 3]
        poses: Tensor,  # [B, V, 4, 4]
        size: tuple[int, int],
        median_depth: bool,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        (B, V), (width, height) = K.shape[:2], size
        dtype, N, views = means.dtype, means.shape[1], B * V
        splat = tuple(_array(t) for t in (means, scales, quats, colors, opacities))
        pinholes = _array(K.to(torch.float64)).reshape(views, 3, 3)
        frames = _array(poses.to(torch.float64)).reshape(views, 4, 4)
        behind = _array(background).reshape(views, 3)
        records = np.empty((views, N, RECORD), splat[0].dtype)
        ranks = np.empty((views, N), np.int32)
        counts = np.empty(views, np.int32)
        parallel_ranges(
            lambda i, j: project_range(i, j, splat, pinholes, frames, width, height, records, ranks, counts), views
        )

        rgb = torch.empty(B, V, height, width, 3, dtype=dtype)
        alpha, depth = torch.empty(B, V, height, width, dtype=dtype), torch.empty(B, V, height, width, dtype=dtype)
        median = torch.empty(B, V, height if median_depth else 0, width, dtype=dtype)
        final = np.empty((views, height, width), splat[0].dtype)
        last = np.empty_like(final)
        images = tuple(t.numpy().reshape(views, *t.shape[2:]) for t in (rgb, alpha, depth, median))
        rows, columns = blocks(height), blocks(width)
        bands = _bands(views, rows)
        parallel_ranges(
            lambda i, j: blend_range(i, j, bands, rows, columns, records, counts, behind, images, final, last),
            views * bands,
        )
        ctx.save_for_backward(means, scales, quats)
        ctx.kept = (pinholes, frames, behind, records, ranks, counts, final, last, size)
        ctx.mark_non_differentiable(median)
        ctx.set_materialize_grads(True)
        return rgb, alpha, depth, median

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g_rgb: Tensor, g_alpha: Tensor, g_depth: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        means, scales, quats = (_array(t) for t in ctx.saved_tensors)
        pinholes, frames, behind, records, ranks, counts, final, last, (width, height) = ctx.kept
        views, N = ranks.shape
        B, rows, columns = len(means), blocks(height), blocks(width)
        V = views // B
        grads = tuple(_array(g).reshape(views, *g.shape[2:]) for g in (g_rgb, g_alpha, g_depth))
        bands = _bands(views, rows)
        flat = np.empty((views, bands, N, GRADIENT), records.dtype)
        parallel_ranges(
            lambda i, j: unblend_range(i, j, bands, rows, columns, records, counts, behind, grads, final, last, flat),
            views * bands,
        )
        out = np.empty((B, N, PARAMETERS), means.dtype)
        pieces = -(-N // _GAUSSIANS_PER_PIECE)

        def unproject(i: int, j: int) -> None:
            for piece in range(i, j):
                b, first = piece // pieces, piece % pieces * _GAUSSIANS_PER_PIECE
                own = slice(b * V, (b + 1) * V)
                unproject_range(
                    means[b], scales[b], quats[b], pinholes[own], frames[own], width, height, ranks[own],
                    records[own], flat[own], first, min(first + _GAUSSIANS_PER_PIECE, N), out[b],
                )  # fmt: skip

        parallel_ranges(unproject, B * pieces)
        g = torch.from_numpy(out)
        g_background = None
        if ctx.needs_input_grad[5]:
            g_background = (g_rgb * torch.from_numpy(final).reshape(g_alpha.shape)[..., None]).sum((2, 3))
        parts = (g[..., 0:3], g[..., 3:6], g[..., 6:10], g[..., 10:13], g[..., 13])
        return (*parts, g_background, None, None, None, None)


def rasterise(gaussians: Gaussians, cameras: CameraBatch, background: Tensor, median_depth: bool) -> Rendering:
    """Render B splats in V views each, on the CPU.

    Args:
        gaussians: [B,N,..] float32 or float64 on the CPU.
        cameras: [B,V] on the CPU.
        background: [B,V,3], dtype as the splat.
        median_depth: Whether to render the median depth.

    Raises:
        InputError: there are more Gaussians than float32 can number.
    """
    if len(gaussians) >= _MOST_GAUSSIANS:
        raise InputError(
            f"{len(gaussians)} Gaussians are too many for the cpu rasteriser; keep below {_MOST_GAUSSIANS}"
        )
    g, size = gaussians, (cameras.width, cameras.height)
    splat = (g.means, g.scales, g.quats, g.colors, g.opacities)
    rgb, alpha, depth, median = _Rasterise.apply(
        *splat, background, cameras.K, cameras.camera_from_object, size, median_depth
    )
    return Rendering(rgb, alpha, depth, median if median_depth else None)


def warm_up(dtype: torch.dtype = torch.float32) -> None:
    """Compile all kernels (or load them from numba's cache), forward and backward, so that later calls start at once."""
    means = torch.tensor([[[0.0, 0.0, 2.0]]], dtype=dtype, requires_grad=True)
    ones = torch.ones(1, 1, 3, dtype=dtype)
    quats = torch.tensor([[[1.0, 0, 0, 0]]], dtype=dtype)
    K = torch.tensor([[[[8.0, 0, 4], [0, 8, 4], [0, 0, 1]]]])
    cameras = CameraBatch(K, torch.eye(4)[None, None], 8, 8)
    with torch.enable_grad():
        rasterise(Gaussians(means, ones, quats, ones, ones[..., 0]), cameras, ones, True).rgb.sum().backward()


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _bands(views: int, rows: int) -> int:
    """Number of bands of block rows per view, chosen so that every thread has work."""
    threads = thread_count()
    return 1 if views >= threads else max(1, min(rows, -(-2 * threads // max(views, 1))))
