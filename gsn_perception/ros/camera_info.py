"""sensor_msgs/CameraInfo to Camera and back, and undistortion where it is asked for (REP-104)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError

_PINHOLE_MODELS = ("plumb_bob", "rational_polynomial", "")
_FISHEYE_MODELS = ("equidistant", "fisheye")
_PINHOLE_COUNTS = (4, 5, 8, 12, 14)  # coefficients that OpenCV knows


def to_camera(info: CameraInfo, *, rectify: bool = False) -> Camera:
    """The camera of the images that come with ``info``.

    CameraInfo puts pixel centres at integers; 0.5 is added here. ROI offsets are taken off and binning divides, both
    with pixel borders (not centres) as the origin.

    Args:
        info: Intrinsics of the full sensor with its binning and region of interest.
        rectify: False: the images are rectified already (``image_rect``), P holds; True: they are raw, K holds.

    Raises:
        InputError: K (and P) hold zeros, i.e. the camera is not calibrated, the size is zero, or the ROI leaves it.
    """
    K = np.array(info.k, dtype=np.float64).reshape(3, 3)
    P = np.array(info.p, dtype=np.float64).reshape(3, 4)[:, :3]
    if not rectify and P[0, 0] > 0 and P[1, 1] > 0:
        K = P
    if K[0, 0] <= 0 or K[1, 1] <= 0 or K[2, 2] == 0:
        raise InputError("camera_info holds zeros in K: the camera is not calibrated; calibrate it and publish K")
    full = Camera.from_integer_centres(K, max(info.width, 1), max(info.height, 1))
    if info.roi.x_offset + info.roi.width > full.width or info.roi.y_offset + info.roi.height > full.height:
        raise InputError(
            f"camera_info's region of interest leaves the {info.width}x{info.height} sensor; correct roi or width and height"
        )
    bin_x, bin_y = max(info.binning_x, 1), max(info.binning_y, 1)
    width = (info.roi.width or info.width) // bin_x
    height = (info.roi.height or info.height) // bin_y
    K = full.K.copy()
    K[0, 2] -= info.roi.x_offset
    K[1, 2] -= info.roi.y_offset
    return Camera(np.diag([1 / bin_x, 1 / bin_y, 1.0]) @ K, width, height)


def from_camera(camera: Camera, header: Header) -> CameraInfo:
    """CameraInfo of a camera without distortion; K and P have pixel centres at integers."""
    K = camera.integer_centre_K
    P = np.concatenate([K, np.zeros((3, 1))], axis=1)
    return CameraInfo(
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=K.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=P.reshape(-1),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Undistortion:
    """Look-up maps from the ideal image to the raw one.

    Attributes:
        map_x: [H,W] float32 raw columns.
        map_y: [H,W] float32 raw rows.
    """

    map_x: np.ndarray
    map_y: np.ndarray

    @classmethod
    def of(cls, info: CameraInfo) -> Undistortion | None:
        """The maps of ``info``, or None where its distortion is zero.

        Raises:
            InputError: the distortion model is unknown.
        """
        distortion = np.array(info.d, dtype=np.float64)
        if not np.isfinite(distortion).all():
            raise InputError(
                "camera_info holds distortion coefficients that are not finite; calibrate the camera again"
            )
        if not distortion.any():
            return None
        camera = to_camera(info, rectify=True)
        K = camera.integer_centre_K
        size = (camera.width, camera.height)
        if info.distortion_model in _PINHOLE_MODELS and len(distortion) in _PINHOLE_COUNTS:
            maps = cv2.initUndistortRectifyMap(K, distortion, np.eye(3), K, size, cv2.CV_32FC1)
        elif info.distortion_model in _FISHEYE_MODELS and len(distortion) == 4:
            maps = cv2.fisheye.initUndistortRectifyMap(K, distortion, np.eye(3), K, size, cv2.CV_32FC1)
        else:
            raise InputError(
                f"distortion model {info.distortion_model[:40]!r} with {len(distortion)} coefficients is unknown; "
                "publish a rectified image or plumb_bob, rational_polynomial or equidistant"
            )
        return cls(*maps)

    def colors(self, image: np.ndarray) -> np.ndarray:
        """The image [H,W,3] without distortion, bilinear."""
        return cv2.remap(image, self.map_x, self.map_y, cv2.INTER_LINEAR)

    def values(self, image: np.ndarray) -> np.ndarray:
        """Depth or labels [H,W] without distortion, nearest neighbour; NaN or 0 outside."""
        border = float("nan") if image.dtype.kind == "f" else 0
        mode = cv2.BORDER_CONSTANT
        return cv2.remap(image, self.map_x, self.map_y, cv2.INTER_NEAREST, borderMode=mode, borderValue=border)
