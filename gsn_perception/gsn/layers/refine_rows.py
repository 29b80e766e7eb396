"""Inputs of the shared refinement network in one compiled pass; the same numbers as :mod:`.refine` makes with torch."""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.object_view import FIELD_MARGIN

_BEHIND = np.float32(4)  # factor on distances


def compiled_rows(
    splat: Gaussians, image: Tensor, features: Tensor, theta: Tensor, spacing: float, cells: int, opaque: float
) -> Tensor:
    """Rows [B,N,inputs] of the refinement network.

    Args:
        splat: [B,N], normalised frame; all tensors are float32 on the CPU and need no gradients.
        image: [B,5 or 7,S,S]; S is a multiple of ``cells``.
        features: [B,F,H,W].
        theta: [B] radians.
        spacing: Unit of scales.
        cells: Cells along an edge of the grid in which the front is found.
        opaque: Opacity from which a Gaussian hides others.
    """
    pixels, local = (np.ascontiguousarray(t.permute(0, 2, 3, 1).numpy()) for t in (image, features))
    own = torch.cat([splat.means, splat.scales / spacing, splat.quats, splat.colors, splat.opacities[..., None]], -1)
    values = own.contiguous().numpy()
    extra = 2 if image.shape[1] > 5 else 0
    width = local.shape[3] + 5 + values.shape[2] + 1 + extra
    rows = np.empty((*values.shape[:2], width), dtype=np.float32)
    distance = (0.5 / torch.sin(theta)).numpy()
    tangent = torch.tan(FIELD_MARGIN * theta).numpy()
    for b in range(len(rows)):
        xyz, cell, front = _projected(values[b], distance[b], tangent[b], cells, np.float32(opaque))
        ratio = _depth_ratio(pixels[b], front, distance[b], cells) if extra else np.float32(1)
        _fill(rows[b], values[b], pixels[b], local[b], xyz, cell, front, distance[b], ratio)
    return torch.from_numpy(rows)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _projected(
    values: np.ndarray, distance: np.float32, tangent: np.float32, cells: int, opaque: np.float32
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grid coordinates and depth [N,3], the cell [N] of each Gaussian, and the front's depth [cells^2], inf where none."""
    n = len(values)
    xyz, cell = np.empty((n, 3), np.float32), np.empty(n, np.int64)
    front = np.full(cells * cells, np.float32(np.inf))
    for i in range(n):
        z = values[i, 2] + distance
        w = max(z * tangent, np.float32(1e-4))
        x, y = values[i, 0] / w, values[i, 1] / w
        column = min(max(int((x + np.float32(1)) * np.float32(0.5) * np.float32(cells)), 0), cells - 1)
        row = min(max(int((y + np.float32(1)) * np.float32(0.5) * np.float32(cells)), 0), cells - 1)
        xyz[i, 0], xyz[i, 1], xyz[i, 2] = x, y, z
        cell[i] = row * cells + column
        if values[i, 13] > opaque:
            front[cell[i]] = min(front[cell[i]], z)
    return xyz, cell, front


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _depth_ratio(pixels: np.ndarray, front: np.ndarray, distance: np.float32, cells: int) -> np.float32:
    """Median ratio (the lower one) between the splat's front and the measured depth, 1 where nothing is measured."""
    block = pixels.shape[0] // cells
    found, count = np.empty(len(front), np.float32), 0
    for row in range(cells):
        for column in range(cells):
            depth = front[row * cells + column]
            if not np.isfinite(depth):
                continue
            value, known = np.float32(0), np.float32(0)
            for v in range(row * block, (row + 1) * block):
                for u in range(column * block, (column + 1) * block):
                    value += pixels[v, u, 5]
                    known += pixels[v, u, 6]
            value, known = value / np.float32(block * block), known / np.float32(block * block)
            if known > np.float32(0.5):
                found[count] = depth / (value / known + distance)
                count += 1
    if count == 0:
        return np.float32(1)
    return np.sort(found[:count])[(count - 1) // 2]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _fill(
    rows: np.ndarray, values: np.ndarray, pixels: np.ndarray, local: np.ndarray, xyz: np.ndarray, cell: np.ndarray,
    front: np.ndarray, distance: np.float32, ratio: np.float32,
) -> None:  # fmt: skip
    """The rows: image features, pixel, own values, distance behind the front and behind the measured depth."""
    half = np.float32(0.5)
    F, P, V = local.shape[2], 5, values.shape[1]
    sampled = np.empty(pixels.shape[2], np.float32)
    for i in range(len(rows)):
        _bilinear(local, xyz[i, 0], xyz[i, 1], rows[i, :F])
        _bilinear(pixels, xyz[i, 0], xyz[i, 1], sampled)
        rows[i, F : F + P] = sampled[:P]
        rows[i, F + P : F + P + V] = values[i]
        z = xyz[i, 2]
        behind = z - front[cell[i]]
        rows[i, F + P + V] = _BEHIND * min(max(behind, np.float32(-1)), np.float32(1))
        if len(sampled) > P:
            known = sampled[6]
            certain = np.float32(1) if known > half else np.float32(0)
            behind = z - ratio * (sampled[5] / max(known, half) + distance)
            rows[i, F + P + V + 1] = _BEHIND * min(max(behind, -half), half) * certain
            rows[i, F + P + V + 2] = certain


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _bilinear(image: np.ndarray, x: np.float32, y: np.float32, out: np.ndarray) -> None:
    """One sample of an image [H,W,C] at (x, y) in [-1, 1], clamped to the border; pixels are areas, not points."""
    H, W = image.shape[0], image.shape[1]
    one, half = np.float32(1), np.float32(0.5)
    u = min(max(((x + one) * np.float32(W) - one) * half, np.float32(0)), np.float32(W - 1))
    v = min(max(((y + one) * np.float32(H) - one) * half, np.float32(0)), np.float32(H - 1))
    left, top = int(u), int(v)
    right, bottom = min(left + 1, W - 1), min(top + 1, H - 1)
    a, b = u - np.float32(left), v - np.float32(top)
    nw, ne, sw, se = (one - a) * (one - b), a * (one - b), (one - a) * b, a * b
    for c in range(image.shape[2]):
        upper = nw * image[top, left, c] + ne * image[top, right, c]
        out[c] = upper + (sw * image[bottom, left, c] + se * image[bottom, right, c])
