"""Converts sensor_msgs/CameraInfo to Camera and back (REP-104)."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.geometry.remark import note
from gsn_perception.ros.messages.camera.distortion import Undistortion as Undistortion
from gsn_perception.ros.messages.camera.distortion import model_of
from gsn_perception.ros.messages.camera.intrinsics import intrinsics

_SKEW = 1.0  # largest shift of a pixel by a skew that is ignored, pixels


def to_camera(
    info: CameraInfo,
    *,
    rectify: bool = False,
    size: tuple[int, int] | None = None,
    remarks: list[Remark] | None = None,
) -> Camera:
    """The camera of the images that belong to ``info``.

    CameraInfo has pixel centres at integers; 0.5 is added here. ROI offsets are subtracted and binning divides, both
    relative to pixel borders (not centres). The fourth column of P (second camera of a stereo pair) is not used: results
    are in the optical frame of this camera.

    Args:
        info: Intrinsics of the full sensor with its binning and region of interest.
        rectify: False: the images are rectified (``image_rect``), P is used; True: they are raw, K is used.
        size: Width and height of the image if known; shows whether the values are already binned.
        remarks: Gets a remark about each assumption.

    Raises:
        InputError: K (and P) hold zeros, negative focal lengths, a skew that is not removed, or values that are not in
            pixels; the size is zero; the ROI exceeds it; the distortion model is unknown.
    """
    K, width, height = intrinsics(info, rectify=rectify, size=size, remarks=remarks)
    if rectify:
        model_of(info, remarks)
    else:
        _check_skew(K, height, remarks)
    K[0, 1] = 0.0  # the undistortion maps remove the skew of a raw image
    return Camera(K, width, height)


def _check_skew(K: np.ndarray, height: int, remarks: list[Remark] | None) -> None:
    """A rectified image has no skew; one that moves no pixel by more than :data:`_SKEW` is ignored."""
    reach = max(abs(K[1, 2]), abs(height - K[1, 2])) / K[1, 1]
    moved = abs(K[0, 1]) * reach
    if moved <= 1e-6 * height:
        return
    if not moved <= _SKEW:
        raise InputError(
            f"camera_info's matrix has a skew of {K[0, 1]:.3g}, which moves pixels by up to {moved:.1f}; set rectify where "
            "the image is raw, or publish a rectified image with its P"
        )
    note(
        remarks,
        "skew_ignored",
        f"camera_info's matrix has a skew of {K[0, 1]:.3g}, which moves no pixel by more than {moved:.1f} and was left "
        "out; set rectify where the image is raw",
    )


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
