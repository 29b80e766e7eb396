"""The metric scale of a splat from another view of the same object, with its uncertainty, and the scale from several views.

Three kinds of evidence: the splat of the reference view rendered into the other view, the splat of the other view rendered
into the reference view, and the point where the axes of both silhouettes' cones meet. The first two err with the predicted
shape, the last one with the true shape; their errors are next to independent.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from gsn_perception.geometry.transforms import make_transform
from gsn_perception.gsn.scale import Scale
from gsn_perception.pipeline.fusion.cone_crossing import approximate_distances
from gsn_perception.pipeline.fusion.cone_crossing import axes_gap
from gsn_perception.pipeline.fusion.cone_crossing import crossing_distance
from gsn_perception.pipeline.fusion.look import Look
from gsn_perception.pipeline.fusion.silhouette_alignment import NEAREST
from gsn_perception.pipeline.fusion.silhouette_alignment import Fit
from gsn_perception.pipeline.fusion.silhouette_alignment import SilhouetteAlignment

LARGEST_MISFIT = 0.9
"""Area between splat and silhouette over the silhouette's area, beyond which pose and images disagree."""
LARGEST_GAP = 0.6
"""Largest plausible :attr:`Estimate.gap`."""
_SMALLEST_ANGLE = np.deg2rad(2.0)  # between the rays of two views: less is no parallax
# chosen on development objects
_SHAPE_SPREAD = 0.011  # of the log scale
_MISFIT_SPREAD = 0.037  # times the misfit
_PARALLAX_SPREAD = 0.002  # times 1 / sin(angle)
_TRUSTED_MISFIT = 0.15  # at which silhouettes and cones have equal weight
_COMMON = 0.5  # correlation of the shape's error between views


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one other view says.

    Attributes:
        log_distance: Logarithm of the distance of the object's middle along the reference view's axis, metres.
        shape: Standard deviation by errors of shape.
        pose: Standard deviation by errors of the pose.
        misfit: Of the splat and the silhouettes, see :data:`LARGEST_MISFIT`.
        angle: Between the two rays to the object, radians.
        gap: Shortest distance between the axes of both silhouettes' cones over the object's radius; 0 where a view is cut.
    """

    log_distance: float
    shape: float
    pose: float
    misfit: float
    angle: float
    gap: float = 0.0

    @property
    def sigma(self) -> float:
        """Standard deviation of the log distance."""
        return float(np.hypot(self.shape, self.pose))


def estimate(reference: Look, other: Look) -> Estimate | None:
    """The distance of an object by one other view; None where the views are too close together or nothing fits.

    Args:
        reference: With its splat and the identity as its pose.
        other: The other view.
    """
    T = other.T_reference_camera
    fits = _fits(reference, other)
    if not fits:
        return None
    distances = [distance(fit, T) for _, fit, distance in fits]
    if min(distances) < 0.5 * NEAREST:
        return None
    log_distance = float(np.mean(np.log(distances)))
    middle = np.exp(log_distance) * reference.axis
    there = middle - T[:3, 3]
    angle = float(np.arccos(np.clip(reference.axis @ there / np.linalg.norm(there), -1.0, 1.0)))
    if angle < _SMALLEST_ANGLE:
        return None
    misfit = float(np.mean([fit.misfit for _, fit, _ in fits]))
    cones = crossing_distance(reference, other, fits[0][0].silhouettes, fits[0][1], angle)
    if cones is not None:
        share = misfit**2 / (misfit**2 + _TRUSTED_MISFIT**2)
        log_distance += share * float(np.clip(cones - log_distance, -0.15, 0.15))
    slopes = np.mean([_slopes(alignment, fit, distance, other) for alignment, fit, distance in fits], axis=0)
    errors = np.repeat([other.rotation_error, other.position_error], 3)
    return Estimate(
        log_distance,
        float(np.linalg.norm([_SHAPE_SPREAD, _MISFIT_SPREAD * misfit, _PARALLAX_SPREAD / np.sin(angle)])),
        float(np.linalg.norm(slopes * errors)),
        misfit,
        angle,
        axes_gap(reference, other, float(np.exp(log_distance))),
    )


def combined(estimates: Sequence[Estimate], distance: float) -> Scale:
    """The scale by several views.

    Args:
        estimates: At least one.
        distance: Of the reference view's object view, normalised units.
    """
    sigmas = np.array([e.sigma for e in estimates])
    weights = sigmas**-2 / np.sum(sigmas**-2)
    logs = np.array([e.log_distance for e in estimates])
    shape, pose = np.array([e.shape for e in estimates]), np.array([e.pose for e in estimates])
    common = _COMMON * float(weights @ shape) ** 2 + (1 - _COMMON) * float((weights**2) @ shape**2)
    spread = float(weights @ (logs - weights @ logs) ** 2) / max(len(logs) - 1, 1)
    sigma = np.sqrt(max(common + float((weights**2) @ pose**2), spread))
    value = float(np.exp(weights @ logs)) / distance
    return Scale(value, float(sigma) * value, "views")


_Distance = Callable[[Fit, np.ndarray], float]


def _fits(reference: Look, other: Look) -> list[tuple[_Alignment, Fit, _Distance]]:
    """The reference's splat in the other view, and the other's splat in the reference view where there is one."""
    T = other.T_reference_camera
    pairs: list[tuple[_Alignment, _Distance]] = []
    near = approximate_distances(reference, other)
    if reference.splat is not None:
        alignment = SilhouetteAlignment(reference.splat, reference.view, other.crop)
        pairs.append(
            (
                _Alignment(alignment, lambda T: T, near[0]),
                lambda fit, T: np.exp(fit.log_scale) * reference.view.distance,
            )
        )
    if other.splat is not None and other.whole and reference.whole:
        alignment = SilhouetteAlignment(other.splat, other.view, reference.crop)

        def middle(fit: Fit, T: np.ndarray) -> float:
            away = np.exp(fit.log_scale) * other.view.distance
            return float(reference.axis @ (away * T[:3, :3] @ other.axis + T[:3, 3]))

        pairs.append((_Alignment(alignment, np.linalg.inv, near[1]), middle))
    return [(alignment, alignment.fit(T), distance) for alignment, distance in pairs]


@dataclass(frozen=True, slots=True, eq=False)
class _Alignment:
    """An alignment, how its pose follows from that of the other camera, and roughly how far the object is."""

    silhouettes: SilhouetteAlignment
    pose: Callable[[np.ndarray], np.ndarray]
    near: float | None

    def fit(self, T: np.ndarray) -> Fit:
        start, _ = self.silhouettes.search(self.pose(T), self.near)
        return self.silhouettes.refine(start, self.pose(T))

    def shifted(self, fit: Fit, T: np.ndarray, moved: np.ndarray) -> Fit:
        change = self.silhouettes.shift(fit, self.pose(T), self.pose(moved))
        return Fit(fit.log_scale + change, fit.depth, fit.curvature, fit.misfit)


def _slopes(alignment: _Alignment, fit: Fit, distance: _Distance, other: Look) -> np.ndarray:
    """[6] change of the log distance by a rotation (radians) and a shift (metres) of the other camera about its own axes."""
    T = other.T_reference_camera
    if not (other.position_error or other.rotation_error):
        return np.zeros(6)
    before, slopes = np.log(distance(fit, T)), np.zeros(6)
    for k, step in enumerate(np.repeat([0.004, 0.002], 3)):
        turn, shift = np.zeros(3), np.zeros(3)
        (turn if k < 3 else shift)[k % 3] = step
        moved = T @ make_transform(Rotation.from_rotvec(turn).as_matrix(), shift)
        slopes[k] = (np.log(max(distance(alignment.shifted(fit, T, moved), moved), 1e-6)) - before) / step
    return slopes
