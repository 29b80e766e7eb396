"""Space carving with depth images: a point in the free space of a camera is outside the object."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numba
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.rendering.cpu.pool import parallel_ranges
from gsn_perception.surface.fields.depth_views import DepthView

_BLOCK = 2048  # points per block; each block is projected into all views


class Carver:
    """A signed field from several depth views of one size.

    One view gives a point the smaller of two distances, both positive where the point may be inside: the distance behind
    the visible surface, and the distance inside the silhouette. Bilinear interpolation makes both continuous. A missing
    depth just outside a silhouette takes its neighbour's value, so that only the silhouette defines the edge. The depth
    difference is converted to a distance to the tangent plane of the surface, which matters for grazing views.

    Args:
        views: At least one, all of the same image size.
        truncation: Values are clipped to +- this length.
        whole: The images show the whole object, so that points that project outside them are outside.
    """

    def __init__(self, views: Sequence[DepthView], *, truncation: float, whole: bool) -> None:
        self._truncation, self._whole = truncation, whole
        self._poses = np.stack([v.camera.camera_from_world[:3] for v in views]).astype(np.float32)  # [V,3,4]
        focal = [(v.camera.K[0, 0], v.camera.K[1, 1], v.camera.K[0, 2], v.camera.K[1, 2]) for v in views]
        self._focal = np.array(focal, dtype=np.float32)  # [V,4] fx fy cx cy
        self._maps = np.stack([_maps(v) for v in views])  # [V,H,W,3] depth, slant, silhouette
        self._least = _least(self._maps)

    def __call__(self, points: np.ndarray, *, votes: int = 1) -> np.ndarray:
        """Signed distances [P] at points [P,3]: negative where the point is in the free space of at least ``votes`` views."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        truncation = np.float32(self._truncation)
        lowest: np.ndarray = np.full((len(points), votes), truncation, dtype=np.float32)
        views = (self._poses, self._focal, self._maps, self._least)

        def work(begin: int, end: int) -> None:
            _carve(points[begin:end], *views, truncation, self._whole, lowest[begin:end])

        parallel_ranges(work, len(points), _BLOCK)
        return np.maximum(lowest[:, -1], -truncation)


