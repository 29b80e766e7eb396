"""Error of the scale from a size hint, over several views of each object without depth."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from gsn_perception.evaluation.views.cases import SurfaceCase
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Refusal
from gsn_perception.gsn.sculpted import Sculpted

Splats = Callable[[Observation], list[Sculpted | Refusal]]


def longest_distance(vertices: np.ndarray) -> float:
    """The largest distance between two of the vertices [V,3]."""
    vertices = np.asarray(vertices, dtype=np.float64)
    return float(pdist(vertices[ConvexHull(vertices).vertices]).max())


def evaluate_sizes(cases: Iterable[SurfaceCase], splats: Splats) -> list[dict[str, Any]]:
    """One row per case: colour alone with the object's true longest distance as size hint.

    Args:
        cases: Test objects, each from one view; their depth is not used.
        splats: The pipeline up to the scale.

    Returns:
        ``ratio``: estimated over true scale, where the true scale puts the canonical cube as far along the view's axis as
        the true box centre; ``error``: |ratio - 1|; ``within_2_sigma``.
    """
    rows: list[dict[str, Any]] = []
    for case in cases:
        hint = longest_distance(case.truth.vertices)
        (item,) = splats(replace(case.observation, depth=None, support_plane=None, size_hint=hint))
        head = {"name": case.name, "shape": case.shape, "refused": float(isinstance(item, Refusal))}
        if isinstance(item, Refusal):
            rows.append(head | {"reason": item.reason})
            continue
        view = item.crop.view
        ratio = item.scale.value * view.distance / float(view.R_camera_virtual[:, 2] @ case.centre)
        sigma = item.scale.sigma / item.scale.value
        near = {"within_2_sigma": float(abs(math.log(ratio)) <= 2 * sigma)} if math.isfinite(sigma) else {}
        rows.append(head | {"ratio": ratio, "error": abs(ratio - 1)} | near)
    return rows


def size_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Median and 90 % quantile of the error over the views that were not refused."""
    errors = [row["error"] for row in rows if "error" in row]
    median, most = np.quantile(errors, [0.5, 0.9]) if errors else (math.nan, math.nan)
    return {"views": len(rows), "median_error": float(median), "error_90": float(most)}
