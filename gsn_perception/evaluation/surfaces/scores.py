"""Surface metrics in the units of the surface reconstruction papers.

Definitions. Lengths are relative to the truth's longest box side (the object at unit maximum extent). Distances are exact,
from samples of one surface, uniform by area, to the nearest triangle of the other. ``chamfer`` is Chamfer-L1: half the sum
of the mean distances in both directions, times 100. ``f1`` is the harmonic mean of the shares of samples within 1 % in
both directions. ``nc`` is the mean |cosine| between a sample's normal and that of the nearest triangle, averaged over both
directions. ``iou`` is the intersection over union of the volumes, by winding numbers at uniform points in the box around
both.
"""

from __future__ import annotations

import numpy as np

from gsn_perception.evaluation.metrics.distances import compare_surfaces
from gsn_perception.evaluation.metrics.distances import sampling_floor
from gsn_perception.evaluation.metrics.exact_surface import Surface
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.surface.fields.winding_number import WindingNumber

THRESHOLD = 0.01
COLUMNS = {
    "objects": ".0f",
    "chamfer": ".3f",
    "f1": ".3f",
    "nc": ".3f",
    "iou": ".3f",
    "chamfer_observed": ".3f",
    "chamfer_completed": ".3f",
    "watertight": ".0%",
    "scale_ratio": ".3f",
    "refused": ".0%",
    "seconds": ".2f",
    "points_chamfer": ".3f",
}
"""Columns of the table and their formats; ``points_chamfer`` is Chamfer-L1 between two samplings of the truth."""


def surface_scores(
    predicted: Mesh, truth: Mesh, rng: np.random.Generator, *, samples: int, eye: np.ndarray | None = None
) -> dict[str, float]:
    """All metrics of a mesh against the true one, both in one frame.

    Args:
        predicted: Any triangles.
        truth: The true surface.
        rng: Random generator of the samples.
        samples: Per surface, and points for the volumes.
        eye: [3] the camera; if given, the observed and the completed side are also scored separately.
    """
    scores = compare_surfaces(predicted, truth, rng, samples=samples, threshold=THRESHOLD)
    figures = {
        "chamfer": 100 * scores.chamfer_l1,
        "f1": scores.f_score,
        "nc": scores.normal_consistency,
        "iou": volume_iou(predicted, truth, rng, samples=samples),
        "watertight": float(predicted.is_watertight()),
    }
    return figures if eye is None else figures | side_scores(predicted, truth, rng, samples=samples, eye=eye)


def side_scores(
    predicted: Mesh, truth: Mesh, rng: np.random.Generator, *, samples: int, eye: np.ndarray
) -> dict[str, float]:
    """Chamfer-L1 (x 100) of the observed and of the completed side.

    A true sample is observed where nothing is between it and the camera; a predicted sample belongs to the side of its
    nearest true point. A side without samples is NaN.
    """
    extent = float(np.ptp(truth.vertices, axis=0).max())
    wanted, found = Surface(truth), Surface(predicted)
    t, _ = sample_surface(truth, samples, rng)
    p, _ = sample_surface(predicted, samples, rng)
    nearest = wanted.nearest_points(p)
    t_seen, p_seen = (wanted.seen_from(eye, x, 2e-3 * extent) for x in (t, nearest))
    to_predicted, to_truth = found.distances(t) / extent, np.linalg.norm(p - nearest, axis=1) / extent
    figures = {}
    for name, ts, ps in (("observed", t_seen, p_seen), ("completed", ~t_seen, ~p_seen)):
        means = [float(d[s].mean()) if s.any() else float("nan") for d, s in ((to_truth, ps), (to_predicted, ts))]
        figures[f"chamfer_{name}"] = 100 * 0.5 * sum(means)
    return figures


def volume_iou(predicted: Mesh, truth: Mesh, rng: np.random.Generator, *, samples: int) -> float:
    """Intersection over union of the volumes; inside means a winding number above one half, also for open meshes."""
    corners = np.concatenate([predicted.vertices, truth.vertices])
    points = rng.uniform(corners.min(axis=0), corners.max(axis=0), (samples, 3))
    a, b = (WindingNumber(mesh)(points) > 0.5 for mesh in (predicted, truth))
    return float((a & b).sum() / max((a | b).sum(), 1))


def truth_scores(truth: Mesh, rng: np.random.Generator, *, samples: int) -> dict[str, float]:
    """The lower limit of errors: the truth against itself, and Chamfer-L1 between two samplings of it."""
    floor = 100 * sampling_floor(truth, rng, samples=samples)
    return surface_scores(truth, truth, rng, samples=samples) | {"points_chamfer": floor}
