"""The object-centred virtual camera and the normalised frame (docs/architecture.md, "The normalised frame, exactly")."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

import cv2
import numpy as np

from gsn_perception.geometry.camera import Camera
from gsn_perception.geometry.cones import smallest_cone
from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import minimal_rotation_to

FIELD_MARGIN = 1.15
_NARROWEST = 1e-6  # half-angle, radians: below, rounding of the cosine hides the difference between rays


@dataclass(frozen=True, slots=True, eq=False)
class ObjectView:
    """A pure rotation and zoom of the real camera that looks at one object.

    The axis and ``theta`` are those of the smallest cone around the object's rays. The canonical cube (side 1) sits at
    distance ``1 / (2 sin theta)`` on the axis, so that its inscribed sphere touches the cone; one unknown, the scale in
    metres per unit, remains.

    Attributes:
        R_camera_virtual: [3,3] rotation, virtual camera axes in the real camera's frame.
        theta: Half-angle of the cone, radians.
        size: Crop side in pixels.
    """

    R_camera_virtual: np.ndarray
    theta: float
    size: int

    @classmethod
    def of_rays(cls, directions: np.ndarray, size: int) -> ObjectView:
        """Around camera-frame directions [N,3]."""
        axis, theta = smallest_cone(np.asarray(directions, dtype=np.float64))
        return cls(minimal_rotation_to(axis), theta, size)

    @classmethod
    def of_mask(cls, mask: np.ndarray, camera: Camera, size: int) -> ObjectView:
        """Around the pixels of a mask [H,W] (their corners, so that every pixel lies completely inside).

        Raises:
            InputError: the mask is empty, wider than a cone of 60 degrees half-angle, or too narrow to compute.
        """
        inside = np.asarray(mask) > 0
        rows = np.flatnonzero(inside.any(axis=1))
        if not len(rows):
            raise InputError("the mask is empty; give a mask with the object's pixels above zero")
        # the first and last pixel of each row have the same hull as all of them
        first, last = inside[rows].argmax(axis=1), inside.shape[1] - inside[rows, ::-1].argmax(axis=1)
        corners = [np.stack([columns, rows + dy], axis=1) for columns in (first, last) for dy in (0, 1)]
        hull = cv2.convexHull(np.concatenate(corners).astype(np.int32))[:, 0]
        view = cls.of_rays(camera.rays(hull.astype(np.float64)), size)
        if view.theta > np.deg2rad(60):
            raise InputError("the object fills more than 120 degrees of the view; move the camera back or fix the mask")
        if not view.theta > _NARROWEST:
            raise InputError("the rays of the mask's pixels can't be told apart; check the focal length in camera_info")
        return view

    def rolled(self, angle: float) -> ObjectView:
        """The same view with its content rotated by ``angle`` radians in the image plane (x to y, y down)."""
        c, s = np.cos(angle), np.sin(angle)
        back = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        return replace(self, R_camera_virtual=self.R_camera_virtual @ back)

    @property
    def distance(self) -> float:
        """From the camera to the cube's centre in normalised units."""
        return 0.5 / float(np.sin(self.theta))

    @property
    def camera(self) -> Camera:
        """The virtual camera in its own frame."""
        return Camera.from_fov(2 * FIELD_MARGIN * self.theta, self.size, self.size)

    @property
    def normalised_camera(self) -> Camera:
        """The virtual camera with the normalised (object) frame as its world."""
        return self.camera.at(make_transform(np.eye(3), np.array([0.0, 0.0, -self.distance])))

    def similarity(self, scale: float) -> np.ndarray:
        """[4,4] from normalised coordinates to the real camera's frame: ``s R (p + d e_z)``."""
        R = self.R_camera_virtual
        return make_transform(R, scale * self.distance * R[:, 2], scale)

    def pose(self, scale: float) -> np.ndarray:
        """``T_camera_object`` [4,4], rigid: the normalised frame's axes and its centre in metres."""
        return make_transform(self.R_camera_virtual, scale * self.distance * self.R_camera_virtual[:, 2])

    def homography(self, source: Camera) -> np.ndarray:
        """[3,3] from source pixel coordinates to crop pixel coordinates (pixel centres at +0.5 in both)."""
        return self.camera.K @ self.R_camera_virtual.T @ np.linalg.inv(source.K)

    def inscribed_circle(self) -> np.ndarray:
        """[S,S] bool: the crop's inscribed circle, which a roll maps to itself."""
        c = np.arange(self.size) + 0.5 - self.size / 2
        return c[:, None] ** 2 + c[None, :] ** 2 <= (self.size / 2) ** 2

    def warp(self, image: np.ndarray, source: Camera) -> np.ndarray:
        """An image [H,W] or [H,W,C] (any dtype OpenCV takes) seen by the virtual camera, [S,S(,C)] float32.

        The warp is an exact homography. If the crop is coarser than the source, it is sampled finer and averaged down to
        avoid aliasing. Pixels outside the source are 0.
        """
        homography = self.homography(source)
        factor = self._shrink(homography)
        fine = np.diag([factor, factor, 1.0]) @ homography
        flags = cv2.INTER_LINEAR
        size = self.size * factor
        out = cv2.warpPerspective(image.astype(np.float32), _integer_centres(fine), (size, size), flags=flags)
        return out if factor == 1 else cv2.resize(out, (self.size, self.size), interpolation=cv2.INTER_AREA)

    def warp_depth(self, depth: np.ndarray, source: Camera) -> np.ndarray:
        """A depth image [H,W] (metres along the source's z) as depth along the virtual camera's z, [S,S], NaN unknown."""
        x, y, z = self.R_camera_virtual[:, 2]
        u, v = np.arange(source.width) + 0.5, np.arange(source.height) + 0.5
        along = x * (u - source.K[0, 2]) / source.K[0, 0] + (y * (v - source.K[1, 2]) / source.K[1, 1] + z)[:, None]
        scaled = (depth * along).astype(np.float32)
        flags = cv2.INTER_NEAREST
        matrix = _integer_centres(self.homography(source))
        nan = float("nan")
        size = (self.size, self.size)
        return cv2.warpPerspective(scaled, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=nan)

    def window(self, source: Camera) -> tuple[slice, slice]:
        """Rows and columns of the source image that the crop covers (with a margin; at least one pixel)."""
        bounds = self._bounds(source)
        if bounds is None:
            return slice(0, source.height), slice(0, source.width)
        low, high = np.floor(bounds[0]).astype(int) - 2, np.ceil(bounds[1]).astype(int) + 2
        u0, v0 = np.clip(low, 0, [source.width - 1, source.height - 1])
        u1, v1 = np.maximum(np.clip(high, 0, [source.width, source.height]), [u0 + 1, v0 + 1])
        return slice(v0, v1), slice(u0, u1)

    def lies_inside(self, source: Camera) -> bool:
        """Whether the source image has every pixel of the crop."""
        bounds = self._bounds(source)
        if bounds is None:
            return False
        return bool((bounds[0] >= 1).all() and (bounds[1] <= [source.width - 1, source.height - 1]).all())

    def _bounds(self, source: Camera) -> tuple[np.ndarray, np.ndarray] | None:
        """Least and largest source coordinates [2] of the crop; None if rays of it are almost parallel to the image plane."""
        corners = np.array([[u, v, 1.0] for u in (0.0, self.size) for v in (0.0, self.size)])
        rays = corners @ (self.R_camera_virtual @ np.linalg.inv(self.camera.K)).T
        if (rays[:, 2] < 0.05).any():
            return None
        uv = source.project(rays)
        return uv.min(axis=0), uv.max(axis=0)

    def _shrink(self, homography: np.ndarray) -> int:
        """Number of source pixels that a crop pixel spans at the centre, rounded up."""
        inverse = np.linalg.inv(homography)
        c = self.size / 2
        points = np.array([[c, c, 1.0], [c + 1, c, 1.0], [c, c + 1, 1.0]]) @ inverse.T
        points = points[:, :2] / points[:, 2:]
        span = max(np.linalg.norm(points[1] - points[0]), np.linalg.norm(points[2] - points[0]))
        return int(np.clip(np.ceil(span), 1, 8))


def _integer_centres(homography: np.ndarray) -> np.ndarray:
    """The homography between images whose pixel centres are integers (OpenCV's convention)."""
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    return np.linalg.inv(shift) @ homography @ shift
