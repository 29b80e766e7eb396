"""Batched eigendecomposition of symmetric 3x3 matrices in closed form, accurate for equal eigenvalues.

The eigenvalue that is farthest from the other two (the lone one) is a root of the characteristic cubic where the cubic is
steep, so it and its eigenvector are accurate for any values of the other two. Those are then found in the plane across
that eigenvector, where the problem is 2x2 and has a closed form that needs no eigengap. So the vectors are always
orthonormal and always reproduce the matrix, also where two or all three eigenvalues agree (compare Eberly, "A robust
eigensolver for 3x3 symmetric matrices", 2014; written from the idea). On the CPU a compiled loop does the same
arithmetic, see :mod:`~gsn_perception.surface.peif.eigen_kernel`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gsn_perception.geometry import InputError
from gsn_perception.surface.peif.eigen_kernel import decompose

_ROOT3 = 3.0**0.5
_NEWTON_STEPS = 3


@torch.no_grad()
def eigh3(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, largest first, and orthonormal eigenvectors.

    Args:
        matrices: [...,3,3] symmetric, float32 or float64, of any magnitude; only one triangle is read.

    Returns:
        Eigenvalues [...,3] in descending order and vectors [...,3,3], one per column; the sign of a vector and the choice
        within an eigenspace of more than one dimension are arbitrary. No gradient flows.

    Raises:
        InputError: the matrices are not 3x3, or of another precision.
    """
    if matrices.shape[-2:] != (3, 3) or matrices.dtype not in (torch.float32, torch.float64):
        raise InputError(
            f"eigh3 takes [...,3,3] of float32 or float64, not {list(matrices.shape)} of {matrices.dtype}; convert first"
        )
    batch = matrices.shape[:-2]
    a = matrices.reshape(-1, 9).T  # [9,N]
    values, vectors = eigh3_entries(a[[0, 4, 8, 1, 2, 5]])
    return values.T.reshape(*batch, 3), vectors.permute(2, 1, 0).reshape(*batch, 3, 3)


def eigh3_entries(entries: Tensor) -> tuple[Tensor, Tensor]:
    """As :func:`eigh3`, from the entries xx, yy, zz, xy, xz, yz [6,N].

    Returns:
        Eigenvalues [3,N], descending, and eigenvectors [3,3,N]: [i] is the i-th vector, its components in order.
    """
    if entries.device.type != "cpu":
        return decompose_tensors(entries)
    values, vectors = decompose(entries.detach().numpy())
    return torch.from_numpy(values), torch.from_numpy(vectors)


@torch.no_grad()
def decompose_tensors(entries: Tensor) -> tuple[Tensor, Tensor]:
    """:func:`eigh3_entries` as tensor operations, for any device."""
    scale = entries.abs().amax(0)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    unit, determinant, mean, spread, side = _normalised(entries / scale)
    root = _largest_root(determinant)
    v = _null_vector(unit, root)  # [3,N]
    u, w = _across(v)
    low, high, along = _plane(
        unit, u, w
    )  # of the 2x2 problem; ``along`` = cosine and sine of the upper one's direction
    upper = along[0] * u + along[1] * w
    lower = along[0] * w - along[1] * u
    # ``side`` made the lone eigenvalue the largest; undo that
    lone = side > 0
    first, last = torch.where(lone, v, lower), torch.where(lone, lower, v)
    values = torch.stack([torch.where(lone, root, low), high, torch.where(lone, low, root)])
    values = (values * (side * spread) + mean) * scale
    return values, torch.stack([first, upper, last])


def _normalised(a: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Entries of the matrices without trace, scaled to eigenvalues 2 cos(.), with a positive lone eigenvalue.

    Returns:
        Entries [6,N]; then [N] each: the determinant, and the mean, the spread and the sign that were removed.
    """
    mean = a[:3].sum(0) / 3.0
    b = torch.cat([a[:3] - mean, a[3:]])
    squares = b * b
    spread = ((0.5 * squares[:3].sum(0) + squares[3:].sum(0)) / 3.0).sqrt()
    b = b / spread.clamp_min(torch.finfo(a.dtype).tiny)
    xx, yy, zz, xy, xz, yz = b
    determinant = xx * (yy * zz - yz * yz) + xy * (2.0 * xz * yz - xy * zz) - xz * xz * yy
    side = torch.where(determinant < 0, -1.0, 1.0).to(a.dtype)
    return b * side, determinant.abs(), mean, spread, side


def _largest_root(determinant: Tensor) -> Tensor:
    """[N] largest root of x^3 - 3x - determinant, between sqrt(3) and 2, by Newton steps from the chord."""
    x = determinant * (0.5 * (2.0 - _ROOT3)) + _ROOT3
    for _ in range(_NEWTON_STEPS):
        square = x * x
        x = x - (x * (square - 3.0) - determinant) / (3.0 * square - 3.0)
    return x


def _null_vector(b: Tensor, root: Tensor) -> Tensor:
    """[3,N] unit vector that b - root maps to zero: the longest column of the adjugate, which has rank one."""
    xx, yy, zz = b[:3] - root
    xy, xz, yz = b[3:]
    cxx, cyy, czz = yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy
    cxy, cxz, cyz = xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - xx * yz
    # The diagonal holds the squared components of the vector (times a positive factor).
    x_longest = (cxx >= cyy) & (cxx >= czz)
    y_longest = cyy >= czz
    v = torch.stack([
        torch.where(x_longest, cxx, torch.where(y_longest, cxy, cxz)),
        torch.where(x_longest, cxy, torch.where(y_longest, cyy, cyz)),
        torch.where(x_longest, cxz, torch.where(y_longest, cyz, czz)),
    ])  # fmt: skip
    return v / (v * v).sum(0).sqrt()


def _across(v: Tensor) -> tuple[Tensor, Tensor]:
    """Two unit vectors [3,N] orthogonal to v and to each other (Duff et al., JCGT 2017)."""
    x, y, z = v
    sign = torch.where(z < 0, -1.0, 1.0).to(v.dtype)
    a = -1.0 / (sign + z)
    b = x * y * a
    u = torch.stack([sign * x * x * a + 1.0, sign * b, -sign * x])
    w = torch.stack([b, y * y * a + sign, -y])
    return u, w


def _plane(b: Tensor, u: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Lower and upper eigenvalue [N] in the plane of u and w, and [2,N] the upper one's direction in it."""
    xx, yy, zz, xy, xz, yz = b
    bu = torch.stack([
        xx * u[0] + xy * u[1] + xz * u[2],
        xy * u[0] + yy * u[1] + yz * u[2],
        xz * u[0] + yz * u[1] + zz * u[2],
    ])  # fmt: skip
    uu, uw = (bu * u).sum(0), (bu * w).sum(0)
    ww = w[0] * (xx * w[0] + 2.0 * (xy * w[1] + xz * w[2])) + w[1] * (yy * w[1] + 2.0 * yz * w[2]) + zz * w[2] * w[2]
    half, middle = 0.5 * (uu - ww), 0.5 * (uu + ww)
    radius = torch.hypot(half, uw)
    rising = half >= 0
    long = radius + half.abs()
    direction = torch.stack([torch.where(rising, long, uw), torch.where(rising, uw, long)])
    length = (direction * direction).sum(0).sqrt()
    none = length <= 0
    direction = direction / torch.where(none, torch.ones_like(length), length)
    direction = torch.where(none, direction.new_tensor([[1.0], [0.0]]), direction)
    return middle - radius, middle + radius, direction
