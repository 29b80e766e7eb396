"""The splat held against what the camera saw: which Gaussians are observed, and how well they fit."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A splat's images in the virtual camera, normalised units.

    Attributes:
        depth: [S,S] accumulated.
        alpha: [S,S].
        median: [S,S] median depth, inf where there is none.
    """

    depth: np.ndarray
    alpha: np.ndarray
    median: np.ndarray


def see(splat: Gaussians, view: ObjectView) -> Seen:
    """The normalised, unbatched splat seen by the virtual camera."""
    batch = splat.map(lambda t: t[None])
    out = render(batch, CameraBatch.of([view.normalised_camera]), median_depth=True)
    assert out.median_depth is not None
    return Seen(*(t[0, 0].numpy() for t in (out.depth, out.alpha, out.median_depth)))


def confidence(splat: Gaussians, view: ObjectView, median: np.ndarray) -> torch.Tensor:
    """[N]: 1 for Gaussians at or before the median depth of the pixel they project to, falling to 0 behind it."""
    points = splat.means.double().numpy() + np.array([0.0, 0.0, view.distance])
    uv = np.clip(np.floor(view.camera.project(points)).astype(int), 0, view.size - 1)
    behind = points[:, 2] - median[uv[:, 1], uv[:, 0]]
    return torch.from_numpy(np.clip(1 - behind / 0.06, 0, 1).astype(np.float32))


def quality(crop: Crop, seen: Seen, scale: Scale) -> dict[str, float]:
    """Silhouette IoU with the mask and, with depth, the median absolute depth residual in metres."""
    truth, splat = crop.alpha > 0.5, seen.alpha > 0.5
    known = crop.unknown < 0.5
    union = ((truth | splat) & known).sum()
    figures = {"silhouette_iou": float((truth & splat & known).sum() / max(union, 1))}
    if crop.depth is not None:
        inside = cv2.erode(truth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        inside &= splat & np.isfinite(crop.depth)
        if inside.any() and scale.source != "unit":
            residual = np.abs(scale.value * seen.depth[inside] / seen.alpha[inside] - crop.depth[inside])
            figures["depth_residual"] = float(np.median(residual))
    return figures
