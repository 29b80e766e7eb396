"""Benefit of measured depth: errors of the visible side and of the whole surface, compared with colour alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from gsn_perception.evaluation.metrics.distances import compare_surfaces
from gsn_perception.evaluation.metrics.exact_surface import Surface
from gsn_perception.evaluation.surfaces.geometry import Reconstruct
from gsn_perception.evaluation.surfaces.geometry import scale_correction
from gsn_perception.evaluation.views.cases import SurfaceCase
from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render

COLOUR, DEPTH, ESTIMATED = "colour, true scale", "with depth, true scale", "with depth, estimated scale"
DISTANCE = 0.5
_COVER = 0.5


def evaluate_depth(
    cases: Iterable[SurfaceCase], colour: Reconstruct, informed: Reconstruct, *, seed: int = 0, samples: int = 20_000
) -> dict[str, list[dict[str, Any]]]:
    """Rows by answer, one per object.

    Args:
        cases: Test objects with simulated sensor depth and exact depth.
        colour: The pipeline for frames without depth, in normalised units.
        informed: The pipeline for frames with depth.
        seed: Of surface samples.
        samples: Per surface.

    Returns:
        ``splat_mm``, ``mesh_mm``: median absolute depth error of the visible side (pixels of the true mask that the
        result covers), scaled to an object 0.5 m away; ``covered``: their share; ``chamfer_l1``: of the whole mesh, in
        extents.
    """
    rows: dict[str, list[dict[str, Any]]] = {COLOUR: [], DEPTH: [], ESTIMATED: []}
    for case in cases:
        blind = replace(case.observation, depth=None)
        (alone,), (both,) = colour(blind), informed(case.observation)
        for who, result, fix in ((COLOUR, alone, True), (DEPTH, both, True), (ESTIMATED, both, False)):
            head = {"name": case.name, "shape": case.shape, "refused": float(isinstance(result, Refusal))}
            if isinstance(result, Refusal):
                rows[who].append(head | {"reason": result.reason})
                continue
            rng = np.random.default_rng(seed)
            factor = scale_correction(result, case.centre) if fix else 1.0
            rows[who].append(head | _figures(result, factor, case, rng, samples))
    return rows


def _figures(
    result: Reconstruction, factor: float, case: SurfaceCase, rng: np.random.Generator, samples: int
) -> dict[str, float]:
    grow = np.diag([factor, factor, factor, 1.0])
    mesh: Mesh = result.mesh.transform(grow)
    camera = case.observation.camera
    figures = _errors("splat", splat_depth(result.gaussians.transform(grow), camera), case)
    if len(mesh.faces):
        figures |= _errors("mesh", Surface(mesh).cast(camera).depth, case)
        figures["chamfer_l1"] = compare_surfaces(mesh, case.truth, rng, samples=samples).chamfer_l1
    return figures


def _errors(what: str, depth: np.ndarray, case: SurfaceCase) -> dict[str, float]:
    """Median |error| in mm at 0.5 m and the share of the mask that could be compared."""
    mask = np.asarray(case.observation.mask) > 0
    both = mask & np.isfinite(depth) & np.isfinite(case.depth)
    error = np.abs(depth[both] - case.depth[both])
    near = DISTANCE / float(np.linalg.norm(case.centre))
    median = float(np.median(error)) * near * 1000 if len(error) else math.nan
    return {f"{what}_mm": median, f"{what}_covered": float(both.sum() / max(mask.sum(), 1))}


def splat_depth(gaussians: Gaussians, camera: Camera) -> np.ndarray:
    """[H,W] expected depth of a metric splat, metres; NaN where it covers less than half."""
    with torch.no_grad():
        out = render(gaussians.map(lambda t: t[None]), CameraBatch.of([camera], device=gaussians.device))
    depth, alpha = out.depth[0, 0].cpu().numpy(), out.alpha[0, 0].cpu().numpy()
    return np.where(alpha > _COVER, depth / np.maximum(alpha, 1e-6), np.nan)


def ratio(rows: dict[str, list[dict[str, Any]]], who: str, key: str = "chamfer_l1") -> float:
    """Mean figure of one input divided by that of colour alone, over the objects with both results."""
    pairs = [
        (a[key], b[key])
        for a, b in zip(rows[who], rows[COLOUR], strict=True)
        if a.get(key, 0) > 0 and b.get(key, 0) > 0
    ]
    return float(np.mean([a for a, _ in pairs]) / np.mean([b for _, b in pairs])) if pairs else math.nan
