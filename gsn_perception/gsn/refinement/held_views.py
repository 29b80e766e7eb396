"""What the splat looked like from the other sides before refinement, which must stay as it was.

The network's colours and opacities of places it is not sure of lie between object and background. Steps against the input
view alone make them certain, and novel views get worse where the shape is wrong. The renders of the start from
directions that no camera had are therefore part of the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry.transforms import look_at
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render
from gsn_perception.rendering.images import Rendering

_APART = np.deg2rad(50.0)  # least angle to any given view
_GOLDEN = np.pi * (3 - np.sqrt(5))
_TILTS = np.deg2rad([60.0, 90.0, 120.0, 150.0])  # from the direction of the first view
_TRIED = 4


class HeldViews:
    """Renders of a splat from around it, made when they are first needed.

    Args:
        start: The splat [N], normalised frame.
        cameras: The given views' cameras; held views are apart from them.
        count: Most held views.
        coarser: Pixels of a given view per pixel of a held view, along a side.
    """

    def __init__(self, start: Gaussians, cameras: Sequence[Camera], count: int, coarser: int) -> None:
        self._start = start.map(lambda t: t[None])
        self._batches = [CameraBatch.of([c]) for c in _around(cameras, count, coarser)]
        self._images: dict[int, Rendering] = {}

    def __len__(self) -> int:
        return len(self._batches)

    def change(self, splat: Gaussians, index: int, alpha_weight: float) -> Tensor:
        """Mean squared change of held view ``index`` from the start to a splat [1,N], colour and opacity; differentiable."""
        if index not in self._images:
            with torch.no_grad():
                self._images[index] = self._render(self._start, index)
        own, kept = self._render(splat, index), self._images[index]
        return (own.rgb - kept.rgb).square().mean() + alpha_weight * (own.alpha - kept.alpha).square().mean()

    def _render(self, splat: Gaussians, index: int) -> Rendering:
        return render(splat, self._batches[index], background=torch.ones(3))


def _around(cameras: Sequence[Camera], count: int, coarser: int) -> list[Camera]:
    """Cameras that look at the origin from the first camera's distance, on a spiral about its direction."""
    eyes = np.stack([c.world_from_camera[:3, 3] for c in cameras])
    given = eyes / np.linalg.norm(eyes, axis=1, keepdims=True)
    first, distance = cameras[0], float(np.linalg.norm(eyes[0]))
    right = first.world_from_camera[:3, 0]
    side = right - (right @ given[0]) * given[0]
    side /= np.linalg.norm(side)
    other = np.cross(given[0], side)
    K = first.K.copy()
    K[:2] /= coarser
    small = replace(first, K=K, width=-(-first.width // coarser), height=-(-first.height // coarser))
    found: list[Camera] = []
    for i in range(_TRIED * count):
        tilt, turn = _TILTS[i % len(_TILTS)], _GOLDEN * i
        about = np.cos(turn) * side + np.sin(turn) * other
        direction = np.cos(tilt) * given[0] + np.sin(tilt) * about
        if len(found) < count and (np.arccos(np.clip(given @ direction, -1, 1)) >= _APART).all():
            found.append(small.at(look_at(distance * direction, np.zeros(3))))
    return found
