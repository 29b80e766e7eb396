"""Robustness to occlusion: an occluder in front of the object hides a given share of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gsn_perception.evaluation.views.cases import NovelViewCase
from gsn_perception.evaluation.views.novel_views import render_targets
from gsn_perception.evaluation.views.novel_views import score_images
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
OCCLUDER = 2
_REACH = 0.3
# (occluded frame, label, view of the whole object) -> view and normalised splat
OccludedSculptor = Callable[[Observation, int, ObjectView], tuple[ObjectView, Gaussians]]


def occlude(observation: Observation, share: float, direction: float, rng: np.random.Generator) -> Observation:
    """The frame with an occluder in front of label 1.

    Args:
        observation: A frame whose object has label 1.
        share: Of the object's pixels that are hidden, in [0, 1).
        direction: Radians in the image (x to y, y down): the side of the occluder.
        rng: Of its colours.

    Returns:
        The frame in which the pixels farthest in ``direction`` have label 2 and a noisy colour: exactly
        ``round(share * pixels)`` of the object, and the background beside and beyond them.
    """
    mask = np.asarray(observation.mask) == 1
    hidden = round(share * int(mask.sum()))
    if not hidden:
        return observation
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    along = math.cos(direction) * columns + math.sin(direction) * rows
    own = np.flatnonzero(mask)
    covered = own[np.argsort(-along.ravel()[own], kind="stable")[:hidden]]
    edge = along.ravel()[covered].min()
    y, x = np.nonzero(mask)
    reach = _REACH * max(np.ptp(y), np.ptp(x))
    near = (rows >= y.min() - reach) & (rows <= y.max() + reach)
    near &= (columns >= x.min() - reach) & (columns <= x.max() + reach)
    occluder = near & (along >= edge) & ~mask
    occluder.ravel()[covered] = True
    image, labels = observation.image.copy(), np.asarray(observation.mask).copy()
    colour = rng.uniform(30, 225, 3) + rng.normal(0, 12, (int(occluder.sum()), 3))
    image[occluder] = np.clip(colour, 0, 255).astype(np.uint8)
    labels[occluder] = OCCLUDER
    return replace(observation, image=image, mask=labels)


def evaluate_occlusion(
    cases: Iterable[NovelViewCase],
    sculptors: Mapping[str, OccludedSculptor],
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
) -> dict[str, list[dict[str, Any]]]:
    """Novel-view metrics by sculptor and hidden share.

    Args:
        cases: Test objects.
        sculptors: By name.
        shares: Hidden shares of the mask; one random side per object.
        seed: Of sides and colours.

    Returns:
        Per sculptor one row per object and share: ``psnr``, ``psnr_inside``, ``iou`` of the novel views, which show the
        object without the occluder.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in sculptors}
    for index, case in enumerate(cases):
        rng = np.random.default_rng([seed, index])
        direction = float(rng.uniform(-math.pi, math.pi))
        whole = case.whole
        for share in shares:
            seen = occlude(case.observation, share, direction, rng)
            for name, sculptor in sculptors.items():
                view, splat = sculptor(seen, 1, whole)
                figures = score_images(*render_targets(splat, view, case), case)
                rows[name].append({"name": case.name, "shape": case.shape, "share": share, **figures})
    return rows


def curve(rows: Sequence[Mapping[str, Any]], key: str = "psnr") -> dict[float, float]:
    """Mean over objects by share."""
    shares = sorted({row["share"] for row in rows})
    return {s: float(np.mean([row[key] for row in rows if row["share"] == s])) for s in shares}
