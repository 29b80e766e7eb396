"""Gradients of the EWA projection, summed over the views of a splat."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import njit

from gsn_perception.rendering.cpu.projection import BLUE
from gsn_perception.rendering.cpu.projection import CA
from gsn_perception.rendering.cpu.projection import CB
from gsn_perception.rendering.cpu.projection import CC
from gsn_perception.rendering.cpu.projection import DEPTH
from gsn_perception.rendering.cpu.projection import GREEN
from gsn_perception.rendering.cpu.projection import MX
from gsn_perception.rendering.cpu.projection import MY
from gsn_perception.rendering.cpu.projection import OPACITY
from gsn_perception.rendering.cpu.projection import RED
from gsn_perception.rendering.cpu.projection import jacobian_point
from gsn_perception.rendering.cpu.projection import rotation_of
from gsn_perception.rendering.cpu.projection import spread

PARAMETERS = 14  # columns: means 0:3, scales 3:6, quats 6:10, colors 10:13, opacity 13
_LINEAR = 12  # gradients carried per Gaussian: mean 0:3, R S (row-major) 3:12


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _add_view(mean, scale, R, K, pose, width, height, record, g, out) -> None:  # noqa: ANN001
    """Add one view's gradient ``g`` (columns as a record) to the mean's and to that of M = R S in ``out`` [12]."""
    W = pose
    m0, m1, m2 = float(mean[0]), float(mean[1]), float(mean[2])
    x = W[0, 0] * m0 + W[0, 1] * m1 + W[0, 2] * m2 + W[0, 3]
    y = W[1, 0] * m0 + W[1, 1] * m1 + W[1, 2] * m2 + W[1, 3]
    z = W[2, 0] * m0 + W[2, 1] * m1 + W[2, 2] * m2 + W[2, 3]
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    iz = 1.0 / z
    u, u_free = jacobian_point(x, z, fx, cx, width)
    v, v_free = jacobian_point(y, z, fy, cy, height)
    T0, T1, Q0, Q1 = spread(fx * iz, -fx * u * iz, fy * iz, -fy * v * iz, W, R, scale)

    # cov2d = inverse of the conic X: dL/dcov = -X (dL/dX) X, and cov2d = Q Q^T gives dL/dQ = 2 dL/dcov Q.
    A, B, C = float(record[CA]), float(record[CB]), float(record[CC])
    gA, gB, gC = float(g[CA]), 0.5 * float(g[CB]), float(g[CC])
    p00, p01 = gA * A + gB * B, gA * B + gB * C
    p10, p11 = gB * A + gC * B, gB * B + gC * C
    c00 = -2.0 * (A * p00 + B * p10)
    c01 = -2.0 * (A * p01 + B * p11)
    c11 = -2.0 * (B * p01 + C * p11)

    t00 = t01 = t02 = t10 = t11 = t12 = 0.0
    for j in range(3):
        q0, q1 = c00 * Q0[j] + c01 * Q1[j], c01 * Q0[j] + c11 * Q1[j]
        s = float(scale[j])
        out[3 + j] += T0[0] * q0 + T1[0] * q1
        out[6 + j] += T0[1] * q0 + T1[1] * q1
        out[9 + j] += T0[2] * q0 + T1[2] * q1
        t00 += q0 * R[0][j] * s
        t01 += q0 * R[1][j] * s
        t02 += q0 * R[2][j] * s
        t10 += q1 * R[0][j] * s
        t11 += q1 * R[1][j] * s
        t12 += q1 * R[2][j] * s
    j00 = t00 * W[0, 0] + t01 * W[0, 1] + t02 * W[0, 2]
    j02 = t00 * W[2, 0] + t01 * W[2, 1] + t02 * W[2, 2]
    j11 = t10 * W[1, 0] + t11 * W[1, 1] + t12 * W[1, 2]
    j12 = t10 * W[2, 0] + t11 * W[2, 1] + t12 * W[2, 2]

    gu, gv = -fx * iz * j02, -fy * iz * j12
    gu = gu if u_free else 0.0
    gv = gv if v_free else 0.0
    gx = fx * iz * float(g[MX]) + gu * iz
    gy = fy * iz * float(g[MY]) + gv * iz
    gz = float(g[DEPTH]) - iz * (x * gx + y * gy)
    gz -= iz * iz * (fx * (j00 - u * j02) + fy * (j11 - v * j12))
    out[0] += W[0, 0] * gx + W[1, 0] * gy + W[2, 0] * gz
    out[1] += W[0, 1] * gx + W[1, 1] * gy + W[2, 1] * gz
    out[2] += W[0, 2] * gx + W[1, 2] * gy + W[2, 2] * gz


@njit(nogil=True, cache=True, inline="always")
def _rotation_gradient(w, x, y, z, G):  # noqa: ANN001, ANN202
    """Gradient of a unit quaternion from that of its rotation matrix [3,3]."""
    gw = 2 * (x * (G[2, 1] - G[1, 2]) + y * (G[0, 2] - G[2, 0]) + z * (G[1, 0] - G[0, 1]))
    gx = 2 * (y * (G[0, 1] + G[1, 0]) + z * (G[0, 2] + G[2, 0]) + w * (G[2, 1] - G[1, 2]) - 2 * x * (G[1, 1] + G[2, 2]))
    gy = 2 * (x * (G[0, 1] + G[1, 0]) + z * (G[1, 2] + G[2, 1]) + w * (G[0, 2] - G[2, 0]) - 2 * y * (G[0, 0] + G[2, 2]))
    gz = 2 * (x * (G[0, 2] + G[2, 0]) + y * (G[1, 2] + G[2, 1]) + w * (G[1, 0] - G[0, 1]) - 2 * z * (G[0, 0] + G[1, 1]))
    return gw, gx, gy, gz


@njit(nogil=True, cache=True)
def unproject_range(means, scales, quats, K, poses, width, height, ranks, records, gradients, begin, end, out) -> None:  # noqa: ANN001
    """Gradients of the Gaussians [begin, end) of one splat over its V views.

    Args:
        means: [N,3].
        scales: [N,3].
        quats: [N,4] wxyz.
        K: [V,3,3] float64.
        poses: [V,4,4] float64.
        width: Pixels.
        height: Pixels.
        ranks: [V,N] int32 rows of the records, -1 = not drawn.
        records: [V,N,RECORD].
        gradients: [V,bands,N,GRADIENT] of the records.
        begin: First Gaussian.
        end: Past the last.
        out: [N,PARAMETERS], filled here.
    """
    views, bands = gradients.shape[:2]
    linear = np.empty(_LINEAR)
    rotation = np.empty((3, 3))
    g = np.empty(gradients.shape[3])
    for i in range(begin, end):
        out[i, :] = 0.0
        qw, qx, qy, qz = float(quats[i, 0]), float(quats[i, 1]), float(quats[i, 2]), float(quats[i, 3])
        n = 1.0 / max(sqrt(qw * qw + qx * qx + qy * qy + qz * qz), 1e-12)
        qw, qx, qy, qz = qw * n, qx * n, qy * n, qz * n
        R = rotation_of(qw, qx, qy, qz)
        linear[:] = 0.0
        for v in range(views):
            r = ranks[v, i]
            if r < 0:
                continue
            touched = False
            for c in range(len(g)):
                g[c] = gradients[v, 0, r, c]
                for band in range(1, bands):
                    g[c] += gradients[v, band, r, c]
                touched |= g[c] != 0.0
            if not touched:  # hidden behind others
                continue
            _add_view(means[i], scales[i], R, K[v], poses[v], width, height, records[v, r], g, linear)
            out[i, 10] += g[RED]
            out[i, 11] += g[GREEN]
            out[i, 12] += g[BLUE]
            out[i, 13] += g[OPACITY]
        for c in range(3):
            out[i, c] = linear[c]
            s = float(scales[i, c])
            out[i, 3 + c] = linear[3 + c] * R[0][c] + linear[6 + c] * R[1][c] + linear[9 + c] * R[2][c]
            for row in range(3):
                rotation[row, c] = linear[3 + 3 * row + c] * s
        gw, gx, gy, gz = _rotation_gradient(qw, qx, qy, qz, rotation)
        along = qw * gw + qx * gx + qy * gy + qz * gz
        out[i, 6] = n * (gw - qw * along)
        out[i, 7] = n * (gx - qx * along)
        out[i, 8] = n * (gy - qy * along)
        out[i, 9] = n * (gz - qz * along)