def _maps(view: DepthView) -> np.ndarray:
    """[H,W,3]: depth without infinities, slant (see ``_slant``), distance inside the silhouette in pixels."""
    depth = view.depth
    solid = np.isfinite(depth)
    empty = np.isposinf(depth)
    filled = np.where(solid, depth, np.nan)
    silhouette: np.ndarray = np.full(depth.shape, 1e6, dtype=np.float32)
    if empty.any():
        inside = cv2.distanceTransform((~empty).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        outside = cv2.distanceTransform(empty.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        signed = np.where(empty, 0.5 - outside, inside - 0.5).astype(np.float32)
        silhouette = np.asarray(cv2.GaussianBlur(signed, (3, 3), 0.7), dtype=np.float32)
        for _ in range(3):
            filled = np.where(empty & np.isnan(filled), _neighbour(filled), filled)
        filled = np.where(empty & np.isnan(filled), np.float32(1e6), filled)
    slant = _slant(np.where(np.isnan(filled), 1e6, filled).astype(np.float32), view.camera)
    return np.stack([filled, slant, silhouette], axis=-1).astype(np.float32)


def _neighbour(depth: np.ndarray) -> np.ndarray:
    """The nearest depth of the four neighbours of each pixel, NaN where none is known."""
    known = np.where(np.isnan(depth), np.float32(np.inf), depth).astype(np.float32)
    best = cv2.erode(known, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), borderValue=float("inf"))
    return np.where(np.isinf(best), np.nan, best)


def _slant(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """|d(plane distance) / dz| per pixel: 1 face on, towards 0 at grazing incidence."""
    du = cv2.Sobel(depth, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8) * (camera.K[0, 0] / depth)
    dv = cv2.Sobel(depth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8) * (camera.K[1, 1] / depth)
    return np.clip(1.0 / np.sqrt(1.0 + du**2 + dv**2), 0.1, 1.0)


@numba.njit(nogil=True, cache=True)
def _least(maps: np.ndarray) -> np.ndarray:
    """Bounds [V,H-1,W-1,3] over the corners of every pixel cell: largest depth (NaN: one is unknown), least of the rest."""
    V, H, W, _ = maps.shape
    out = np.empty((V, H - 1, W - 1, 3), np.float32)
    for v in range(V):
        for r in range(H - 1):
            for c in range(W - 1):
                a, b, d, e = maps[v, r, c], maps[v, r, c + 1], maps[v, r + 1, c], maps[v, r + 1, c + 1]
                unknown = np.isnan(a[0] + b[0] + d[0] + e[0])
                out[v, r, c, 0] = np.float32(np.nan) if unknown else max(max(a[0], b[0]), max(d[0], e[0]))
                out[v, r, c, 1] = min(min(a[1], b[1]), min(d[1], e[1]))
                out[v, r, c, 2] = min(min(a[2], b[2]), min(d[2], e[2]))
    return out


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _carve(
    points: np.ndarray,  # [P,3]
    poses: np.ndarray,  # [V,3,4]
    focal: np.ndarray,  # [V,4]
    maps: np.ndarray,  # [V,H,W,3]
    least: np.ndarray,  # [V,H-1,W-1,3]
    truncation: np.float32,
    whole: bool,
    lowest: np.ndarray,  # [P,votes] ascending, truncation to begin with; the result
) -> None:
    """View by view: project all points, then interpolate the maps at the points whose value can still change."""
    half, one, zero = np.float32(0.5), np.float32(1.0), np.float32(0.0)
    right, bottom = np.float32(maps.shape[2] - 1), np.float32(maps.shape[1] - 1)
    P, votes = lowest.shape
    xs, ys, zs = points[:, 0].copy(), points[:, 1].copy(), points[:, 2].copy()
    us, ws, depths = np.empty(P, np.float32), np.empty(P, np.float32), np.empty(P, np.float32)
    for v in range(len(poses)):
        T, f = poses[v], focal[v]
        a0, a1, a2, a3 = f[0] * T[0, 0], f[0] * T[0, 1], f[0] * T[0, 2], f[0] * T[0, 3]
        b0, b1, b2, b3 = f[1] * T[1, 0], f[1] * T[1, 1], f[1] * T[1, 2], f[1] * T[1, 3]
        for p in range(P):
            x, y, z = xs[p], ys[p], zs[p]
            depths[p] = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
            us[p] = (a0 * x + a1 * y + a2 * z + a3) / depths[p] + f[2] - half
            ws[p] = (b0 * x + b1 * y + b2 * z + b3) / depths[p] + f[3] - half
        m, q = maps[v], least[v]
        for p in range(P):
            bound, depth, u, w = lowest[p, votes - 1], depths[p], us[p], ws[p]
            if bound <= -truncation or depth <= zero:
                continue
            if u >= zero and w >= zero and u < right and w < bottom:
                c, r = np.int64(u), np.int64(w)
                width = depth / f[0]
                behind = depth - q[r, c, 0]
                if (behind * q[r, c, 1] if behind > zero else behind) >= bound and q[r, c, 2] * width >= bound:
                    continue  # interpolation between the corners cannot lower the value
                a, b = u - np.float32(c), w - np.float32(r)
                w00, w01, w10, w11 = (one - a) * (one - b), a * (one - b), (one - a) * b, a * b
                seen = w00 * m[r, c, 0] + w01 * m[r, c + 1, 0] + w10 * m[r + 1, c, 0] + w11 * m[r + 1, c + 1, 0]
                slant = w00 * m[r, c, 1] + w01 * m[r, c + 1, 1] + w10 * m[r + 1, c, 1] + w11 * m[r + 1, c + 1, 1]
                edge = w00 * m[r, c, 2] + w01 * m[r, c + 1, 2] + w10 * m[r + 1, c, 2] + w11 * m[r + 1, c + 1, 2]
                value = min((depth - seen) * slant, edge * width)
                if np.isnan(seen):  # unknown depth: only the silhouette can rule the point out
                    value = edge * width if edge < zero else truncation
            elif whole:
                value = -truncation
            else:
                continue
            if value >= bound:
                continue
            k = votes - 1
            while k > 0 and lowest[p, k - 1] > value:
                lowest[p, k] = lowest[p, k - 1]
                k -= 1
            lowest[p, k] = value
