"""Intrinsic matrix K of the received image, from CameraInfo with its region of interest and binning."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import CameraInfo

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.geometry.remark import note

_CENTRED = 0.15  # largest distance of a plausible principal point from the image centre, relative to the size


def intrinsics(
    info: CameraInfo,
    *,
    rectify: bool,
    size: tuple[int, int] | None = None,
    remarks: list[Remark] | None = None,
) -> tuple[np.ndarray, int, int]:
    """K [3,3] (with its skew, pixel centres at +0.5), width and height of the image, after ROI and binning.

    Args:
        info: Intrinsics of the full sensor with its binning and region of interest.
        rectify: False: P is used where it is set; True: K is used.
        size: See :func:`to_camera`.
        remarks: Gets a remark about each assumption.

    Raises:
        InputError: see :func:`to_camera`.
    """
    K = np.array(info.k, dtype=np.float64).reshape(3, 3)
    P = np.array(info.p, dtype=np.float64).reshape(3, 4)[:, :3]
    if not rectify and P[0, 0] != 0 and P[1, 1] != 0:
        K = P
    _check_focal_lengths(K)
    K = K.copy()
    K[:2, 2] += 0.5
    width, height, K = _apply_roi(info, K)
    bins = np.array([max(info.binning_x, 1), max(info.binning_y, 1)])
    if (bins > 1).any():
        width, height, K = _apply_binning(K, width, height, bins, size, remarks)
    _check_pixels(K, width, height)
    return K, width, height


def _check_focal_lengths(K: np.ndarray) -> None:
    if K[0, 0] == 0 or K[1, 1] == 0 or K[2, 2] == 0:
        raise InputError("camera_info holds zeros in K: the camera is not calibrated; calibrate it and publish K")
    if not np.isfinite(K).all():
        raise InputError("camera_info's K or P holds numbers that are not finite; calibrate the camera again")
    if K[0, 0] < 0 or K[1, 1] < 0:
        raise InputError(
            f"camera_info has a negative focal length (fx {K[0, 0]:g}, fy {K[1, 1]:g}); ROS images have x to the right "
            "and y down: publish both positive, and turn or mirror the image if it needs it"
        )


def _apply_roi(info: CameraInfo, K: np.ndarray) -> tuple[int, int, np.ndarray]:
    """Width, height and K of the region of interest; ``roi.do_rectify`` has no effect."""
    roi = info.roi
    width, height = roi.width or info.width, roi.height or info.height
    if roi.x_offset + roi.width > info.width or roi.y_offset + roi.height > info.height:
        raise InputError(
            f"camera_info's region of interest leaves the {info.width}x{info.height} sensor; correct roi or width and height"
        )
    K[0, 2] -= roi.x_offset
    K[1, 2] -= roi.y_offset
    return width, height, K


def _apply_binning(
    K: np.ndarray, width: int, height: int, bins: np.ndarray, size: tuple[int, int] | None, remarks: list[Remark] | None
) -> tuple[int, int, np.ndarray]:
    """Width, height and K after binning; some drivers apply it to the size or K already, against the definition."""
    scaled = np.diag([1 / bins[0], 1 / bins[1], 1.0]) @ K
    binned = (width // int(bins[0]), height // int(bins[1]))
    is_off = size == (width, height)
    out = size if is_off and size is not None else binned
    if _is_centred(K, *out) and not _is_centred(scaled, *out):
        note(
            remarks,
            "camera_info_binned",
            f"camera_info says binning {bins[0]}x{bins[1]}, but its K is that of the binned {out[0]}x{out[1]} image "
            "already, so it was used as it is; publish K of the full sensor, or binning 0",
        )
        return *out, K
    if is_off and not _is_centred(scaled, *out):
        raise InputError(
            f"camera_info says binning {bins[0]}x{bins[1]} of {width}x{height}, but the image is as large; publish "
            "width, height and K of the full sensor, or binning 0"
        )
    if is_off:
        note(
            remarks,
            "camera_info_binned",
            f"camera_info's width and height are those of the binned {width}x{height} image already, so only K was "
            f"divided by its binning {bins[0]}x{bins[1]}; publish width and height of the full sensor",
        )
    return *out, scaled


def _is_centred(K: np.ndarray, width: int, height: int) -> bool:
    return abs(K[0, 2] - width / 2) < _CENTRED * width and abs(K[1, 2] - height / 2) < _CENTRED * height


def _check_pixels(K: np.ndarray, width: int, height: int) -> None:
    """Refuse values that are fractions of the image size, not pixels."""
    centre = K[:2, 2] - 0.5
    if min(width, height) >= 16 and np.all((centre >= 0) & (centre <= 1)):
        raise InputError(
            f"camera_info's principal point ({centre[0]:g}, {centre[1]:g}) lies in the corner of the "
            f"{width}x{height} image; publish cx and cy in pixels, not as fractions of its size"
        )
    if K[0, 0] < 0.02 * width and K[1, 1] < 0.02 * height:
        raise InputError(
            f"camera_info's focal lengths ({K[0, 0]:g}, {K[1, 1]:g}) would mean a view of nearly 180 degrees; publish "
            "fx and fy in pixels, not as fractions of the size or in millimetres"
        )
