"""CPU rasteriser of Gaussian splats: numba kernels, forward and backward, multi-threaded over views."""

from gsn_perception.rendering.cpu.autograd import rasterise
from gsn_perception.rendering.cpu.autograd import warm_up
from gsn_perception.rendering.cpu.cache import drop_stale
from gsn_perception.rendering.cpu.views import blend_range

__all__ = ["rasterise", "warm_up"]

drop_stale(blend_range)
