"""Differentiable rasterisation of Gaussian splats: CPU kernels (numba), gsplat on CUDA, a torch reference."""

from gsn_perception.rendering.api import render
from gsn_perception.rendering.api import render_rgba
from gsn_perception.rendering.cameras import CameraBatch
from gsn_perception.rendering.images import Rendering

__all__ = ["CameraBatch", "Rendering", "render", "render_rgba"]
