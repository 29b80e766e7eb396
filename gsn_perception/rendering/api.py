"""``render``: the rasteriser's interface for all backends (cpu, cuda, reference)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.camera import Camera
from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.rendering.cameras import CameraBatch
from gsn_perception.rendering.images import Rendering

Backend = Literal["auto", "cpu", "cuda", "reference"]


def render(
    gaussians: Gaussians,
    cameras: CameraBatch,
    *,
    background: Tensor | None = None,
    backend: Backend = "auto",
    median_depth: bool = False,
) -> Rendering:
    """Render splats; rgb, alpha and depth are differentiable with respect to every Gaussian parameter.

    Args:
        gaussians: [B,N,..], computed in the dtype of the means: float32, or float64 (which cuda renders in float32).
        cameras: [B,V] views of them.
        background: RGB [3], or per view anything that broadcasts to [B,V,3]; black by default.
        backend: auto selects cuda for a splat on a GPU, else cpu.
        median_depth: Whether to render the median depth too.

    Raises:
        InputError: gaussians and cameras do not match, or the backend is not available.
    """
    B, V = _check(gaussians, cameras)
    gaussians = gaussians.to(dtype=gaussians.means.dtype)
    behind = _backdrop(background, (B, V), gaussians.means)
    name = choose_backend(backend, gaussians.device)
    if name == "cpu":
        from gsn_perception.rendering import cpu

        rendering = cpu.rasterise(gaussians.to("cpu"), cameras.to("cpu"), behind.cpu(), median_depth)
    elif name == "cuda":
        from gsn_perception.rendering import cuda

        rendering = cuda.rasterise(gaussians, cameras, behind, median_depth)
    else:
        from gsn_perception.rendering import reference

        rendering = reference.rasterise(gaussians, cameras.to(gaussians.device), behind, median_depth)
    return rendering.to(gaussians.device)


def render_rgba(gaussians: Gaussians, camera: Camera, *, backend: Backend = "auto") -> np.ndarray:
    """Render one unbatched splat in one camera, whose world is the splat's frame.

    Returns:
        [H,W,4] float32 RGBA in [0, 1], colour not premultiplied (black where alpha is 0).
    """
    if gaussians.opacities.dim() != 1:
        raise InputError("render_rgba draws one splat; index the batch first")
    cameras = CameraBatch.of([camera], device=gaussians.device)
    with torch.no_grad():
        image = render(gaussians.map(lambda t: t[None]), cameras, backend=backend)
        alpha = image.alpha[0, 0, ..., None]
        rgb = torch.where(alpha > 0, image.rgb[0, 0] / alpha.clamp(min=1e-8), 0.0).clamp(0, 1)
    return torch.cat([rgb, alpha], -1).float().cpu().numpy()


def choose_backend(backend: str, device: torch.device) -> str:
    """The backend for a name and a device; resolves ``auto``.

    Raises:
        InputError: the name is unknown, or cuda is not available.
    """
    if backend not in ("auto", "cpu", "cuda", "reference"):
        raise InputError(f"rendering backend {backend!r} is unknown; choose auto, cpu, cuda or reference")
    if backend == "cuda" and not torch.cuda.is_available():
        raise InputError("rendering backend cuda needs a CUDA device and torch sees none; use backend auto or cpu")
    if backend == "auto":
        return "cuda" if device.type == "cuda" else "cpu"
    return backend


def _backdrop(background: Tensor | None, lead: tuple[int, int], like: Tensor) -> Tensor:
    """[B,V,3] in the splat's dtype and device."""
    color = torch.zeros(3) if background is None else background
    try:
        return color.to(like).expand(*lead, 3)
    except RuntimeError:
        shape = tuple(color.shape)
        raise InputError(f"background has shape {shape}; give RGB [3], or per view {[*lead, 3]}") from None


def _check(gaussians: Gaussians, cameras: CameraBatch) -> tuple[int, int]:
    if gaussians.opacities.dim() != 2:
        shape = tuple(gaussians.opacities.shape)
        raise InputError(f"render draws batches of splats [B, N], got {shape}; add a leading dim with map(t[None])")
    if gaussians.means.dtype not in (torch.float32, torch.float64):
        raise InputError(f"Gaussians are {gaussians.means.dtype}; cast them to float32 before rendering")
    B, V = cameras.batch
    if gaussians.opacities.shape[0] != B:
        raise InputError(
            f"{gaussians.opacities.shape[0]} splats but cameras for {B}; give one row of cameras per splat"
        )
    return B, V
