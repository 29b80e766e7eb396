"""The splat held against what the camera saw: which Gaussians are observed, and how well they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render


@dataclass(frozen=True, slots=True, eq=False)
class SplatRendering:
    """A splat's images in the virtual camera, normalised units.

    Attributes:
        depth: [S,S] accumulated.
        alpha: [S,S].
        median: [S,S] median depth, inf where there is none.
    """

    depth: np.ndarray
    alpha: np.ndarray
    median: np.ndarray


def render_splat(splat: Gaussians, view: ObjectView) -> SplatRendering:
    """The normalised, unbatched splat seen by the virtual camera."""
    batch = splat.map(lambda t: t[None])
    out = render(batch, CameraBatch.of([view.normalised_camera]), median_depth=True)
    assert out.median_depth is not None
    return SplatRendering(*(t[0, 0].numpy() for t in (out.depth, out.alpha, out.median_depth)))


@dataclass(frozen=True, slots=True)
class VisibilityModel:
    """The chance that the camera saw a Gaussian, by how far it lies behind the front: a logistic curve.

    ``gsn fit --what confidence`` chooses the numbers for given weights; lengths are in normalised units.

    Attributes:
        middle: Where half are seen, behind the splat's own front.
        width: Over which the odds fall by a factor e.
        measured_middle: The same behind a measured front.
        measured_width: The same.
    """

    middle: float = 0.03
    width: float = 0.015
    measured_middle: float = 0.03
    measured_width: float = 0.015

    @classmethod
    def fitted(cls, info: Mapping[str, Any]) -> VisibilityModel:
        """The rule that weights carry, else the default.

        Raises:
            InputError: what they carry is no rule.
        """
        try:
            rule = cls(**{k: float(v) for k, v in info.get("seen", {}).items()})
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"the weights' confidence rule can't be read ({error}); fit it again") from error
        if not min(rule.width, rule.measured_width) > 0:
            raise InputError("the weights' confidence rule has a width that is not positive; fit it again")
        return rule

    def __call__(self, behind: np.ndarray, measured: np.ndarray) -> np.ndarray:
        """[N] in [0, 1] of distances [N] behind the front and whether [N] that front was measured."""
        middle = np.where(measured, self.measured_middle, self.middle)
        width = np.where(measured, self.measured_width, self.width)
        return 0.5 * (1 + np.tanh(np.clip((middle - behind) / (2 * width), -20, 20)))


def behind_front(
    splat: Gaussians, view: ObjectView, seen: SplatRendering, depth: np.ndarray | None = None, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """How far [N] each Gaussian lies behind the front at the pixel it projects to, and whether that was measured.

    Args:
        splat: Normalised, unbatched.
        view: The virtual camera.
        seen: The splat in it.
        depth: [S,S] measured depth in it, metres, NaN unknown; the splat's median depth stands in.
        scale: Metres per normalised unit.

    Returns:
        Normalised units, -inf where there is no front; bool.
    """
    points = splat.means.double().numpy() + np.array([0.0, 0.0, view.distance])
    uv = np.clip(np.floor(view.camera.project(points)).astype(int), 0, view.size - 1)
    front = seen.median[uv[:, 1], uv[:, 0]]
    known = np.isfinite(front) if depth is None else np.isfinite(front) & np.isfinite(depth[uv[:, 1], uv[:, 0]])
    if depth is None:
        return points[:, 2] - front, np.zeros_like(known)
    return points[:, 2] - np.where(known, depth[uv[:, 1], uv[:, 0]] / scale, front), known


def confidence(
    splat: Gaussians, crop: Crop, seen: SplatRendering, scale: Scale, rule: VisibilityModel | None = None
) -> torch.Tensor:
    """[N]: 1 for Gaussians that the camera saw, falling to 0 for those that were completed behind what it saw."""
    depth = None
    if scale.source == "depth" and crop.depth is not None:
        depth = np.where(crop.alpha > 0.5, crop.depth, np.nan)  # beside the object it is the background's
    behind, measured = behind_front(splat, crop.view, seen, depth, scale.value)
    return torch.from_numpy((rule or VisibilityModel())(behind, measured).astype(np.float32))


def quality(crop: Crop, seen: SplatRendering, scale: Scale) -> dict[str, float]:
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
