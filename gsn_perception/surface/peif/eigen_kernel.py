"""The eigendecomposition of :mod:`~gsn_perception.surface.peif.eigen` as one compiled loop, for the CPU.

The arithmetic is the same, step by step. The loop keeps its values in registers and is vectorised; no tensor is made.
"""

from __future__ import annotations

import numba
import numpy as np

Scalar = np.floating
_ROOT3 = 3.0**0.5
# constants in the precision of the matrices; the last one is half of 2 - sqrt(3)
_NUMBERS = (0.0, 1.0, 0.5, 1.0 / 3.0, 2.0, 3.0, _ROOT3, 0.5 * (2.0 - _ROOT3))


def decompose(entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues [3,N], descending, and eigenvectors [3,3,N] ([i] is the i-th) of entries [6,N] xx yy zz xy xz yz."""
    count = entries.shape[1]
    values = np.empty((3, count), dtype=entries.dtype)
    vectors = np.empty((9, count), dtype=entries.dtype)
    tiny = np.finfo(entries.dtype).tiny
    _decompose(np.ascontiguousarray(entries), np.array((*_NUMBERS, tiny), dtype=entries.dtype), values, vectors)
    return values, vectors.reshape(3, 3, count)


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"})
def _decompose(entries: np.ndarray, numbers: np.ndarray, values: np.ndarray, vectors: np.ndarray) -> None:
    zero, one, half, third = numbers[0], numbers[1], numbers[2], numbers[3]
    two, three, root3, chord, tiny = numbers[4], numbers[5], numbers[6], numbers[7], numbers[8]
    for n in range(entries.shape[1]):
        xx, yy, zz = entries[0, n], entries[1, n], entries[2, n]
        xy, xz, yz = entries[3, n], entries[4, n], entries[5, n]
        scale = max(max(abs(xx), abs(yy)), max(max(abs(zz), abs(xy)), max(abs(xz), abs(yz))))
        scale = scale if scale > zero else one
        xx, yy, zz, xy, xz, yz = xx / scale, yy / scale, zz / scale, xy / scale, xz / scale, yz / scale
        # without trace and with eigenvalues 2 cos(.)
        mean = (xx + yy + zz) * third
        xx, yy, zz = xx - mean, yy - mean, zz - mean
        spread = np.sqrt((half * (xx * xx + yy * yy + zz * zz) + xy * xy + xz * xz + yz * yz) * third)
        factor = one / max(spread, tiny)
        xx, yy, zz, xy, xz, yz = xx * factor, yy * factor, zz * factor, xy * factor, xz * factor, yz * factor
        determinant = xx * (yy * zz - yz * yz) + xy * (two * xz * yz - xy * zz) - xz * xz * yy
        side = -one if determinant < zero else one
        determinant = abs(determinant)
        xx, yy, zz, xy, xz, yz = xx * side, yy * side, zz * side, xy * side, xz * side, yz * side
        # the lone eigenvalue: three Newton steps
        root = determinant * chord + root3
        root = root - (root * (root * root - three) - determinant) / (three * root * root - three)
        root = root - (root * (root * root - three) - determinant) / (three * root * root - three)
        root = root - (root * (root * root - three) - determinant) / (three * root * root - three)
        vx, vy, vz = _null_vector(xx - root, yy - root, zz - root, xy, xz, yz, one)
        # the plane across that eigenvector
        sign = -one if vz < zero else one
        a = -one / (sign + vz)
        b = vx * vy * a
        ux, uy, uz = sign * vx * vx * a + one, sign * b, -sign * vx
        wx, wy, wz = b, vy * vy * a + sign, -vy
        uu, uw, ww = _in_plane(xx, yy, zz, xy, xz, yz, ux, uy, uz, wx, wy, wz)
        slope, middle = half * (uu - ww), half * (uu + ww)
        radius = np.sqrt(slope * slope + uw * uw)
        long = radius + abs(slope)
        c, s = (long, uw) if slope >= zero else (uw, long)
        squared = c * c + s * s
        length = one / np.sqrt(max(squared, tiny))
        c, s = (c * length, s * length) if squared > tiny else (one, zero)
        px, py, pz = c * ux + s * wx, c * uy + s * wy, c * uz + s * wz
        qx, qy, qz = c * wx - s * ux, c * wy - s * uy, c * wz - s * uz
        lone = side > zero
        values[0, n] = (root if lone else radius - middle) * spread
        vectors[0, n], vectors[1, n], vectors[2, n] = (vx if lone else qx), (vy if lone else qy), (vz if lone else qz)
        vectors[3, n], vectors[4, n], vectors[5, n] = px, py, pz
        vectors[6, n], vectors[7, n], vectors[8, n] = (qx if lone else vx), (qy if lone else vy), (qz if lone else vz)
        values[0, n] = (values[0, n] + mean) * scale
        values[1, n] = ((middle + radius) * side * spread + mean) * scale
        values[2, n] = ((middle - radius if lone else -root) * spread + mean) * scale


@numba.njit(nogil=True, cache=True, inline="always")
def _null_vector(
    ax: Scalar, ay: Scalar, az: Scalar, xy: Scalar, xz: Scalar, yz: Scalar, one: Scalar
) -> tuple[Scalar, Scalar, Scalar]:
    """The unit eigenvector to eigenvalue 0: the longest column of the adjugate of entries ax ay az xy xz yz."""
    cxx, cyy, czz = ay * az - yz * yz, ax * az - xz * xz, ax * ay - xy * xy
    cxy, cxz, cyz = xz * yz - xy * az, xy * yz - xz * ay, xy * xz - ax * yz
    x_longest = (cxx >= cyy) & (cxx >= czz)
    y_longest = cyy >= czz
    vx = cxx if x_longest else (cxy if y_longest else cxz)
    vy = cxy if x_longest else (cyy if y_longest else cyz)
    vz = cxz if x_longest else (cyz if y_longest else czz)
    length = one / np.sqrt(vx * vx + vy * vy + vz * vz)
    return vx * length, vy * length, vz * length


@numba.njit(nogil=True, cache=True, inline="always")
def _in_plane(
    xx: Scalar, yy: Scalar, zz: Scalar, xy: Scalar, xz: Scalar, yz: Scalar,
    ux: Scalar, uy: Scalar, uz: Scalar, wx: Scalar, wy: Scalar, wz: Scalar,
) -> tuple[Scalar, Scalar, Scalar]:  # fmt: skip
    """Entries uu, uw, ww of the matrix in the plane of the vectors u and w."""
    bux, buy, buz = xx * ux + xy * uy + xz * uz, xy * ux + yy * uy + yz * uz, xz * ux + yz * uy + zz * uz
    bwx, bwy, bwz = xx * wx + xy * wy + xz * wz, xy * wx + yy * wy + yz * wz, xz * wx + yz * wy + zz * wz
    return bux * ux + buy * uy + buz * uz, bux * wx + buy * wy + buz * wz, bwx * wx + bwy * wy + bwz * wz
