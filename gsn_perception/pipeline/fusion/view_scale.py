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

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.visibility import render_splat
from gsn_perception.pipeline.fusion.silhouette_alignment import FARTHEST
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
_TRUSTED_MISFIT = 0.15  # at which silhouettes and cones have equal weight
_CONE_BIAS = 0.003  # the axes meet behind the middle of the box: their excess, times 1 / tan(angle)
_LARGEST_BIAS = 0.05
_COMMON = 0.5  # correlation of the shape's error between views


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One object in one view.

    Attributes:
        view: The object view of the network's crop.
        splat: The network's splat of this view, normalised; None where the object is cut or too small here.
        crop: The object with room around it.
        whole: Whether the view shows all of the object.
        T_reference_camera: [4,4] pose of the camera in the reference camera's frame.
        position_error: Standard deviation of the pose per axis, metres.
        rotation_error: The same in radians.
    """

    view: ObjectView
    splat: Gaussians | None
    crop: Crop
    whole: bool
    T_reference_camera: np.ndarray
    position_error: float = 0.0
    rotation_error: float = 0.0

    @property
    def axis(self) -> np.ndarray:
        """[3] direction of the object in the camera's frame."""
        return np.asarray(self.view.R_camera_virtual[:, 2])


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
    cones = _cone_estimate(reference, other, fits[0], log_distance, angle)
    if cones is not None:
        share = misfit**2 / (misfit**2 + _TRUSTED_MISFIT**2)
        log_distance += share * float(np.clip(cones - log_distance, -0.15, 0.15))
    slopes = np.mean([_slopes(alignment, fit, distance, other) for alignment, fit, distance in fits], axis=0)
    errors = np.repeat([other.rotation_error, other.position_error], 3)
    return Estimate(
        log_distance,
        float(np.hypot(_SHAPE_SPREAD, _MISFIT_SPREAD * misfit)),
        float(np.linalg.norm(slopes * errors)),
        misfit,
        angle,
        _gap(reference, other, float(np.exp(log_distance))),
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
    if reference.splat is not None:
        alignment = SilhouetteAlignment(reference.splat, reference.view, other.crop)
        pairs.append(
            (_Alignment(alignment, lambda T: T), lambda fit, T: np.exp(fit.log_scale) * reference.view.distance)
        )
    if other.splat is not None and other.whole and reference.whole:
        alignment = SilhouetteAlignment(other.splat, other.view, reference.crop)

        def middle(fit: Fit, T: np.ndarray) -> float:
            away = np.exp(fit.log_scale) * other.view.distance
            return float(reference.axis @ (away * T[:3, :3] @ other.axis + T[:3, 3]))

        pairs.append((_Alignment(alignment, np.linalg.inv), middle))
    return [(alignment, alignment.fit(T), distance) for alignment, distance in pairs]


@dataclass(frozen=True, slots=True, eq=False)
class _Alignment:
    """An alignment, and how its pose follows from that of the other camera."""

    silhouettes: SilhouetteAlignment
    pose: Callable[[np.ndarray], np.ndarray]

    def fit(self, T: np.ndarray) -> Fit:
        start, _ = self.silhouettes.search(self.pose(T))
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


def _gap(reference: Look, other: Look, distance: float) -> float:
    """Shortest distance between the axes over the object's radius."""
    if not (reference.whole and other.whole):
        return 0.0
    normal = np.cross(reference.axis, other.T_reference_camera[:3, :3] @ other.axis)
    apart = abs(float(normal @ other.T_reference_camera[:3, 3])) / max(float(np.linalg.norm(normal)), 1e-9)
    return apart / (distance * float(np.sin(reference.view.theta)))


def _cone_estimate(
    reference: Look, other: Look, fitted: tuple[_Alignment, Fit, _Distance], log_distance: float, angle: float
) -> float | None:
    """The log distance at which the axes of both silhouettes' cones meet; None where they don't, or a view is cut.

    The axes pass the middle of the object's box at some distance. The error by that is the mean of two predictions: what the
    splat in place of the object shows, and the average over objects.
    """
    if not (reference.whole and other.whole) or reference.splat is None:
        return None
    T = other.T_reference_camera
    crossing = _crossing(reference.axis, T[:3, :3] @ other.axis, T[:3, 3])
    if not NEAREST < crossing < FARTHEST:
        return None
    alignment, fit, distance = fitted
    usual = _CONE_BIAS / np.tan(angle)
    coverage, silhouette = alignment.silhouettes.coverage(fit, T)
    seen = render_splat(reference.splat, reference.view).alpha
    axes = [_axis(view, image) for view, image in ((reference.view, seen), (silhouette.view, coverage))]
    own = usual
    if axes[0] is not None and axes[1] is not None:
        meeting = max(_crossing(axes[0], T[:3, :3] @ axes[1], T[:3, 3]), NEAREST)
        own = float(np.clip(np.log(meeting / distance(fit, T)), -_LARGEST_BIAS, _LARGEST_BIAS))
    return float(np.log(crossing) - 0.5 * (own + usual))


def _axis(view: ObjectView, coverage: np.ndarray) -> np.ndarray | None:
    """[3] axis of the smallest cone around a silhouette [S,S] of a virtual camera, in the real camera's frame."""
    size = coverage.shape[0]
    try:
        cone = ObjectView.of_mask(coverage > 0.5, view.camera.resized(size, size), size)
    except InputError:  # nothing is covered
        return None
    return np.asarray(view.R_camera_virtual @ cone.R_camera_virtual[:, 2])


def _crossing(a: np.ndarray, b: np.ndarray, eye: np.ndarray) -> float:
    """Distance along ``a`` [3] (from the origin) at which it is nearest to the line from ``eye`` [3] along ``b`` [3]."""
    return float(np.linalg.lstsq(np.stack([a, -b], axis=1), eye, rcond=None)[0][0])
