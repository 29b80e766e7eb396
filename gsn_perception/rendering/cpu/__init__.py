"""CPU rasteriser of Gaussian splats: numba kernels, forward and backward, multi-threaded over views."""

from typing import TYPE_CHECKING

from gsn_perception.late import late_names

if TYPE_CHECKING:
    from gsn_perception.rendering.cpu.autograd import rasterise
    from gsn_perception.rendering.cpu.autograd import warm_up

__all__ = ["rasterise", "warm_up"]
__getattr__ = late_names(  # torch and the kernels; the thread pool beside them needs neither
    __name__,
    {"rasterise": "gsn_perception.rendering.cpu.autograd", "warm_up": "gsn_perception.rendering.cpu.autograd"},
)
