"""Visibility of Gaussians (confidence: observed or completed) and fit of a splat to the observation."""

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
    """A splat rendered in the virtual camera, normalised units.

    Attributes:
        depth: [S,S] accumulated depth.
        alpha: [S,S] opacity.
        median: [S,S] median depth, inf where there is none.
    """

    depth: np.ndarray
    alpha: np.ndarray
    median: np.ndarray


def render_splat(splat: Gaussians, view: ObjectView) -> SplatRendering:
    """The normalised, unbatched splat rendered in the virtual camera."""
    batch = splat.map(lambda t: t[None])
    out = render(batch, CameraBatch.of([view.normalised_camera]), median_depth=True)
    assert out.median_depth is not None
    return SplatRendering(*(t[0, 0].numpy() for t in (out.depth, out.alpha, out.median_depth)))


@dataclass(frozen=True, slots=True)
class VisibilityModel:
    """Probability that the camera saw a Gaussian: a logistic function of its distance behind the front surface.

    ``gsn fit --what confidence`` fits the parameters for given weights; lengths are in normalised units.

    Attributes:
        middle: Distance behind the splat's own front surface at which the probability is 0.5.
        width: Distance over which the odds fall by a factor e.
        measured_middle: As ``middle``, behind a measured front surface.
        measured_width: As ``width``, behind a measured front surface.
    """

    middle: float = 0.03
    width: float = 0.015
    measured_middle: float = 0.03
    measured_width: float = 0.015

    @classmethod
    def fitted(cls, info: Mapping[str, Any]) -> VisibilityModel:
        """The model stored with the weights (entry ``seen`` of ``info``), else the default.

        Raises:
            InputError: the stored entry is not valid.
        """
        try:
            rule = cls(**{k: float(v) for k, v in info.get("seen", {}).items()})
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"the weights' confidence rule can't be read ({error}); fit it again") from error
        if not min(rule.width, rule.measured_width) > 0:
            raise InputError("the weights' confidence rule has a width that is not positive; fit it again")
        return rule

    def __call__(self, behind: np.ndarray, measured: np.ndarray) -> np.ndarray:
        """[N] probabilities from distances [N] behind the front and [N] bool whether the front was measured."""
        middle = np.where(measured, self.measured_middle, self.middle)
        width = np.where(measured, self.measured_width, self.width)
        return 0.5 * (1 + np.tanh(np.clip((middle - behind) / (2 * width), -20, 20)))


def behind_front(
    splat: Gaussians, view: ObjectView, seen: SplatRendering, depth: np.ndarray | None = None, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Distance [N] of each Gaussian behind the front surface at its pixel, and [N] bool whether that front was measured.

    Args:
        splat: Normalised, unbatched.
        view: The virtual camera.
        seen: The splat rendered in it.
        depth: [S,S] measured depth in it, metres, NaN unknown; replaced by the splat's median depth where unknown.
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
    """Confidence [N]: 1 for Gaussians that the camera saw, down to 0 for completed ones behind the visible surface."""
    depth = None
    if scale.source == "depth" and crop.depth is not None:
        depth = np.where(crop.alpha > 0.5, crop.depth, np.nan)  # outside the object it is the depth of the background
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
