"""Depth sensor model: errors of a stereo depth camera (quantisation, correlated noise, holes)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gsn_perception.geometry import Camera


@dataclass(frozen=True, slots=True)
class DepthSensor:
    """An active-stereo sensor registered to the colour image; the defaults are near a RealSense D435 at 640 x 480.

    A disparity error of e pixels is a depth error of ``e z^2 / (f baseline)``.

    Attributes:
        baseline: Metres between the two imagers.
        disparity_noise: Pixels, one standard deviation, correlated over about ``patch`` pixels.
        patch: Pixels; the matching window.
        disparity_step: Pixels; quantisation of the disparity.
        depth_step: Metres; quantisation of the output.
        edge_width: Pixels beside a depth edge, on its far side, that are lost.
        edge_loss: Probability that a pixel there is lost.
        edge_jump: Relative depth difference between neighbours that makes an edge.
        grazing: Degrees between view ray and normal where losses start and where they are complete.
        speckle: Share of the other pixels that are lost in small blobs.
        near: Metres; smaller depths are not measured.
        far: Metres; larger depths are not measured.
    """

    baseline: float = 0.05
    disparity_noise: float = 0.05
    patch: float = 2.0
    disparity_step: float = 1 / 16
    depth_step: float = 1e-3
    edge_width: int = 3
    edge_loss: float = 0.8
    edge_jump: float = 0.03
    grazing: tuple[float, float] = (72.0, 86.0)
    speckle: float = 0.005
    near: float = 0.2
    far: float = 4.0

    def measure(self, depth: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
        """Simulate the measurement of a true depth image.

        Args:
            depth: [H,W] float32 metres along z, NaN where there is no surface.
            camera: Its intrinsics give disparities and view rays.
            rng: Random generator.

        Returns:
            [H,W] float32 metres along z, NaN = unknown.
        """
        depth = np.asarray(depth, dtype=np.float32)
        focal = float(camera.K[0, 0]) * self.baseline  # metres x pixels
        noise = self._noise(depth.shape, rng)
        with np.errstate(invalid="ignore", divide="ignore"):
            disparity = focal / depth + noise
            disparity = np.round(disparity / self.disparity_step) * self.disparity_step
            measured = focal / np.where(disparity > 0, disparity, np.nan)
            measured = np.round(measured / self.depth_step) * self.depth_step
            lost = ~((depth >= self.near) & (depth <= self.far))
        lost |= self._edge_holes(depth, rng) | self._grazing_holes(depth, camera, rng)
        lost |= _blobs(depth.shape, self.speckle, rng)
        measured[lost] = np.nan
        return measured.astype(np.float32)

    def _noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """[H,W] disparity noise in pixels."""
        noise = rng.standard_normal(shape).astype(np.float32)
        if self.patch > 0:
            blurred = cv2.GaussianBlur(noise, (0, 0), self.patch / 2)
            noise = np.asarray(blurred / max(float(blurred.std()), 1e-9), dtype=np.float32)
        return noise * np.float32(self.disparity_noise)

    def _edge_holes(self, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """[H,W] bool: the far side of depth edges, where one of the imagers is blocked."""
        filled = np.where(np.isfinite(depth), depth, self.far).astype(np.float32)
        kernel = np.ones((2 * self.edge_width + 1,) * 2, np.uint8)
        behind = filled > cv2.erode(filled, kernel) * (1 + self.edge_jump)
        close = cv2.dilate(_jumps(filled, self.edge_jump).astype(np.uint8), kernel) > 0
        return behind & close & (rng.random(depth.shape) < self.edge_loss)

    def _grazing_holes(self, depth: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
        """[H,W] bool: surfaces at grazing angles, which stereo can't match."""
        cosine = incidence_cosine(depth, camera)
        start, end = np.cos(np.deg2rad(self.grazing))
        with np.errstate(invalid="ignore"):
            chance = np.clip((start - cosine) / (start - end), 0, 1)
        return rng.random(depth.shape) < np.nan_to_num(chance, nan=0.0)


def incidence_cosine(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """[H,W] cosine between view ray and surface normal from a depth image; NaN next to unknown pixels."""
    points = camera.back_project(depth).astype(np.float64)
    across, down = np.full_like(points, np.nan), np.full_like(points, np.nan)
    across[:, 1:-1] = points[:, 2:] - points[:, :-2]
    down[1:-1] = points[2:] - points[:-2]
    normal = np.cross(across, down)
    with np.errstate(invalid="ignore", divide="ignore"):
        lengths = np.linalg.norm(normal, axis=-1) * np.linalg.norm(points, axis=-1)
        return np.abs(np.einsum("ijk,ijk->ij", normal, points)) / lengths


def _jumps(depth: np.ndarray, relative: float) -> np.ndarray:
    """[H,W] bool: pixels at a depth step. Planes of any slope have none, because 1 / z of a plane is linear in the image."""
    inverse = np.pad(1.0 / depth, 1, mode="edge")
    middle = inverse[1:-1, 1:-1]
    across = np.abs(inverse[1:-1, :-2] - 2 * middle + inverse[1:-1, 2:])
    down = np.abs(inverse[:-2, 1:-1] - 2 * middle + inverse[2:, 1:-1])
    return np.maximum(across, down) > relative * middle


def _blobs(shape: tuple[int, ...], part: float, rng: np.random.Generator) -> np.ndarray:
    """[H,W] bool: a share ``part`` of the pixels, in blobs of a few pixels."""
    if part <= 0:
        return np.zeros(shape, dtype=bool)
    field = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), 1.5)
    return field > np.quantile(field, 1 - part)
