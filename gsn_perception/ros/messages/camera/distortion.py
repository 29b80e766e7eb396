"""Lens distortion models of CameraInfo, and undistortion (REP-104)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.geometry.remark import note
from gsn_perception.ros.messages.camera.intrinsics import intrinsics

Model = Literal["brown", "inverse_brown", "fisheye", "none"]
_MODELS: dict[str, Model] = {  # by the letters and digits of the name
    **dict.fromkeys(("plumbbob", "rationalpolynomial", "thinprism", "thinprismmodel", "radtan", "opencv"), "brown"),
    **dict.fromkeys(("brownconrady", "modifiedbrownconrady", "brownconradyk6", "radialtangential"), "brown"),
    "inversebrownconrady": "inverse_brown",
    **dict.fromkeys(("equidistant", "fisheye", "opencvfisheye"), "fisheye"),
    **dict.fromkeys(("kannalabrandt", "kannalabrandt4", "kannalabrandt8", "kb4"), "fisheye"),
    **dict.fromkeys(("", "none", "pinhole", "perspective", "nodistortion"), "none"),
}
_COUNTS = (4, 5, 8, 12, 14)  # numbers of coefficients of OpenCV's polynomial model; each adds terms
_LEAST = 1e-9  # smaller coefficients count as zero


def model_of(info: CameraInfo, remarks: list[Remark] | None = None) -> tuple[Model, np.ndarray]:
    """The model and its coefficients in OpenCV's order and number; ``none`` without distortion.

    Args:
        info: ``distortion_model`` by any name that drivers use; ``d`` of any length: zeros are added or removed.
        remarks: Gets a remark about each assumption.

    Raises:
        InputError: the model is unknown, or it has too many or infinite coefficients.
    """
    coefficients = np.array(info.d, dtype=np.float64)
    if not np.isfinite(coefficients).all():
        raise InputError("camera_info holds distortion coefficients that are not finite; calibrate the camera again")
    used = np.flatnonzero(np.abs(coefficients) > _LEAST)
    if not len(used):
        return "none", np.zeros(0)
    coefficients = coefficients[: used[-1] + 1]
    name = info.distortion_model
    model = _MODELS.get("".join(letter for letter in name.lower() if letter.isalnum()))
    if model == "none":
        note(
            remarks,
            "distortion_model_assumed",
            f"camera_info's distortion model is {name[:40]!r} but its coefficients are not zero, so they were read as "
            "plumb_bob; publish the model's name, or zeros",
        )
        model = "brown"
    if model == "fisheye":
        coefficients = _of_fisheye(coefficients, remarks)
    most = 4 if model == "fisheye" else _COUNTS[-1]
    if model is None or len(coefficients) > most:
        raise InputError(
            f"distortion model {name[:40]!r} with {len(coefficients)} coefficients is unknown; "
            "publish a rectified image or plumb_bob, rational_polynomial or equidistant"
        )
    count = 4 if model == "fisheye" else next(count for count in _COUNTS if count >= len(coefficients))
    return model, np.pad(coefficients, (0, count - len(coefficients)))


def _of_fisheye(coefficients: np.ndarray, remarks: list[Remark] | None) -> np.ndarray:
    """k1 to k4. OrbbecSDK_ROS2 writes k1 k2 p1 p2 k3 k4 k5 k6 for every model, with zeros for missing ones."""
    if 4 < len(coefficients) <= 6 and not coefficients[2:4].any():
        note(
            remarks,
            "distortion_order_assumed",
            "camera_info's fisheye coefficients were read as k1 k2 p1 p2 k3 k4 since p1 and p2 are zero; publish "
            "equidistant with four, k1 to k4",
        )
        return coefficients[[0, 1, *range(4, len(coefficients))]]
    return coefficients


@dataclass(frozen=True, slots=True, eq=False)
class Undistortion:
    """Undistortion maps: for each ideal pixel, its place in the raw image.

    Attributes:
        map_x: [H,W] float32 raw columns.
        map_y: [H,W] float32 raw rows.
    """

    map_x: np.ndarray
    map_y: np.ndarray

    @classmethod
    def of(cls, info: CameraInfo, size: tuple[int, int] | None = None) -> Undistortion | None:
        """The maps of ``info``, or None without distortion and skew.

        Args:
            info: CameraInfo of the raw image.
            size: Width and height of the image, see :func:`gsn_perception.ros.messages.camera.camera_info.to_camera`.

        Raises:
            InputError: the distortion model is unknown.
        """
        model, coefficients = model_of(info)
        K, width, height = intrinsics(info, rectify=True, size=size)
        if model == "none" and abs(K[0, 1]) < 1e-6:
            return None
        K[:2, 2] -= 0.5  # OpenCV's pixel centres are integers
        skew, K[0, 1] = K[0, 1], 0
        map_x, map_y = _maps(model, coefficients, K, (width, height))
        if skew:
            map_x = map_x + np.float32(skew / K[1, 1]) * (map_y - np.float32(K[1, 2]))
        return cls(map_x, map_y)

    def colors(self, image: np.ndarray) -> np.ndarray:
        """The image [H,W,3] without distortion, bilinear."""
        return cv2.remap(image, self.map_x, self.map_y, cv2.INTER_LINEAR)

    def values(self, image: np.ndarray) -> np.ndarray:
        """Depth or labels [H,W] without distortion, nearest neighbour; NaN or 0 outside."""
        border = float("nan") if image.dtype.kind == "f" else 0
        mode = cv2.BORDER_CONSTANT
        return cv2.remap(image, self.map_x, self.map_y, cv2.INTER_NEAREST, borderMode=mode, borderValue=border)


def _maps(
    model: Model, coefficients: np.ndarray, K: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Raw columns and rows [H,W] float32 of every ideal pixel."""
    if model == "fisheye":
        return cv2.fisheye.initUndistortRectifyMap(K, coefficients, np.eye(3), K, size, cv2.CV_32FC1)
    if model != "inverse_brown":
        return cv2.initUndistortRectifyMap(K, coefficients, np.eye(3), K, size, cv2.CV_32FC1)
    u, v = np.meshgrid(
        np.arange(size[0]), np.arange(size[1])
    )  # the polynomial maps raw to ideal; invert it iteratively
    ideal = np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float64)
    raw = ideal.copy()
    for _ in range(20):
        rays = np.concatenate([(raw - K[:2, 2]) / K.diagonal()[:2], np.ones((len(raw), 1))], axis=1)
        raw += ideal - cv2.projectPoints(rays, np.zeros(3), np.zeros(3), K, coefficients)[0][:, 0]
    columns, rows = raw.T.reshape(2, size[1], size[0]).astype(np.float32)
    return columns, rows
