"""Where the axes of an object's silhouette cones meet: a distance that does not depend on the predicted shape."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.gsn.visibility import render_splat
from gsn_perception.pipeline.fusion.look import Look
from gsn_perception.pipeline.fusion.silhouette_alignment import FARTHEST
from gsn_perception.pipeline.fusion.silhouette_alignment import NEAREST
from gsn_perception.pipeline.fusion.silhouette_alignment import Fit
from gsn_perception.pipeline.fusion.silhouette_alignment import SilhouetteAlignment

_CONE_BIAS = 0.003  # chosen on development objects: excess of the axes' crossing, times 1 / tan(angle)
_LARGEST_BIAS = 0.05
_SMALLEST_ANGLE = np.deg2rad(4.0)  # between the axes: below, their crossing says little


def approximate_distances(reference: Look, other: Look) -> tuple[float | None, float | None]:
    """Where the axes of both cones meet: distances from either camera, metres; None where a view is cut or they don't meet.

    Silhouettes may fit at a second, wrong distance; this one keeps the search near the right one.
    """
    if not (reference.whole and other.whole):
        return None, None
    T = other.T_reference_camera
    b = T[:3, :3] @ other.axis
    angle = float(np.arccos(np.clip(reference.axis @ b, -1.0, 1.0)))
    found = np.linalg.lstsq(np.stack([reference.axis, -b], axis=1), T[:3, 3], rcond=None)[0]
    if angle < _SMALLEST_ANGLE or not ((found > NEAREST) & (found < FARTHEST)).all():
        return None, None
    return float(found[0]), float(found[1])


def axes_gap(reference: Look, other: Look, distance: float) -> float:
    """Shortest distance between the axes over the object's radius."""
    if not (reference.whole and other.whole):
        return 0.0
    normal = np.cross(reference.axis, other.T_reference_camera[:3, :3] @ other.axis)
    apart = abs(float(normal @ other.T_reference_camera[:3, 3])) / max(float(np.linalg.norm(normal)), 1e-9)
    return apart / (distance * float(np.sin(reference.view.theta)))


def crossing_distance(
    reference: Look, other: Look, alignment: SilhouetteAlignment, fit: Fit, angle: float
) -> float | None:
    """The log distance of an object at which the axes of both silhouettes' cones meet; None where they don't, or a view is cut.

    The axes pass the middle of the object's box at some distance. The error by that is the mean of two predictions: what the
    splat in place of the object shows, and the average over objects.

    Args:
        reference: With its splat.
        other: The other view.
        alignment: Of the reference's splat with the other view.
        fit: Its result.
        angle: Between both rays to the object, radians.
    """
    if not (reference.whole and other.whole) or reference.splat is None:
        return None
    T = other.T_reference_camera
    crossing = _crossing(reference.axis, T[:3, :3] @ other.axis, T[:3, 3])
    if not NEAREST < crossing < FARTHEST:
        return None
    usual = _CONE_BIAS / np.tan(angle)
    coverage, silhouette = alignment.coverage(fit, T)
    seen = render_splat(reference.splat, reference.view).alpha
    axes = [_axis(view, image) for view, image in ((reference.view, seen), (silhouette.view, coverage))]
    own = usual
    if axes[0] is not None and axes[1] is not None:
        meeting = max(_crossing(axes[0], T[:3, :3] @ axes[1], T[:3, 3]), NEAREST)
        fitted = np.exp(fit.log_scale) * reference.view.distance
        own = float(np.clip(np.log(meeting / fitted), -_LARGEST_BIAS, _LARGEST_BIAS))
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
