"""Surface metrics (Chamfer-L1, F-score, normal consistency) by exact distances from samples to triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial import QhullError
from scipy.spatial import cKDTree

from gsn_perception.evaluation.metrics.exact_surface import Surface
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.sampling import sample_surface

SAMPLES = 100_000
F_THRESHOLD = 0.05


@dataclass(frozen=True, slots=True)
class SurfaceScores:
    """Metrics of a predicted surface against the true one; lengths are relative to the truth's longest box side.

    Attributes:
        accuracy: Mean distance from predicted samples to the true surface.
        completeness: Mean distance from true samples to the predicted surface.
        precision: Share of predicted samples within the threshold (5 % of the extent by default).
        recall: Share of true samples within it.
        normal_consistency: Mean |cos| between a sample's normal and that of the nearest triangle, both ways.
        extent: The truth's longest box side, metres.
    """

    accuracy: float
    completeness: float
    precision: float
    recall: float
    normal_consistency: float
    extent: float

    @property
    def chamfer_l1(self) -> float:
        """Half the sum of accuracy and completeness (Occupancy Networks' definition), in extents."""
        return 0.5 * (self.accuracy + self.completeness)

    @property
    def f_score(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def compare_surfaces(
    predicted: Mesh, truth: Mesh, rng: np.random.Generator, *, samples: int = SAMPLES, threshold: float = F_THRESHOLD
) -> SurfaceScores:
    """Scores of ``predicted`` against ``truth``, both in one frame; ``threshold`` of the F-score in extents."""
    extent = float(np.ptp(truth.vertices, axis=0).max())
    found, wanted = Surface(predicted), Surface(truth)
    p, p_face = sample_surface(predicted, samples, rng)
    t, t_face = sample_surface(truth, samples, rng)
    to_truth, to_predicted = wanted.distances(p) / extent, found.distances(t) / extent
    p_cos = np.einsum("ij,ij->i", predicted.face_normals()[p_face], wanted.nearest_normals(p))
    t_cos = np.einsum("ij,ij->i", truth.face_normals()[t_face], found.nearest_normals(t))
    return SurfaceScores(
        accuracy=float(to_truth.mean()),
        completeness=float(to_predicted.mean()),
        precision=float((to_truth <= threshold).mean()),
        recall=float((to_predicted <= threshold).mean()),
        normal_consistency=float(0.5 * (np.abs(p_cos).mean() + np.abs(t_cos).mean())),
        extent=extent,
    )


def sampling_floor(truth: Mesh, rng: np.random.Generator, *, samples: int = SAMPLES) -> float:
    """Chamfer-L1, in extents, between two independent samplings of the truth, point to point.

    It is the lower limit of point-to-point metrics in other work. The exact sample-to-surface distances used here are
    limited by rounding only: ``compare_surfaces(truth, truth)``.
    """
    extent = float(np.ptp(truth.vertices, axis=0).max())
    a, _ = sample_surface(truth, samples, rng)
    b, _ = sample_surface(truth, samples, rng)
    return float(0.5 * (cKDTree(a).query(b)[0].mean() + cKDTree(b).query(a)[0].mean()) / extent)


def convex_hull(points: np.ndarray) -> Mesh:
    """Closed convex hull of points [N,3].

    Raises:
        InputError: fewer than four points, or all in one plane.
    """
    points = np.asarray(points, dtype=np.float64)
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):
        raise InputError("the points have no volume to wrap a hull around; give four or more that span space") from None
    faces = hull.simplices
    a, b, c = (points[faces[:, i]] for i in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0
    faces = np.where(inward[:, None], faces[:, ::-1], faces)
    kept, compact = np.unique(faces, return_inverse=True)
    return Mesh(points[kept], compact.reshape(-1, 3))
