"""The rasteriser's interface, the same for every backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.camera import Camera
from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.rendering.cameras import CameraBatch

Backend = Literal["auto", "cpu", "cuda", "reference"]


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """Images of B splats in V views.

    Attributes:
        rgb: [B,V,H,W,3] composited over the background.
        alpha: [B,V,H,W] opacity in [0, 1).
        depth: [B,V,H,W] accumulated camera depth, sum of weight times z; divide by alpha for the expected depth.
        median_depth: [B,V,H,W] z of the Gaussian that takes the transmittance below 0.5, +inf where none does; no
            gradient. None unless asked for.
    """

    rgb: Tensor
    alpha: Tensor
    depth: Tensor
    median_depth: Tensor | None = None


def render(
    gaussians: Gaussians,
    cameras: CameraBatch,
    *,
    background: Tensor | None = None,
    backend: Backend = "auto",
    median_depth: bool = False,
) -> Rendering:
    """Draw splats; rgb, alpha and depth are differentiable in every Gaussian parameter.

    Args:
        gaussians: [B,N,..] float32, or float64 on the cpu and reference backends.
        cameras: [B,V] views of them.
        background: RGB [3], or per view anything that broadcasts to [B,V,3]; black by default.
        backend: auto takes cuda for a splat on a GPU and cpu otherwise.
        median_depth: Whether to draw it too.

    Raises:
        InputError: gaussians and cameras disagree, or the backend is not there.
    """
    B, V = _check(gaussians, cameras)
    like = {"dtype": gaussians.means.dtype, "device": gaussians.device}
    black = torch.zeros(3, **like) if background is None else background.to(**like)
    try:
        behind = black.expand(B, V, 3)
    except RuntimeError:
        shape = tuple(black.shape)
        raise InputError(f"background has shape {shape}; give RGB [3], or per view [{B}, {V}, 3]") from None
    g, size = gaussians, (cameras.width, cameras.height)
    splat = (g.means, g.scales, g.quats, g.colors, g.opacities)
    views = (cameras.K.to(g.device), cameras.camera_from_object.to(g.device))
    name = choose_backend(backend, g.device)
    if name == "cpu":
        from gsn_perception.rendering import cpu

        return _render_cpu(cpu.rasterise, (*splat, behind, *views), size, median_depth)
    if name == "cuda":
        from gsn_perception.rendering import cuda

        return Rendering(*cuda.rasterise(*splat, behind, *views, size, median_depth))
    from gsn_perception.rendering import reference

    return Rendering(*reference.rasterise(*splat, behind, *views, size, median_depth))


def render_rgba(gaussians: Gaussians, camera: Camera, *, backend: Backend = "auto") -> np.ndarray:
    """One unbatched splat seen by one camera, whose world is the splat's frame.

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
    """The backend that a name stands for on a device.

    Raises:
        InputError: the name is unknown, or cuda was asked for where there is none.
    """
    if backend not in ("auto", "cpu", "cuda", "reference"):
        raise InputError(f"rendering backend {backend!r} is unknown; choose auto, cpu, cuda or reference")
    if backend == "cuda" and not torch.cuda.is_available():
        raise InputError("rendering backend cuda needs a CUDA device and torch sees none; use backend auto or cpu")
    if backend == "auto":
        return "cuda" if device.type == "cuda" else "cpu"
    return backend


def _render_cpu(rasterise, tensors: tuple[Tensor, ...], size: tuple[int, int], median_depth: bool) -> Rendering:  # noqa: ANN001
    device = tensors[0].device
    images = rasterise(*(t.cpu() for t in tensors), size, median_depth)
    return Rendering(*(None if image is None else image.to(device) for image in images))


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
