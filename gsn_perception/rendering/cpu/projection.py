"""EWA projection of 3-D Gaussians to the image, forward (Zwicker et al. 2001).

Computed in float64 for any input dtype: for long thin Gaussians near the camera, float32 loses all digits of det(cov2d).
"""

from __future__ import annotations

from math import isfinite
from math import log
from math import sqrt

import numpy as np
from numba import njit

from gsn_perception.rendering.conventions import EPS2D
from gsn_perception.rendering.conventions import FRUSTUM_MARGIN
from gsn_perception.rendering.conventions import MIN_ALPHA
from gsn_perception.rendering.conventions import NEAR
from gsn_perception.rendering.cpu.sorting import depth_order

MX, MY, CA, CB, CC, OPACITY, RED, GREEN, BLUE, DEPTH = range(10)  # columns of a record
REACH, VXX, VXY, VYY = range(10, 14)  # twice sigma at the end of the ellipse, and its covariance
RECORD = 14
_SLACK = 1e-3  # of sigma: keeps pixels at the threshold in spite of rounding in the blending kernel


@njit(nogil=True, cache=True, inline="always")
def rotation_of(w, x, y, z):  # noqa: ANN001, ANN201
    """Rows of the rotation of a unit quaternion."""
    return (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )


@njit(nogil=True, cache=True, inline="always")
def jacobian_point(x, z, f, c, size):  # noqa: ANN001, ANN201
    """Tangent x / z at which the Jacobian is evaluated, kept near the field of view, and whether it was inside."""
    margin = FRUSTUM_MARGIN * 0.5 * size / f
    u = x / z
    low, high = -c / f - margin, (size - c) / f + margin
    return min(max(u, low), high), low <= u <= high


@njit(nogil=True, cache=True, inline="always")
def spread(J00, J02, J11, J12, W, R, scale):  # noqa: ANN001, ANN201
    """Rows of J W, and of Q = J W R S with cov2d = Q Q^T + eps."""
    T0 = (J00 * W[0, 0] + J02 * W[2, 0], J00 * W[0, 1] + J02 * W[2, 1], J00 * W[0, 2] + J02 * W[2, 2])
    T1 = (J11 * W[1, 0] + J12 * W[2, 0], J11 * W[1, 1] + J12 * W[2, 1], J11 * W[1, 2] + J12 * W[2, 2])
    s0, s1, s2 = float(scale[0]), float(scale[1]), float(scale[2])
    Q0 = (
        s0 * (T0[0] * R[0][0] + T0[1] * R[1][0] + T0[2] * R[2][0]),
        s1 * (T0[0] * R[0][1] + T0[1] * R[1][1] + T0[2] * R[2][1]),
        s2 * (T0[0] * R[0][2] + T0[1] * R[1][2] + T0[2] * R[2][2]),
    )
    Q1 = (
        s0 * (T1[0] * R[0][0] + T1[1] * R[1][0] + T1[2] * R[2][0]),
        s1 * (T1[0] * R[0][1] + T1[1] * R[1][1] + T1[2] * R[2][1]),
        s2 * (T1[0] * R[0][2] + T1[1] * R[1][2] + T1[2] * R[2][2]),
    )
    return T0, T1, Q0, Q1


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _project_splat(mean, scale, quat, opacity, K, pose, width, height, out) -> bool:  # noqa: ANN001
    """Fill ``out`` except opacity and colour; False if the Gaussian is not visible."""
    if not opacity > MIN_ALPHA:
        return False
    m0, m1, m2 = float(mean[0]), float(mean[1]), float(mean[2])
    z = pose[2, 0] * m0 + pose[2, 1] * m1 + pose[2, 2] * m2 + pose[2, 3]
    if not z > NEAR:
        return False
    x = pose[0, 0] * m0 + pose[0, 1] * m1 + pose[0, 2] * m2 + pose[0, 3]
    y = pose[1, 0] * m0 + pose[1, 1] * m1 + pose[1, 2] * m2 + pose[1, 3]
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    u, _ = jacobian_point(x, z, fx, cx, width)
    v, _ = jacobian_point(y, z, fy, cy, height)
    qw, qx, qy, qz = float(quat[0]), float(quat[1]), float(quat[2]), float(quat[3])
    n = 1.0 / max(sqrt(qw * qw + qx * qx + qy * qy + qz * qz), 1e-12)
    R = rotation_of(qw * n, qx * n, qy * n, qz * n)
    _, _, Q0, Q1 = spread(fx / z, -fx * u / z, fy / z, -fy * v / z, pose, R, scale)
    a = Q0[0] * Q0[0] + Q0[1] * Q0[1] + Q0[2] * Q0[2] + EPS2D
    b = Q0[0] * Q1[0] + Q0[1] * Q1[1] + Q0[2] * Q1[2]
    c = Q1[0] * Q1[0] + Q1[1] * Q1[1] + Q1[2] * Q1[2] + EPS2D
    det = a * c - b * b
    if not (det > 0.0 and isfinite(det)):
        return False
    mx, my = fx * x / z + cx, fy * y / z + cy
    reach = 2.0 * (log(opacity / MIN_ALPHA) + _SLACK)
    ex, ey = sqrt(reach * a), sqrt(reach * c)
    if not (mx + ex > 0.0 and mx - ex < width and my + ey > 0.0 and my - ey < height):
        return False
    out[MX], out[MY], out[DEPTH], out[REACH] = mx, my, z, reach
    out[CA], out[CB], out[CC] = c / det, -b / det, a / det
    out[VXX], out[VXY], out[VYY] = a, b, c
    return True


@njit(nogil=True, cache=True)
def project_view(means, scales, quats, colors, opacities, K, pose, width, height, records, rank) -> int:  # noqa: ANN001
    """Project one splat into one view and write its visible Gaussians front to back.

    Args:
        means: [N,3].
        scales: [N,3].
        quats: [N,4] wxyz.
        colors: [N,3].
        opacities: [N].
        K: [3,3] float64.
        pose: [4,4] float64 camera_from_object.
        width: Pixels.
        height: Pixels.
        records: [N,RECORD], filled from the front.
        rank: [N] int32, the row of each Gaussian in ``records`` or -1.

    Returns:
        How many rows of ``records`` are valid.
    """
    n = len(means)
    rows = np.empty((n, RECORD), records.dtype)
    depths = np.empty(n, records.dtype)
    order = np.empty(n, np.int32)
    count = 0
    for i in range(n):
        rank[i] = -1
        if _project_splat(means[i], scales[i], quats[i], opacities[i], K, pose, width, height, rows[i]):
            depths[i] = rows[i, DEPTH]
            order[count] = i
            count += 1
    depth_order(depths, order, count)
    for r in range(count):
        i = order[r]
        rank[i] = r
        rows[i, OPACITY] = opacities[i]
        rows[i, RED], rows[i, GREEN], rows[i, BLUE] = colors[i, 0], colors[i, 1], colors[i, 2]
        for c in range(RECORD):
            records[r, c] = rows[i, c]
    return count
