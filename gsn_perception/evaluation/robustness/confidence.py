"""Calibration of the splat's confidence: stated confidence against ray-cast visibility and true error; fit of its rule.

A Gaussian is seen when the true surface does not hide its centre from the input camera: the first hit along its ray is
not in front of it by more than :data:`TOLERANCE` of the object's extent. A stricter definition is reported, too: whether
the point of the true surface nearest to the centre is visible; for centres in the middle of a solid that is arbitrary.
Splats are placed at the scale that exact depth gives, as the pipeline fits it, so that an error of the scale does not
change all labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import minimize

from gsn_perception.evaluation.metrics.exact_surface import Surface
from gsn_perception.evaluation.reports.statistics import auroc
from gsn_perception.evaluation.views.cases import SurfaceCase
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.gsn.scale import scale_from_depth
from gsn_perception.gsn.visibility import VisibilityModel
from gsn_perception.gsn.visibility import behind_front
from gsn_perception.gsn.visibility import render_splat

TOLERANCE = 0.03
OPAQUE = 0.1
BINS = 5
Sculptor = Callable[[Observation, int], tuple[ObjectView, Gaussians]]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedSplat:
    """The opaque Gaussians [N] of one object compared with the truth.

    Attributes:
        name: Of the object.
        behind: Distance behind the front, normalised units.
        measured: Whether that front was measured.
        seen: Whether the true surface does not hide the centre.
        nearest_seen: Whether the nearest point of the true surface is seen.
        error: Distance to the true surface, extents.
    """

    name: str
    behind: np.ndarray
    measured: np.ndarray
    seen: np.ndarray
    nearest_seen: np.ndarray
    error: np.ndarray


def judged_splats(cases: Iterable[SurfaceCase], sculptor: Sculptor, *, blind: bool) -> list[JudgedSplat]:
    """Every object's splat, from colour alone (``blind``) or with measured depth.

    Objects whose scale cannot be fitted from depth are left out.
    """
    found = []
    for case in cases:
        observation = replace(case.observation, depth=None) if blind else case.observation
        try:
            found.append(_judged(case, *sculptor(observation, 1), blind=blind))
        except InputError:
            continue
    return found


def _judged(case: SurfaceCase, view: ObjectView, splat: Gaussians, *, blind: bool) -> JudgedSplat:
    camera, mask = case.observation.camera, np.asarray(case.observation.mask) > 0
    splat = splat.select(splat.opacities > OPAQUE)
    seen, alpha = render_splat(splat, view), view.warp(mask.astype(np.float32), camera)
    scale = scale_from_depth(seen.depth, seen.alpha, view.warp_depth(case.depth, camera), alpha).value
    depth = None
    if not blind:
        assert case.observation.depth is not None
        depth = view.warp_depth(np.where(mask, case.observation.depth, np.nan), camera)
    behind, measured = behind_front(splat, view, seen, depth, scale)
    surface, extent = Surface(case.truth), float(np.ptp(case.truth.vertices, axis=0).max())
    centres = splat.transform(view.similarity(scale)).means.numpy()
    eye, slack = np.zeros(3), TOLERANCE * extent
    return JudgedSplat(
        case.name,
        behind,
        measured,
        surface.seen_from(eye, centres, slack),
        surface.seen_from(eye, surface.nearest_points(centres), slack),
        surface.distances(centres) / extent,
    )


def confidence_figures(splats: Sequence[JudgedSplat], rule: VisibilityModel) -> dict[str, Any]:
    """Figures of merit of a confidence rule.

    Returns:
        ``auroc`` over all Gaussians and ``auroc_median`` over objects, of confidence against visibility;
        ``auroc_nearest`` by the stricter definition; ``seen``: the share of seen Gaussians; ``error 1`` ... ``error 5``:
        mean distance to the true surface in % of the extent, by quintiles of stated uncertainty, most certain first;
        ``monotone``: 1 where these errors increase; ``curve``: (mean uncertainty, error) of the quintiles.

    Raises:
        InputError: there is no splat.
    """
    if not splats:
        raise InputError("no object's confidence can be judged; give objects whose depth shows")
    stated = [rule(s.behind, s.measured) for s in splats]
    score, seen = np.concatenate(stated), np.concatenate([s.seen for s in splats])
    each = [auroc(c, s.seen) for c, s in zip(stated, splats, strict=True)]
    # stable: ties of a saturated rule keep the order of the objects
    order = np.array_split(np.argsort(-score, kind="stable"), BINS)
    error = 100 * np.concatenate([s.error for s in splats])
    errors = [float(error[part].mean()) for part in order]
    figures: dict[str, Any] = {
        "objects": float(len(splats)),
        "auroc": auroc(score, seen),
        "auroc_median": float(np.nanmedian(each)) if np.isfinite(each).any() else math.nan,
        "auroc_nearest": auroc(score, np.concatenate([s.nearest_seen for s in splats])),
        "seen": float(seen.mean()),
        "monotone": float(all(a <= b for a, b in pairwise(errors))),
    }
    figures |= {f"error {i + 1}": value for i, value in enumerate(errors)}
    return figures | {"curve": [(float(1 - score[part].mean()), e) for part, e in zip(order, errors, strict=True)]}


def fit_rule(splats: Sequence[JudgedSplat]) -> VisibilityModel:
    """The maximum-likelihood logistic curves, with equal weight per object; a curve without data keeps its default.

    Raises:
        InputError: there is no splat.
    """
    if not splats:
        raise InputError("no object's confidence can be judged; give objects whose depth shows")
    found: dict[str, float] = {}
    for prefix, wanted in (("", False), ("measured_", True)):
        parts = [
            (s.behind[k], s.seen[k]) for s in splats if (k := (s.measured == wanted) & np.isfinite(s.behind)).any()
        ]
        if parts and 0 < sum(y.sum() for _, y in parts) < sum(len(y) for _, y in parts):
            found[f"{prefix}middle"], found[f"{prefix}width"] = _logistic(parts)
    return VisibilityModel(**found)


def _logistic(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Middle and width of a logistic curve; the width is at least 0.05 percent, the resolution of depth."""
    x = np.concatenate([a for a, _ in parts])
    y = np.concatenate([b for _, b in parts])
    weight = np.concatenate([np.full(len(a), 1 / len(a)) for a, _ in parts]) / len(parts)

    def loss(values: np.ndarray) -> float:
        logit = (values[0] - x) / np.exp(values[1])
        return float((weight * (np.logaddexp(0, logit) - y * logit)).sum())

    best = minimize(
        loss, np.array([0.03, math.log(0.03)]), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8}
    )
    return float(best.x[0]), float(max(np.exp(best.x[1]), 5e-4))
