"""Differentiable rasterisation of Gaussian splats: CPU kernels (numba), gsplat on CUDA, a torch reference."""

from typing import TYPE_CHECKING

from gsn_perception.late import late_names

if TYPE_CHECKING:
    from gsn_perception.rendering.api import render
    from gsn_perception.rendering.api import render_rgba
    from gsn_perception.rendering.cameras import CameraBatch
    from gsn_perception.rendering.images import Rendering

__all__ = ["CameraBatch", "Rendering", "render", "render_rgba"]
__getattr__ = late_names(
    __name__,
    {
        "render": "gsn_perception.rendering.api",
        "render_rgba": "gsn_perception.rendering.api",
        "CameraBatch": "gsn_perception.rendering.cameras",
        "Rendering": "gsn_perception.rendering.images",
    },
)
