"""A pose made more exact by the depth of two views: projective iterative closest points with a prior on the pose."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Observation
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import transform_points

_STRIDE = 4  # pixels between the points of a view
_ITERATIONS = 12
_NEAR = 0.02  # metres: points farther from the surface belong to something else
_NOISE = 0.002  # metres; of the points, at short range
_INDEPENDENT = 400.0  # points that err independently: errors of depth are smooth over the image
_FEWEST = 100
_SLANTED = 0.3  # cosine to the ray below which a normal is not used


def refined_pose(
    reference: Observation, other: Observation, T: np.ndarray, position_error: float, rotation_error: float
) -> np.ndarray:
    """``T_reference_other`` [4,4] corrected so that both depth images show one scene; ``T`` where too little is seen by both.

    Args:
        reference: With depth.
        other: With depth.
        T: The given pose of the other camera in the reference camera's frame.
        position_error: Standard deviation of the given pose per axis, metres; 0: the pose is exact and returned as it is.
        rotation_error: The same in radians.
    """
    if reference.depth is None or other.depth is None or not (position_error > 0 and rotation_error > 0):
        return T
    sparse = np.full_like(other.depth, np.nan)
    sparse[::_STRIDE, ::_STRIDE] = other.depth[::_STRIDE, ::_STRIDE]
    points = other.camera.back_project(sparse).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)].astype(np.float64)
    surface = reference.camera.back_project(cv2.medianBlur(reference.depth, 5)).astype(np.float64)
    normals = _normals(surface)
    middle = points.mean(axis=0) if len(points) else np.zeros(3)
    shift_error = np.hypot(position_error, rotation_error * np.linalg.norm(middle))  # of the middle of the points
    prior = np.repeat([rotation_error, shift_error], 3) ** -2.0
    x, pose = np.zeros(6), T
    for _ in range(_ITERATIONS):
        found = _pairs(transform_points(pose, points), surface, normals, reference)
        if found is None:
            return T
        moved, nearest, normal = found
        residual = ((moved - nearest) * normal).sum(axis=1)
        weight = 1.0 / (1.0 + (residual / _NOISE) ** 2) / _NOISE**2 * min(1.0, _INDEPENDENT / len(residual))
        arm = moved - transform_points(T, middle)
        J = np.concatenate([np.cross(arm, normal), normal], axis=1)
        information = J.T @ (weight[:, None] * J) + np.diag(prior)
        step = np.linalg.solve(information, -(J.T @ (weight * residual) + prior * x))
        x = x + step
        centre = transform_points(T, middle)
        turn = Rotation.from_rotvec(x[:3]).as_matrix()
        pose = make_transform(turn, centre - turn @ centre + x[3:]) @ T
        if np.abs(step).max() < 1e-5:
            break
    return pose


def depth_disagreement(
    reference: Observation, other: Observation, label: int, other_label: int, T: np.ndarray
) -> float | None:
    """Median distance along the ray between the surfaces of one object as both views measured it, metres.

    Only points count that the reference view shows on the same object. None where there are too few.
    """
    if reference.depth is None or other.depth is None or reference.mask is None or other.mask is None:
        return None
    inside = cv2.erode((other.mask == other_label).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    points = other.camera.back_project(np.where(inside, other.depth, np.nan).astype(np.float32)).reshape(-1, 3)
    points = transform_points(T, points[np.isfinite(points).all(axis=1)].astype(np.float64))
    own = np.where(reference.mask == label, reference.depth, np.nan)
    rows, columns, ahead = _pixels(points, reference)
    measured = own[rows, columns]
    apart = np.abs(points[ahead, 2] - measured)
    apart = apart[np.isfinite(apart)]
    return float(np.median(apart)) if len(apart) >= _FEWEST // 2 else None


def _pairs(
    points: np.ndarray, surface: np.ndarray, normals: np.ndarray, reference: Observation
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Points [M,3] with the surface point and normal at their pixel; None where there are too few."""
    rows, columns, ahead = _pixels(points, reference)
    there, normal = surface[rows, columns], normals[rows, columns]
    usable = np.isfinite(there).all(axis=1) & np.isfinite(normal).all(axis=1)
    moved = points[ahead]
    usable &= np.linalg.norm(moved - there, axis=1) < _NEAR
    if usable.sum() < _FEWEST:
        return None
    return moved[usable], there[usable], normal[usable]


def _pixels(points: np.ndarray, observation: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns [M] of the points that lie in the image, and [P] bool which ones do."""
    camera = observation.camera
    ahead = points[:, 2] > 1e-3
    uv = np.floor(camera.project(np.where(ahead[:, None], points, 1.0))).astype(np.int64)
    ahead &= (uv >= 0).all(axis=1) & (uv[:, 0] < camera.width) & (uv[:, 1] < camera.height)
    return uv[ahead, 1], uv[ahead, 0], ahead


def _normals(surface: np.ndarray) -> np.ndarray:
    """[H,W,3] unit normals of an organised surface, NaN at edges, where depth is unknown and at grazing angles."""
    du = np.full_like(surface, np.nan)
    dv = np.full_like(surface, np.nan)
    du[:, 2:-2] = surface[:, 4:] - surface[:, :-4]
    dv[2:-2] = surface[4:] - surface[:-4]
    normal = np.cross(dv, du)
    with np.errstate(invalid="ignore", divide="ignore"):
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        ray = surface / np.linalg.norm(surface, axis=-1, keepdims=True)
        normal[np.abs((normal * ray).sum(axis=-1)) < _SLANTED] = np.nan
    return normal
