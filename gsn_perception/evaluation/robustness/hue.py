"""Colour accuracy of splats: correlation of predicted and true chroma.

Chroma is that of BT.601: Y = 0.299 R + 0.587 G + 0.114 B, Cb = 0.564 (B - Y), Cr = 0.713 (R - Y) of RGB in [0, 1] (sRGB
values). Predicted and true (Cb, Cr) of all pixels of all objects are compared by one Pearson correlation: both components
are centred by their own means, then summed; every object has the same weight for any number of pixels. Grey predictions
score 0, opposite hues -1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from gsn_perception.evaluation.metrics.image_metrics import psnr
from gsn_perception.evaluation.views.cases import NovelViewCase
from gsn_perception.evaluation.views.novel_views import render_targets
from gsn_perception.evaluation.views.novel_views import score_images
from gsn_perception.evaluation.views.novel_views import white_crop
from gsn_perception.evaluation.views.splat_images import splat_images
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation

Sculptor = Callable[[Observation, int], tuple[ObjectView, Gaussians]]


def chroma(rgb: np.ndarray) -> np.ndarray:
    """Cb and Cr [...,2] of RGB [...,3] in [0, 1]."""
    rgb = np.asarray(rgb, dtype=np.float64)
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    return np.stack([0.564 * (rgb[..., 2] - luma), 0.713 * (rgb[..., 0] - luma)], axis=-1)


def moments(predicted: np.ndarray, truth: np.ndarray) -> list[float]:
    """Moments for a correlation, from chromas [P,2], as means over pixels: p1 p2 t1 t2 pp tt pt; NaN without pixels."""
    if not len(predicted):
        return [math.nan] * 7
    squares = [(a * b).sum(-1).mean() for a, b in ((predicted, predicted), (truth, truth), (predicted, truth))]
    return [float(v) for v in (*predicted.mean(0), *truth.mean(0), *squares)]


def correlation(objects: Sequence[Sequence[float]]) -> float:
    """Pearson correlation from every object's :func:`moments`, with equal weights."""
    kept = np.array([m for m in objects if math.isfinite(m[0])])
    if not len(kept):
        return math.nan
    p1, p2, t1, t2, pp, tt, pt = kept.mean(0)
    spread = (pp - p1 * p1 - p2 * p2) * (tt - t1 * t1 - t2 * t2)
    return float((pt - p1 * t1 - p2 * t2) / math.sqrt(spread)) if spread > 1e-16 else 0.0


def evaluate_hue(cases: Iterable[NovelViewCase], sculptor: Sculptor) -> list[dict[str, Any]]:
    """One row per object: PSNR of the novel views, inside the masks and of the input view; chroma moments of both.

    The visible side is compared at the crop's pixels that are completely inside the true mask, the novel views inside
    their true masks.
    """
    rows = []
    for case in cases:
        view, splat = sculptor(case.observation, 1)
        images, alpha = render_targets(splat, view, case)
        figures: dict[str, Any] = score_images(images, alpha, case)
        again, _ = splat_images(splat, [view.normalised_camera])
        truth = white_crop(case.observation, case.mask, view)
        inside = view.warp(case.mask.astype(np.float32), case.observation.camera) > 0.99
        figures["input_psnr"] = psnr(again[0], truth)
        figures["input_psnr_inside"] = psnr(again[0], truth, inside)
        figures["visible"] = moments(chroma(again[0][inside]), chroma(truth[inside]))
        figures["novel"] = moments(chroma(images[case.truth_masks]), chroma(case.truth[case.truth_masks]))
        rows.append({"name": case.name, "shape": case.shape, **figures})
    return rows


def chroma_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Correlations over a group of objects: of the visible side, and of the novel views."""
    return {
        "chroma_visible": correlation([r["visible"] for r in rows]),
        "chroma_novel": correlation([r["novel"] for r in rows]),
    }
