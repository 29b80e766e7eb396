"""Vertex colours from a splat."""

from __future__ import annotations

import numba
import numpy as np

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Mesh
from gsn_perception.rendering.cpu.pool import parallel_ranges
from gsn_perception.surface.extraction.nearest_points import nearest_points

_BLOCK = 2048  # vertices at a time
_FLATTEST = 1e-5  # of the largest standard deviation: thinner Gaussians count as this thick


def paint(mesh: Mesh, gaussians: Gaussians, *, neighbours: int = 8) -> np.ndarray:
    """Vertex colours [V,3]: the colours of the nearest Gaussians, weighted by opacity and by value at the vertex."""
    means, scales, quats, colors, opacities = (
        np.ascontiguousarray(values.numpy(), dtype=np.float32)
        for values in (gaussians.means, gaussians.scales, gaussians.quats, gaussians.colors, gaussians.opacities)
    )
    index = nearest_points(means, mesh.vertices, min(neighbours, len(means)))
    whitening = _whitening(scales, quats, _FLATTEST * float(scales.max()))
    out = np.empty((len(mesh.vertices), 3), dtype=np.float32)

    def work(begin: int, end: int) -> None:
        _mix(mesh.vertices[begin:end], index[begin:end], means, whitening, opacities, colors, out[begin:end])

    parallel_ranges(work, len(out), _BLOCK)
    return out


@numba.njit(nogil=True, cache=True)
def _whitening(scales: np.ndarray, quats: np.ndarray, least: float) -> np.ndarray:
    """Matrices W [N,3,3] float32 for which |W d|^2 is the squared Mahalanobis distance of an offset d."""
    out = np.empty((len(scales), 3, 3), np.float32)
    rotation = np.empty((3, 3))
    for n in range(len(scales)):
        w, x, y, z = np.float64(quats[n, 0]), np.float64(quats[n, 1]), np.float64(quats[n, 2]), np.float64(quats[n, 3])
        s = 2.0 / max(w * w + x * x + y * y + z * z, 1e-24)
        rotation[0, 0], rotation[0, 1], rotation[0, 2] = (
            1 - s * (y * y + z * z),
            s * (x * y - w * z),
            s * (x * z + w * y),
        )
        rotation[1, 0], rotation[1, 1], rotation[1, 2] = (
            s * (x * y + w * z),
            1 - s * (x * x + z * z),
            s * (y * z - w * x),
        )
        rotation[2, 0], rotation[2, 1], rotation[2, 2] = (
            s * (x * z - w * y),
            s * (y * z + w * x),
            1 - s * (x * x + y * y),
        )
        for i in range(3):
            deviation = np.sqrt(np.float64(scales[n, i]) ** 2 + least * least)
            for k in range(3):
                out[n, i, k] = rotation[k, i] / deviation
    return out


@numba.njit(nogil=True, cache=True)
def _mix(
    vertices: np.ndarray,  # [V,3]
    index: np.ndarray,  # [V,K]
    means: np.ndarray,  # [N,3]
    whitening: np.ndarray,  # [N,3,3]
    opacities: np.ndarray,  # [N]
    colors: np.ndarray,  # [N,3]
    out: np.ndarray,  # [V,3] the result
) -> None:
    """The colours of K Gaussians each, weighted."""
    squared = np.empty(index.shape[1], np.float32)
    for v in range(len(vertices)):
        least = np.float32(np.inf)
        for i in range(len(squared)):
            n = index[v, i]
            W = whitening[n]
            x, y, z = vertices[v, 0] - means[n, 0], vertices[v, 1] - means[n, 1], vertices[v, 2] - means[n, 2]
            a = W[0, 0] * x + W[0, 1] * y + W[0, 2] * z
            b = W[1, 0] * x + W[1, 1] * y + W[1, 2] * z
            c = W[2, 0] * x + W[2, 1] * y + W[2, 2] * z
            squared[i] = a * a + b * b + c * c
            least = min(least, squared[i])
        total, red, green, blue = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for i in range(len(squared)):
            n = index[v, i]
            weight = np.exp(np.float32(-0.5) * (squared[i] - least)) * opacities[n]
            total += weight
            red, green, blue = red + weight * colors[n, 0], green + weight * colors[n, 1], blue + weight * colors[n, 2]
        total = max(total, np.float32(1e-30))
        out[v, 0] = min(max(red / total, np.float32(0.0)), np.float32(1.0))
        out[v, 1] = min(max(green / total, np.float32(0.0)), np.float32(1.0))
        out[v, 2] = min(max(blue / total, np.float32(0.0)), np.float32(1.0))
