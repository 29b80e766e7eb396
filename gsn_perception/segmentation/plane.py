"""The support plane in a depth image, by RANSAC."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane

_SAMPLES = 6000  # points that vote
_HYPOTHESES = 400
_BATCH = 50
_LEAST_SHARE = 0.15  # of the points, on the plane
_LEAST_POINTS = 300


def noise(z: np.ndarray) -> np.ndarray:
    """Standard deviation of a stereo depth camera at depth ``z``: 1 mm + 0.3 % of the square, metres."""
    return 0.001 + 0.003 * z * z


def fit_support_plane(depth: np.ndarray, camera: Camera, mask: np.ndarray | None = None, *, seed: int = 0) -> Plane:
    """The dominant plane of a depth image, or the one around the objects of a mask.

    Args:
        depth: [H,W] metres along z, NaN = unknown.
        camera: Its camera.
        mask: [H,W] > 0 on objects; they don't vote, points around them do, and they must stand on the near side.
        seed: Of RANSAC.

    Returns:
        The plane in the camera frame, its normal pointing to the camera's side.

    Raises:
        InputError: too little depth is known, or no plane holds enough of it.
    """
    points = camera.back_project(depth).reshape(-1, 3).astype(np.float64)
    known = np.isfinite(points).all(axis=1)
    voters, objects = known, np.zeros_like(known)
    if mask is not None:
        objects = known & (mask.reshape(-1) > 0)
        voters = known & _around(mask).reshape(-1)
        if voters.sum() < _LEAST_POINTS:
            voters = known & ~(mask.reshape(-1) > 0)
    if voters.sum() < _LEAST_POINTS:
        raise InputError("too little depth is known for a support plane; give more depth, a mask or the plane itself")
    rng = np.random.default_rng(seed)
    cloud = _thinned(points[voters], _SAMPLES, rng)
    standing = _thinned(points[objects], 500, rng)
    plane = _best(cloud, standing, rng)
    for _ in range(5):
        plane = _refit(plane, cloud)
    share = float((np.abs(plane.height(cloud)) < 3 * noise(cloud[:, 2])).mean())
    if share < _LEAST_SHARE:
        raise InputError("no support plane stands out in the depth image; give a mask, or the plane itself")
    return plane


def _around(mask: np.ndarray) -> np.ndarray:
    """[H,W] bool: the surroundings of the mask's pixels, half their extent wide, without a rim of 3 pixels."""
    on = (mask > 0).astype(np.uint8)
    rows, columns = np.flatnonzero(on.any(axis=1)), np.flatnonzero(on.any(axis=0))
    if not len(rows):
        return np.zeros(mask.shape, dtype=bool)
    extent = max(rows[-1] - rows[0], columns[-1] - columns[0], 20)
    near = cv2.dilate(on, np.ones((3, 3), np.uint8), iterations=int(min(extent // 2, 200)))
    return (near > 0) & (cv2.dilate(on, np.ones((7, 7), np.uint8)) == 0)


def _thinned(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    return points if len(points) <= count else points[rng.choice(len(points), count, replace=False)]


def _best(cloud: np.ndarray, standing: np.ndarray, rng: np.random.Generator) -> Plane:
    """The hypothesis through three points with the highest truncated-square score (MSAC, Torr 2000)."""
    reach = 3 * noise(cloud[:, 2])
    best, best_score = None, 0.0
    for _ in range(_HYPOTHESES // _BATCH):
        triples = cloud[rng.integers(0, len(cloud), (_BATCH, 3))]
        normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
        length = np.linalg.norm(normals, axis=1)
        normals /= np.maximum(length, 1e-12)[:, None]
        offsets = -(normals * triples[:, 0]).sum(axis=1)
        flip = np.where(offsets < 0, -1.0, 1.0)  # the camera, at the origin, is above
        normals, offsets = normals * flip[:, None], offsets * flip
        heights = cloud @ normals.T + offsets  # [N, B]
        scores = np.maximum(0, 1 - (heights / reach[:, None]) ** 2).sum(axis=0)
        if len(standing):
            scores[np.median(standing @ normals.T + offsets, axis=0) <= 0] = 0
        scores[length < 1e-6] = 0
        top = int(np.argmax(scores))
        if scores[top] > best_score:
            best, best_score = Plane(normals[top], float(offsets[top])), float(scores[top])
    if best is None:
        raise InputError("no support plane lies under the objects in the depth image; give the plane itself")
    return best


def _refit(plane: Plane, cloud: np.ndarray) -> Plane:
    """Least squares over the points on the plane, weighted by their noise."""
    sigma = noise(cloud[:, 2])
    on = np.abs(plane.height(cloud)) < 3 * sigma
    if on.sum() < 3:
        return plane
    weights = 1 / sigma[on] ** 2
    middle = (weights[:, None] * cloud[on]).sum(axis=0) / weights.sum()
    scatter = (cloud[on] - middle).T @ ((cloud[on] - middle) * weights[:, None])
    normal = np.linalg.eigh(scatter)[1][:, 0]
    normal = normal if normal @ middle < 0 else -normal
    return Plane(normal, float(-normal @ middle))
