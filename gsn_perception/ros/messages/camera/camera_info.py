"""sensor_msgs/CameraInfo to Camera and back (REP-104)."""

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

_SKEW = 1.0  # pixels that a skew may move the upper and lower border, to be left alone


def to_camera(
    info: CameraInfo,
    *,
    rectify: bool = False,
    size: tuple[int, int] | None = None,
    remarks: list[Remark] | None = None,
) -> Camera:
    """The camera of the images that come with ``info``.

    CameraInfo puts pixel centres at integers; 0.5 is added here. ROI offsets are taken off and binning divides, both
    with pixel borders (not centres) as the origin. P's fourth column (the second camera of a stereo pair) is not used:
    results stand in this camera's own optical frame.

    Args:
        info: Intrinsics of the full sensor with its binning and region of interest.
        rectify: False: the images are rectified already (``image_rect``), P holds; True: they are raw, K holds.
        size: Width and height of the image where it is at hand; tells whether binning was taken off already.
        remarks: Takes what had to be assumed.

    Raises:
        InputError: K (and P) hold zeros, negative focal lengths, skew that stays in the image, or numbers that are no
            pixels; the size is zero; the ROI leaves it; the distortion model is unknown.
    """
    K, width, height = intrinsics(info, rectify=rectify, size=size, remarks=remarks)
    if rectify:
        model_of(info, remarks)
    else:
        _check_skew(K, height, remarks)
    K[0, 1] = 0.0  # undone by the maps where the image is raw
    return Camera(K, width, height)


def _check_skew(K: np.ndarray, height: int, remarks: list[Remark] | None) -> None:
    """A rectified image has none; what moves no pixel to another is left alone."""
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
