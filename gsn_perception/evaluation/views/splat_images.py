"""Renders splats to numpy images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render


def splat_images(
    gaussians: Gaussians, cameras: Sequence[Camera], background: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """One splat [N] over a grey background, rendered by cameras of one size whose world is the splat's frame.

    Returns:
        Images [V,H,W,3] and alpha [V,H,W], float32 in [0, 1].
    """
    device = gaussians.device
    with torch.no_grad():
        shade = torch.full((3,), background, device=device)
        views = CameraBatch.of(cameras, device=device)
        out = render(gaussians.map(lambda t: t[None]), views, background=shade)
    return out.rgb[0].cpu().numpy(), out.alpha[0].cpu().numpy()
