"""A depth image subsampled to a small grid of points with noise and spacing, and morphology on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import Camera

_CELLS = 36000  # grid points at most, about
_FARTHEST = 1000.0  # metres
_THIN = 0.3  # of a region; if erosion leaves less, the region is not eroded
Window = tuple[slice, slice]


def depth_noise(z: np.ndarray) -> np.ndarray:
    """Standard deviation of a stereo depth camera at depth ``z``: 1 mm + 0.3 % of the square, metres."""
    return 0.001 + 0.003 * z * z


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Every ``stride``-th point of a window of a depth image.

    Attributes:
        points: [h,w,3] float64 metres, camera frame; NaN unknown.
        known: [h,w] bool.
        sigma: [h,w] metres of depth noise; the noise at 1 m where depth is unknown.
        pitch: [h,w] metres between neighbours across the line of sight; 0 where depth is unknown.
        window: Rows and columns of the image.
        stride: Pixels between neighbours.
        shape: [2] of the whole image.
    """

    points: np.ndarray
    known: np.ndarray
    sigma: np.ndarray
    pitch: np.ndarray
    window: Window
    stride: int
    shape: tuple[int, int]

    @classmethod
    def of(cls, depth: np.ndarray, camera: Camera, window: Window | None = None) -> Grid:
        """The grid of ``depth`` [H,W] (metres along z, NaN unknown), or of a window of it."""
        rows, columns = window or (slice(0, depth.shape[0]), slice(0, depth.shape[1]))
        size = (rows.stop - rows.start) * (columns.stop - columns.start)
        stride = max(1, int(np.ceil(np.sqrt(size / _CELLS))))
        v, u = np.arange(rows.start, rows.stop, stride), np.arange(columns.start, columns.stop, stride)
        z = depth[np.ix_(v, u)].astype(np.float64)
        rays = camera.rays(np.stack(np.meshgrid(u + 0.5, v + 0.5), axis=-1))
        with np.errstate(invalid="ignore", over="ignore"):
            points = rays * z[..., None]
            known = np.asarray(
                (np.abs(points) < _FARTHEST).all(axis=-1)
            )  # False for NaN and for the values of a damaged K
        filled = np.where(known, z, 0.0)
        pitch = stride * filled / min(camera.K[0, 0], camera.K[1, 1])
        return cls(
            np.where(known[..., None], points, np.nan),
            known,
            depth_noise(np.where(known, z, 1.0)),
            pitch,
            (rows, columns),
            stride,
            depth.shape,
        )

    def thin(self, image: np.ndarray) -> np.ndarray:
        """[h,w] an image [H,W] at the pixels of the grid."""
        rows, columns = self.window
        return image[rows, columns][:: self.stride, :: self.stride]

    def spread(self, region: np.ndarray) -> np.ndarray:
        """[H,W] bool: a region [h,w] of the grid, enlarged to the image."""
        rows, columns = self.window
        near = np.repeat(np.repeat(region, self.stride, axis=0), self.stride, axis=1)
        whole = np.zeros(self.shape, dtype=bool)
        whole[rows, columns] = near[: rows.stop - rows.start, : columns.stop - columns.start]
        return whole


def window_around(mask: np.ndarray, *, share: float = 1.0, least: int = 40) -> Window:
    """The bounding window of a mask (at least one pixel), enlarged on every side by ``share`` of its extent."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    extent = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    grow = max(int(share * extent), least)
    return (
        slice(max(int(rows[0]) - grow, 0), min(int(rows[-1]) + grow + 1, mask.shape[0])),
        slice(max(int(columns[0]) - grow, 0), min(int(columns[-1]) + grow + 1, mask.shape[1])),
    )


def dilated(region: np.ndarray, steps: int) -> np.ndarray:
    """[h,w] bool: dilated by ``steps`` pixels in each direction."""
    return cv2.dilate(region.astype(np.uint8), np.ones((2 * steps + 1,) * 2, np.uint8)) > 0


def eroded_core(region: np.ndarray, steps: int) -> np.ndarray:
    """[h,w] bool: a region eroded by ``steps`` pixels; the region itself where erosion leaves little of it."""
    core = np.asarray(cv2.erode(region.astype(np.uint8), np.ones((2 * steps + 1,) * 2, np.uint8)) > 0)
    return region if core.sum() < _THIN * region.sum() else core


def lowest_near(height: np.ndarray, region: np.ndarray, reach: int) -> np.ndarray:
    """[h,w] float32 least height [h,w] of the region's points within ``reach`` pixels; inf where there are none."""
    inside = np.where(region, height, np.inf).astype(np.float32)
    return cv2.erode(inside, np.ones((2 * reach + 1,) * 2, np.uint8), borderValue=np.inf)
