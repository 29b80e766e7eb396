"""Depth views (camera and depth image), and virtual cameras on a sphere around a splat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import look_at


@dataclass(frozen=True, slots=True, eq=False)
class DepthView:
    """Surface and free space seen by one camera.

    Attributes:
        camera: Its pinhole camera; the world is the frame of the splat.
        depth: [H,W] float32 along the camera's z: finite = a surface, +inf = free space, NaN = unknown.
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
    """Cameras spread evenly over a sphere (a Fibonacci lattice) that look at the origin; the points fill each image.

    Args:
        count: Number of cameras.
        points: [N,3] points that must be in view, around the origin.
        size: Image side in pixels.
        distance: From the origin, in radii of the points.
    """
    step = np.arange(count) + 0.5
    height = 1.0 - 2.0 * step / count
    turn = np.pi * (1.0 + 5.0**0.5) * step
    ring = np.sqrt(1.0 - height**2)
    radius = float(np.linalg.norm(points, axis=1).max())
    eyes = distance * radius * np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    return _framed(np.stack([look_at(eye, np.zeros(3)) for eye in eyes]), points, size)


def _framed(poses: np.ndarray, points: np.ndarray, size: int) -> list[Camera]:
    """Cameras at poses [V,4,4] whose square image the points fill except for a border of six percent."""
    xyz = np.swapaxes(poses[:, :3, :3], 1, 2) @ (points[None].swapaxes(1, 2) - poses[:, :3, 3:])  # [V,3,N]
    rays = xyz[:, :2] / xyz[:, 2:]
    low, high = rays.min(axis=2), rays.max(axis=2)
    focal = 0.88 * size / (high - low).max(axis=1)
    centre = 0.5 * size - focal[:, None] * 0.5 * (low + high)
    return [
        Camera(np.array([[f, 0, x], [0, f, y], [0, 0, 1.0]]), size, size, pose)
        for f, (x, y), pose in zip(focal, centre, poses, strict=True)
    ]
