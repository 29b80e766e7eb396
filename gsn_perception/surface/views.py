"""Depth images as carvers: a camera that sees past a point proves that the point is outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import look_at


@dataclass(frozen=True, slots=True, eq=False)
class DepthView:
    """What one camera knows about free space.

    Attributes:
        camera: Its pinhole camera; the world is the frame of the splat.
        depth: [H,W] float32 along the camera's z: finite = a surface, +inf = nothing at all, NaN = unknown.
    """

    camera: Camera
    depth: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", np.ascontiguousarray(self.depth, dtype=np.float32))
        if self.depth.shape != (self.camera.height, self.camera.width):
            raise InputError(
                f"the depth view is {self.depth.shape}, its camera {self.camera.height}x{self.camera.width}; sizes must agree"
            )

    def points(self) -> np.ndarray:
        """[M,3] float32 surface points of the finite pixels, in the frame of the splat."""
        xyz = self.camera.back_project(self.depth)[np.isfinite(self.depth)]
        pose = self.camera.world_from_camera.astype(np.float32)
        return xyz @ pose[:3, :3].T + pose[:3, 3]


def surrounding_cameras(count: int, points: np.ndarray, size: int, *, distance: float = 3.0) -> list[Camera]:
    """Cameras spread evenly over a sphere (a Fibonacci lattice) that look at the origin, each filled by the points.

    Args:
        count: Cameras.
        points: [N,3] what has to be in view, about the origin.
        size: Image side in pixels.
        distance: From the origin, in radii of the points.
    """
    step = np.arange(count) + 0.5
    height = 1.0 - 2.0 * step / count
    turn = np.pi * (1.0 + 5.0**0.5) * step
    ring = np.sqrt(1.0 - height**2)
    radius = float(np.linalg.norm(points, axis=1).max())
    eyes = distance * radius * np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    return [_framed(look_at(eye, np.zeros(3)), points, size) for eye in eyes]


def _framed(pose: np.ndarray, points: np.ndarray, size: int) -> Camera:
    """A camera whose square image the points fill up to a border of six percent."""
    xyz = (points - pose[:3, 3]) @ pose[:3, :3]
    rays = xyz[:, :2] / xyz[:, 2:]
    low, high = rays.min(axis=0), rays.max(axis=0)
    focal = 0.88 * size / float((high - low).max())
    centre = 0.5 * size - focal * 0.5 * (low + high)
    return Camera(np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1.0]]), size, size, pose)


class Carver:
    """Several depth views of one size as a signed field.

    One view gives a point the smaller of two distances, both positive where the view can't rule the point out: how far
    it lies behind the visible surface, and how far it projects inside the silhouette. Bilinear interpolation makes both
    continuous, and a missing depth beyond a silhouette takes its neighbour's, so that the edge is left to the
    silhouette. The depth difference is turned into a distance to the surface's plane, which grazing views need.

    Args:
        views: At least one, all of the same image size.
        truncation: Values are clipped to +- this length.
        whole: The images hold all there is, so that what projects beside them is outside.
    """

    def __init__(self, views: Sequence[DepthView], *, truncation: float, whole: bool) -> None:
        self._truncation, self._whole = truncation, whole
        self._poses = np.stack([v.camera.camera_from_world[:3] for v in views]).astype(np.float32)  # [V,3,4]
        focal = [(v.camera.K[0, 0], v.camera.K[1, 1], v.camera.K[0, 2], v.camera.K[1, 2]) for v in views]
        self._focal = np.array(focal, dtype=np.float32)  # [V,4] fx fy cx cy
        maps = [_maps(v) for v in views]
        self._maps = np.ascontiguousarray(np.stack(maps))  # [V,H,W,3] depth, slant, silhouette

    def __call__(self, points: np.ndarray, *, votes: int = 1) -> np.ndarray:
        """Signed lengths [P] at points [P,3]: negative where at least ``votes`` views see past the point."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        return _carve(points, self._poses, self._focal, self._maps, np.float32(self._truncation), votes, self._whole)


def _maps(view: DepthView) -> np.ndarray:
    """[H,W,3]: depth without infinities, cosine between ray and surface normal, pixels inside the silhouette."""
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


@numba.njit(cache=True, parallel=True)
def _carve(
    points: np.ndarray,  # [P,3]
    poses: np.ndarray,  # [V,3,4]
    focal: np.ndarray,  # [V,4]
    maps: np.ndarray,  # [V,H,W,3]
    truncation: np.float32,
    votes: int,
    whole: bool,
) -> np.ndarray:
    out = np.empty(len(points), dtype=np.float32)
    H, W = maps.shape[1], maps.shape[2]
    for p in numba.prange(len(points)):
        lowest = np.full(votes, truncation, dtype=np.float32)  # ascending
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        for v in range(len(poses)):
            T = poses[v]
            depth = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
            if depth <= 0:
                continue
            f = focal[v]
            u = f[0] * (T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]) / depth + f[2] - np.float32(0.5)
            w = f[1] * (T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]) / depth + f[3] - np.float32(0.5)
            seen = np.float32(0.0)
            framed = u >= 0 and w >= 0 and u < W - 1 and w < H - 1
            if not (framed or whole):
                continue
            c, r = (int(u), int(w)) if framed else (0, 0)  # beside a whole image the value below does not look
            a, b = u - c, w - r
            m00, m01, m10, m11 = maps[v, r, c], maps[v, r, c + 1], maps[v, r + 1, c], maps[v, r + 1, c + 1]
            w00, w01, w10, w11 = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
            seen = w00 * m00[0] + w01 * m01[0] + w10 * m10[0] + w11 * m11[0]
            slant = w00 * m00[1] + w01 * m01[1] + w10 * m10[1] + w11 * m11[1]
            edge = w00 * m00[2] + w01 * m01[2] + w10 * m10[2] + w11 * m11[2]
            value = min((depth - seen) * slant, edge * depth / f[0]) if framed else -truncation
            if np.isnan(seen):  # unknown depth: only the silhouette can rule the point out
                value = edge * depth / f[0] if edge < 0 else truncation
            if value >= lowest[votes - 1]:
                continue
            k = votes - 1
            while k > 0 and lowest[k - 1] > value:
                lowest[k] = lowest[k - 1]
                k -= 1
            lowest[k] = value
            if lowest[votes - 1] <= -truncation:
                break
        out[p] = max(lowest[votes - 1], -truncation)
    return out
