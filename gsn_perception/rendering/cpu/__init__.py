"""Splat rasteriser for CPUs: numba kernels, forward and backward, threaded over views."""

from gsn_perception.rendering.cpu.autograd import rasterise
from gsn_perception.rendering.cpu.autograd import warm_up

__all__ = ["rasterise", "warm_up"]
