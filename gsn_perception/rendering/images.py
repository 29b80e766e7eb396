"""``Rendering``: the output images of a rasteriser."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """Images of B splats in V views.

    Attributes:
        rgb: [B,V,H,W,3] composited over the background.
        alpha: [B,V,H,W] opacity in [0, 1).
        depth: [B,V,H,W] accumulated camera depth, sum of weight times z; divide by alpha for the expected depth.
        median_depth: [B,V,H,W] z of the Gaussian at which the transmittance falls below 0.5, +inf if there is none; no
            gradient. None unless requested.
    """

    rgb: Tensor
    alpha: Tensor
    depth: Tensor
    median_depth: Tensor | None = None

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Rendering:
        """On another device or in another dtype."""
        median = self.median_depth
        rgb, alpha, depth = (t.to(device=device, dtype=dtype) for t in (self.rgb, self.alpha, self.depth))
        return Rendering(rgb, alpha, depth, None if median is None else median.to(device=device, dtype=dtype))
