"""Benchmark of the rasteriser: time of CPU kernels, CUDA and torch reference in one run."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gsn_perception.geometry.camera import Camera
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.transforms import look_at
from gsn_perception.rendering.api import Backend
from gsn_perception.rendering.api import render
from gsn_perception.rendering.cameras import CameraBatch

SIZES = ((1024, 64), (2048, 64), (4096, 64), (4096, 128))
_DENSE_LIMIT = 1 << 24  # Gaussians times pixels for which the reference needs a few GB


@dataclass(frozen=True, slots=True)
class RasterRow:
    """One line of the table; times are medians over the repeats.

    Attributes:
        backend: cpu, cuda or reference.
        gaussians: Per splat.
        pixels: Width and height of a view.
        views: Views rendered in one call.
        threads: The CPU threads torch and the kernels may use.
        forward_ms: Milliseconds per view without gradients.
        forward_backward_ms: Milliseconds per view with the gradients of every parameter.
    """

    backend: str
    gaussians: int
    pixels: int
    views: int
    threads: int
    forward_ms: float
    forward_backward_ms: float


def bench_rasteriser(
    sizes: Sequence[tuple[int, int]] = SIZES,
    *,
    backends: Sequence[Backend] = ("cpu", "reference"),
    batch: int = 4,
    views: int = 4,
    repeats: int = 5,
    seed: int = 0,
) -> list[RasterRow]:
    """Time every backend on every (Gaussians, pixels) of ``sizes``.

    The reference renders one view at a time and is skipped where its dense tables would not fit into memory.
    Compilation is not included.
    """
    rows = []
    for n, pixels in sizes:
        for backend in backends:
            lead = (batch, views)
            if backend == "reference":
                if n * pixels * pixels > _DENSE_LIMIT:
                    continue
                lead = (1, 1)
            rows.append(_row(backend, *bench_scene(n, pixels, *lead, seed=seed), repeats=repeats))
    return rows


def bench_scene(n: int, pixels: int, batch: int, views: int, *, seed: int = 0) -> tuple[Gaussians, CameraBatch]:
    """Splats on a spherical shell that they cover once or twice, and cameras all around, as in training."""
    torch.manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(batch, n, 3), dim=-1)
    gaussians = Gaussians(
        means=0.4 * directions,
        scales=1.3 / math.sqrt(n) * torch.exp(0.4 * torch.randn(batch, n, 3)),
        quats=torch.randn(batch, n, 4),
        colors=torch.rand(batch, n, 3),
        opacities=0.1 + 0.8 * torch.rand(batch, n),
    )
    rng = np.random.default_rng(seed)
    eyes = rng.normal(size=(batch, views, 3))
    eyes *= 2.0 / np.linalg.norm(eyes, axis=-1, keepdims=True)
    fov = 2 * 1.15 * math.asin(0.5 / 2.0)
    rigs = [CameraBatch.of([Camera.from_fov(fov, pixels, pixels, look_at(e, np.zeros(3))) for e in b]) for b in eyes]
    K, poses = (torch.cat([getattr(rig, name) for rig in rigs]) for name in ("K", "camera_from_object"))
    return gaussians, CameraBatch(K, poses, pixels, pixels)


def _row(backend: Backend, gaussians: Gaussians, cameras: CameraBatch, *, repeats: int) -> RasterRow:
    device = "cuda" if backend == "cuda" else "cpu"
    gaussians, cameras = gaussians.to(device), cameras.to(device)

    def forward() -> None:
        with torch.no_grad():
            render(gaussians, cameras, backend=backend)

    def forward_backward() -> None:
        leaf = gaussians.map(lambda t: t.detach().requires_grad_())
        rendering = render(leaf, cameras, backend=backend)
        (rendering.rgb.sum() + rendering.alpha.sum() + rendering.depth.sum()).backward()

    count = math.prod(cameras.batch)
    times = [_median_seconds(work, repeats, device) * 1e3 / count for work in (forward, forward_backward)]
    return RasterRow(backend, len(gaussians), cameras.width, count, torch.get_num_threads(), *times)


def _median_seconds(work: Callable[[], None], repeats: int, device: str) -> float:
    work()  # compiles
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
