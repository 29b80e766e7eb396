"""Pinhole camera: intrinsics, pose, projection, back-projection, cropping, resizing."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

import numpy as np

from gsn_perception.geometry.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera with OpenCV optical axes (x right, y down, z forward) and pixel centres at +0.5.

    A point (x, y, z) of the camera frame lands at ``u = fx x / z + cx`` where the first pixel covers u in [0, 1].
    ROS and OpenCV put pixel centres at integers: use :meth:`from_integer_centres` where such a K is read and
    :meth:`integer_centre_K` where one is written.

    Attributes:
        K: [3,3] intrinsics in pixels, float64, no skew.
        width: Pixels.
        height: Pixels.
        world_from_camera: [4,4] pose, metres.

    Raises:
        InputError: K is zero, singular, not finite or not of pinhole form, or the size is not positive.
    """

    K: np.ndarray
    width: int
    height: int
    world_from_camera: np.ndarray = field(default_factory=lambda: np.eye(4))

    def __post_init__(self) -> None:
        try:
            K = np.array(self.K, dtype=np.float64)
            pose = np.array(self.world_from_camera, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError("camera matrix K or pose is not numeric; K must be 3x3, the pose 4x4") from None
        object.__setattr__(self, "K", K)
        object.__setattr__(self, "world_from_camera", pose)
        if K.shape != (3, 3) or pose.shape != (4, 4):
            raise InputError(f"camera matrix K has shape {K.shape} and pose {pose.shape}; give 3x3 and 4x4")
        if not np.isfinite(K).all() or K[0, 0] <= 0 or K[1, 1] <= 0 or abs(K[2, 2] - 1) > 1e-6:
            raise InputError(
                "camera matrix K is zero, singular or not finite; calibrate the camera and give fx, fy > 0 and K[2][2] = 1"
            )
        if any(abs(K[i, j]) > 1e-6 for i, j in ((1, 0), (2, 0), (2, 1), (0, 1))):
            raise InputError("camera matrix K has skew or a projective row; rectify the image and give a pinhole K")
        if self.width < 1 or self.height < 1:
            raise InputError(
                f"camera size {self.width}x{self.height} is not positive; give the image's width and height"
            )

    @classmethod
    def from_integer_centres(
        cls, K: np.ndarray, width: int, height: int, world_from_camera: np.ndarray | None = None
    ) -> Camera:
        """From a K whose pixel centres are integers (ROS CameraInfo, OpenCV, camera.json): 0.5 is added once, here."""
        K = np.array(K, dtype=np.float64)
        if K.shape == (3, 3):
            K[:2, 2] += 0.5
        return cls(K, width, height, np.eye(4) if world_from_camera is None else world_from_camera)

    @classmethod
    def from_fov(cls, fov: float, width: int, height: int, world_from_camera: np.ndarray | None = None) -> Camera:
        """Square pixels, centred principal point; ``fov`` is the full horizontal field in radians."""
        f = 0.5 * width / np.tan(0.5 * fov)
        K = np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1.0]])
        return cls(K, width, height, np.eye(4) if world_from_camera is None else world_from_camera)

    @property
    def integer_centre_K(self) -> np.ndarray:
        """[3,3] K with pixel centres at integers, for OpenCV calls, CameraInfo and camera.json."""
        K = self.K.copy()
        K[:2, 2] -= 0.5
        return K

    @property
    def camera_from_world(self) -> np.ndarray:
        """[4,4] inverse of the pose (which may carry a uniform scale)."""
        return np.linalg.inv(self.world_from_camera)

    def rays(self, uv: np.ndarray) -> np.ndarray:
        """Camera-frame directions [...,3] with z = 1 through pixel coordinates [...,2]."""
        uv = np.asarray(uv, dtype=np.float64)
        xy = (uv - self.K[:2, 2]) / np.array([self.K[0, 0], self.K[1, 1]])
        return np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)

    def pixel_rays(self) -> np.ndarray:
        """Directions [H,W,3] with z = 1 through all pixel centres."""
        x, y = self._axes()
        rays = np.ones((self.height, self.width, 3))
        rays[..., 0], rays[..., 1] = x, y[:, None]
        return rays

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixel coordinates [...,2] of camera-frame points [...,3] with z > 0."""
        points = np.asarray(points, dtype=np.float64)
        return points[..., :2] / points[..., 2:] * np.array([self.K[0, 0], self.K[1, 1]]) + self.K[:2, 2]

    def back_project(self, depth: np.ndarray) -> np.ndarray:
        """Camera-frame points [H,W,3] float32 of a depth image [H,W] in metres along z; NaN stays NaN."""
        x, y = self._axes()
        points = np.empty((*depth.shape, 3), dtype=np.float32)
        points[..., 0], points[..., 1], points[..., 2] = x * depth, y[:, None] * depth, depth
        return points

    def _axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Components x [W] and y [H] of the directions with z = 1 through the centres of columns and rows."""
        x = (np.arange(self.width) + 0.5 - self.K[0, 2]) / self.K[0, 0]
        y = (np.arange(self.height) + 0.5 - self.K[1, 2]) / self.K[1, 1]
        return x, y

    def at(self, world_from_camera: np.ndarray) -> Camera:
        """The same camera at another pose."""
        return replace(self, world_from_camera=world_from_camera)

    def windowed(self, rows: slice, columns: slice) -> Camera:
        """The camera of the part ``image[rows, columns]`` (non-negative bounds, step 1)."""
        K = self.K.copy()
        K[0, 2] -= columns.start
        K[1, 2] -= rows.start
        return replace(self, K=K, width=int(columns.stop - columns.start), height=int(rows.stop - rows.start))

    def resized(self, width: int, height: int) -> Camera:
        """The camera of the image resampled to another size."""
        scale = np.diag([width / self.width, height / self.height, 1.0])
        return replace(self, K=scale @ self.K, width=width, height=height)
