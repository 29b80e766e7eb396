"""Rigid and similarity transforms, look-at poses, quaternions (wxyz); names are target first (``T_camera_object``)."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry.errors import InputError


def make_transform(rotation: np.ndarray, translation: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """The 4x4 matrix of ``x -> scale * rotation @ x + translation``.

    Args:
        rotation: [3,3].
        translation: [3], metres.
        scale: Uniform scale.

    Returns:
        [4,4] float64.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = scale * np.asarray(rotation, dtype=np.float64)
    matrix[:3, 3] = translation
    return matrix


def split_similarity(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Rotation [3,3], translation [3] and uniform scale of a similarity [4,4].

    Raises:
        InputError: the upper block is no positive multiple of a rotation.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    linear = matrix[:3, :3]
    determinant = float(np.linalg.det(linear))
    if not np.isfinite(determinant) or determinant <= 0:
        raise InputError("the transform is not a rotation with uniform positive scale; pass a rigid or similarity 4x4")
    scale = determinant ** (1.0 / 3.0)
    rotation = linear / scale
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4):
        raise InputError("the transform shears or scales unevenly; pass a rigid or similarity 4x4 matrix")
    return rotation, matrix[:3, 3], scale


def invert(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a rigid or similarity transform [4,4]."""
    rotation, translation, scale = split_similarity(matrix)
    return make_transform(rotation.T, -rotation.T @ translation / scale, 1.0 / scale)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [...,3] mapped by a [4,4] matrix; keeps the points' dtype."""
    out = points @ matrix[:3, :3].T + matrix[:3, 3]
    return np.asarray(out, dtype=points.dtype)


def rotation_about_z(angle: float) -> np.ndarray:
    """Rotation [3,3] about the optical axis by ``angle`` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def minimal_rotation_to(axis: np.ndarray) -> np.ndarray:
    """The smallest rotation [3,3] that takes e_z to the unit vector ``axis``.

    It commutes with rolls: ``R(R_z a) = R_z R(a) R_z^T``, so that a roll of the camera rolls the rotated view alike.
    """
    x, y, z = np.asarray(axis, dtype=np.float64) / np.linalg.norm(axis)
    if z < -1 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    k = 1.0 / (1.0 + z)
    return np.array([[1 - k * x * x, -k * x * y, x], [-k * x * y, 1 - k * y * y, y], [-x, -y, z]])


def look_at(eye: np.ndarray, target: np.ndarray, up: np.ndarray | None = None, roll: float = 0.0) -> np.ndarray:
    """``world_from_camera`` [4,4] of a camera at ``eye`` looking at ``target`` (optical axes: x right, y down).

    Args:
        eye: [3] metres.
        target: [3] metres.
        up: World direction that appears upwards in the image; z by default.
        roll: Rotation about the optical axis in radians.
    """
    forward = np.asarray(target, dtype=np.float64) - np.asarray(eye, dtype=np.float64)
    forward /= np.linalg.norm(forward)
    up = np.array([0.0, 0.0, 1.0]) if up is None else np.asarray(up, dtype=np.float64)
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-6:
        right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    return make_transform(rotation @ rotation_about_z(roll), np.asarray(eye, dtype=np.float64))


def quat_from_matrix(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternion wxyz [...,4] of a rotation [3,3] or a batch of them, w >= 0.

    It is computed from the largest of the trace and the diagonal, so that no small number is divided by.
    """
    m = np.asarray(rotation, dtype=np.float64)
    diagonal = np.diagonal(m, axis1=-2, axis2=-1)
    trace = diagonal.sum(-1)
    squares = np.concatenate([1 + trace[..., None], 1 - trace[..., None] + 2 * diagonal], axis=-1)  # 4 w^2, 4 x^2, ..
    outer = np.empty((*m.shape[:-2], 4, 4))  # 4 q q^T
    outer[..., range(4), range(4)] = squares
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        outer[..., 0, i + 1] = outer[..., i + 1, 0] = m[..., k, j] - m[..., j, k]
        outer[..., i + 1, j + 1] = outer[..., j + 1, i + 1] = m[..., i, j] + m[..., j, i]
    largest = squares.argmax(-1)[..., None, None]
    quat = np.take_along_axis(outer, largest, axis=-2)[..., 0, :]
    quat /= np.linalg.norm(quat, axis=-1, keepdims=True)
    first = np.take_along_axis(quat, (quat != 0).argmax(-1)[..., None], axis=-1)  # decides where w is 0
    return quat * np.where(first < 0, -1.0, 1.0)


def matrix_from_quat(quat: np.ndarray) -> np.ndarray:
    """Rotations [...,3,3], float64, of quaternions wxyz [...,4], normalised here.

    Raises:
        InputError: a quaternion has no length.
    """
    quat = np.asarray(quat, dtype=np.float64)
    length = np.linalg.norm(quat, axis=-1, keepdims=True)
    if not (length > 0).all():
        raise InputError("a quaternion has length zero or is not a number; it gives no rotation")
    w, x, y, z = np.moveaxis(quat / length, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)
