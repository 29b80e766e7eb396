"""Metrics of reconstructed meshes against the true ones, with the visible hull as baseline."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import numpy as np

from gsn_perception.evaluation.metrics.distances import SAMPLES
from gsn_perception.evaluation.metrics.distances import compare_surfaces
from gsn_perception.evaluation.metrics.distances import convex_hull
from gsn_perception.evaluation.metrics.distances import sampling_floor
from gsn_perception.evaluation.views.cases import SurfaceCase
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal

Reconstruct = Callable[[Observation], list[Reconstruction | Refusal]]
Rows = dict[str, list[dict[str, Any]]]

TRUE, ESTIMATED, HULL, FLOOR = "gsn, true scale", "gsn, estimated scale", "visible hull", "truth"


def evaluate_geometry(
    cases: Iterable[SurfaceCase], reconstruct: Reconstruct, *, seed: int = 0, samples: int = SAMPLES
) -> Rows:
    """Scores per object of the mesh at its true and at its estimated scale, of the hull, and of the truth itself.

    A refused object scores F = 0 without a distance; its row contains the reason.

    Args:
        cases: Test objects with measured depth.
        reconstruct: The pipeline.
        seed: Of the surface samples.
        samples: Per surface.
    """
    rows: Rows = {TRUE: [], ESTIMATED: [], HULL: [], FLOOR: []}
    for case in cases:
        rng = np.random.default_rng(seed)
        start = time.perf_counter()
        (result,) = reconstruct(case.observation)
        seconds = time.perf_counter() - start
        if isinstance(result, Refusal):
            for who in (TRUE, ESTIMATED):
                rows[who].append(_head(case) | {"f_score": 0.0, "refused": 1, "reason": result.reason})
        else:
            factor = scale_correction(result, case.centre)
            extra = {"refused": 0, "scale_ratio": 1 / factor, "seconds": seconds}
            fixed = result.mesh.transform(np.diag([factor, factor, factor, 1.0]))
            rows[TRUE].append(_head(case) | _score(fixed, case, rng, samples) | extra)
            rows[ESTIMATED].append(_head(case) | _score(result.mesh, case, rng, samples) | extra)
        rows[HULL].append(_head(case) | _score(visible_hull(case), case, rng, samples))
        floor = {"points_chamfer_l1": sampling_floor(case.truth, rng, samples=samples)}
        rows[FLOOR].append(_head(case) | _score(case.truth, case, rng, samples) | floor)
    return rows


def scale_correction(result: Reconstruction, centre: np.ndarray) -> float:
    """The factor from the estimated to the true scale; scaling is about the camera.

    The true scale puts the canonical cube as far along the view's axis as the true box centre [3]. Images do not change.
    """
    place = result.T_camera_object[:3, 3]
    return float(place @ centre / (place @ place))


def visible_hull(case: SurfaceCase) -> Mesh:
    """Convex hull of the exact depth at the true mask's pixels: the view of a perfect sensor."""
    assert case.observation.mask is not None
    points = case.observation.camera.back_project(case.depth)[case.observation.mask > 0]
    points = points[np.isfinite(points).all(axis=1)]
    try:
        return convex_hull(points)
    except InputError:
        raise InputError(f"object {case.name!r} shows no surface to wrap a hull around; leave it out") from None


def _head(case: SurfaceCase) -> dict[str, Any]:
    return {"name": case.name, "shape": case.shape, "extent": case.extent}


def _score(mesh: Mesh, case: SurfaceCase, rng: np.random.Generator, samples: int) -> dict[str, float]:
    if not len(mesh.faces):
        return {"f_score": 0.0, "empty": 1}
    scores = compare_surfaces(mesh, case.truth, rng, samples=samples)
    closed = case.truth.is_watertight() and mesh.is_watertight()
    return {
        "chamfer_l1": scores.chamfer_l1,
        "chamfer_mm": scores.chamfer_l1 * scores.extent * 1000,
        "accuracy": scores.accuracy,
        "completeness": scores.completeness,
        "f_score": scores.f_score,
        "normal_consistency": scores.normal_consistency,
        "volume_ratio": abs(mesh.volume() / case.truth.volume()) if closed else float("nan"),
        "watertight": float(mesh.is_watertight()),
    }
