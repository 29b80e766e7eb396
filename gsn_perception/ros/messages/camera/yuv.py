"""Converts YUV images to RGB: packed (yuyv, uyvy) and planar (nv12 and its variants, i420).

All are read as BT.601 with luma 16..235, like the conversions of drivers and OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from sensor_msgs.msg import Image

from gsn_perception.geometry import InputError
from gsn_perception.ros.messages.camera.encodings import check_size
from gsn_perception.ros.messages.camera.encodings import pixels_of

_PACKED = {  # encoding -> OpenCV's code; yuv422 and yuv422_yuy2 are older names of sensor_msgs
    "uyvy": cv2.COLOR_YUV2RGB_UYVY,
    "yuv422": cv2.COLOR_YUV2RGB_UYVY,
    "yuyv": cv2.COLOR_YUV2RGB_YUYV,
    "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUYV,
}


@dataclass(frozen=True, slots=True)
class _Planes:
    """Layout of the chroma planes after the luma plane.

    Attributes:
        across: Pixels in a row that share a chroma sample.
        down: Rows that share a chroma sample.
        order: ``uv`` or ``vu``.
        interleaved: Whether both are in one plane of pairs.
    """

    across: int
    down: int
    order: Literal["uv", "vu"]
    interleaved: bool = True

    @property
    def bytes_per_pixel(self) -> float:
        """Bytes per pixel of the whole image."""
        return 1 + 2 / (self.across * self.down)


_PLANAR = {
    "nv12": _Planes(2, 2, "uv"),
    "nv21": _Planes(2, 2, "vu"),
    "nv16": _Planes(2, 1, "uv"),
    "nv61": _Planes(2, 1, "vu"),
    "nv24": _Planes(1, 1, "uv"),
    "nv42": _Planes(1, 1, "vu"),
    "i420": _Planes(2, 2, "uv", interleaved=False),
    "iyuv": _Planes(2, 2, "uv", interleaved=False),
    "yuv420": _Planes(2, 2, "uv", interleaved=False),
    "yuv420p": _Planes(2, 2, "uv", interleaved=False),
    "yv12": _Planes(2, 2, "vu", interleaved=False),
}
_FROM_444 = np.array(  # BT.601: rows R, G, B of columns Y, U, V, 1
    [[1.164384, 0, 1.596027], [1.164384, -0.391762, -0.812968], [1.164384, 2.017232, 0]]
)
_FROM_444 = np.concatenate([_FROM_444, _FROM_444 @ np.array([[-16.0], [-128.0], [-128.0]])], axis=1)


def is_yuv(encoding: str) -> bool:
    """Whether :func:`rgb_of_yuv` supports the encoding, in any case: depthai-ros writes ``YUV420``."""
    return encoding.lower() in _PACKED or encoding.lower() in _PLANAR


def rgb_of_yuv(message: Image) -> np.ndarray:
    """Colours [H,W,3] uint8 RGB.

    Raises:
        InputError: size, step and length disagree, or the size is odd where two pixels share a chroma sample.
    """
    encoding = message.encoding.lower()
    if encoding in _PACKED:
        _check_even(message, message.height, 2, 1)
        pairs = np.ascontiguousarray(pixels_of(message, (np.dtype("u1"), 2)))
        return cv2.cvtColor(pairs, _PACKED[encoding])
    planes = _PLANAR[encoding]
    check_size(message.encoding, message.width, message.height)
    height, stride = _plane_of(message, planes)
    _check_even(message, height, planes.across, planes.down)
    data = np.frombuffer(message.data, np.uint8)
    luma = data[: height * stride].reshape(height, stride)[:, : message.width]
    u, v = _chroma(data[height * stride :], planes, height, stride, message.width)
    return _converted(luma, u, v, planes)


def _plane_of(message: Image, planes: _Planes) -> tuple[int, int]:
    """Rows of the luma plane and bytes per row.

    Drivers differ: ``step`` is that of the luma plane (camera_ros), or the bytes of all planes divided by the height
    (depthai-ros), or ``height`` counts the rows of all planes, as in an OpenCV matrix. The length decides.
    """
    width, height, step, length = message.width, message.height, message.step, len(message.data)
    whole = planes.bytes_per_pixel
    if length == width * height * whole:
        return height, width
    if step > width and (planes.interleaved or step % planes.across == 0) and length == step * height * whole:
        return height, step
    rows = height / whole
    if step == width and length == step * height and rows == int(rows):
        return int(rows), step
    raise InputError(
        f"the {message.encoding} image of {width}x{height} holds {length} bytes, not {int(width * height * whole)}; "
        "the message is damaged or its step is wrong"
    )


def _check_even(message: Image, height: int, across: int, down: int) -> None:
    if message.width % across or height % down:
        raise InputError(
            f"the {message.encoding} image is {message.width}x{height}, but pairs of its pixels share a "
            "colour; publish an even size or rgb8"
        )


def _chroma(data: np.ndarray, planes: _Planes, height: int, stride: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """U and V [h,w] from the data after the luma plane; the padding of rows is scaled like their pixels."""
    rows, columns = height // planes.down, width // planes.across
    if planes.interleaved:
        pairs = data.reshape(rows, -1)[:, : 2 * columns].reshape(rows, columns, 2)
        first, second = pairs[..., 0], pairs[..., 1]
    else:
        first, second = data.reshape(2, rows, -1)[:, :, :columns]
    return (first, second) if planes.order == "uv" else (second, first)


def _converted(luma: np.ndarray, u: np.ndarray, v: np.ndarray, planes: _Planes) -> np.ndarray:
    height, width = luma.shape
    if planes.down == 2:
        chroma = np.stack([u, v], axis=-1).reshape(height // 2, width)
        return cv2.cvtColor(np.concatenate([luma, chroma]), cv2.COLOR_YUV2RGB_NV12)
    if planes.across == 2:
        packed = np.stack([luma[:, ::2], u, luma[:, 1::2], v], axis=-1).reshape(height, width, 2)
        return cv2.cvtColor(packed, cv2.COLOR_YUV2RGB_YUYV)
    return cv2.transform(np.stack([luma, u, v], axis=-1), _FROM_444)
