"""Encodings of sensor_msgs/Image: data type, channels, checks of the size, and access to the pixels."""

from __future__ import annotations

import re

import numpy as np
from sensor_msgs.msg import Image

from gsn_perception.geometry import InputError

MAX_PIXELS = 1 << 25
"""Limit of the image size (8K is just below), so that no message can exhaust the memory."""

_NAMED = {  # encoding -> dtype, channels
    **{name: ("u1", 3) for name in ("rgb8", "bgr8")},
    **{name: ("u1", 4) for name in ("rgba8", "bgra8")},
    **{name: ("u2", 3) for name in ("rgb16", "bgr16")},
    **{name: ("u2", 4) for name in ("rgba16", "bgra16")},
    "mono8": ("u1", 1),
    "mono16": ("u2", 1),
}
BAYER = {f"bayer_{order}{bits}": order for order in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)}
"""Encoding to the colour pattern of its first 2x2 pixels."""
_GENERIC = re.compile(r"(8U|8S|16U|16S|32S|32U|32F|64F)(?:C([1-4]))?")  # OpenCV's types; 8U is 8UC1
_DTYPES = {"8U": "u1", "8S": "i1", "16U": "u2", "16S": "i2", "32S": "i4", "32U": "u4", "32F": "f4", "64F": "f8"}


def layout_of(encoding: str) -> tuple[np.dtype, int] | None:
    """Data type and number of channels of an encoding with interleaved pixels; None for other encodings."""
    if encoding in _NAMED:
        code, channels = _NAMED[encoding]
        return np.dtype(code), channels
    if encoding in BAYER:
        return np.dtype("u2" if encoding.endswith("16") else "u1"), 1
    found = _GENERIC.fullmatch(encoding)
    return None if found is None else (np.dtype(_DTYPES[found[1]]), int(found[2] or 1))


def canonical(encoding: str) -> str:
    """The encoding, with the number of channels added to OpenCV's names: ``16U`` becomes ``16UC1``."""
    found = _GENERIC.fullmatch(encoding)
    return f"{found[1]}C1" if found and found[2] is None else encoding


def check_size(encoding: str, width: int, height: int) -> None:
    """Check that an image is neither empty nor too large.

    Raises:
        InputError: it is.
    """
    if height < 1 or width < 1:
        raise InputError(f"the {encoding} image is empty ({width}x{height}); publish one with pixels")
    if height * width > MAX_PIXELS:
        raise InputError(
            f"the {encoding} image is {width}x{height}, more than {MAX_PIXELS} pixels; publish a smaller one"
        )


def pixels_of(message: Image, layout: tuple[np.dtype, int] | None = None) -> np.ndarray:
    """[H,W] or [H,W,C] in native byte order; a view of the message's memory where possible.

    ``is_bigendian`` has no effect on one-byte values (depthai-ros sets it for all of those).

    Args:
        message: An image with interleaved pixels.
        layout: Data type and channels, where the encoding does not define them.

    Raises:
        InputError: size, step and length disagree, or the encoding is unknown.
    """
    encoding = message.encoding
    layout = layout or layout_of(encoding)
    if layout is None:
        raise InputError(f"image encoding {encoding[:40]!r} is not supported; publish rgb8, mono8, 16UC1 or 32FC1")
    dtype, channels = layout[0].newbyteorder(">" if message.is_bigendian else "<"), layout[1]
    height, width, step = message.height, message.width, message.step
    check_size(encoding, width, height)
    row, length = width * channels * dtype.itemsize, len(message.data)
    if step < row:
        raise InputError(f"the {encoding} image is {width} wide but its step is {step} bytes, not {row} or more")
    if length != step * height:
        raise InputError(
            f"the {encoding} image holds {length} bytes, not {step * height} "
            f"({height} rows of {step}); the message is damaged"
        )
    shape = (height, width, channels) if channels > 1 else (height, width)
    strides = (step, channels * dtype.itemsize, dtype.itemsize)[: len(shape)]
    pixels = np.ndarray(shape, dtype, buffer=np.frombuffer(message.data, np.uint8), strides=strides)
    return pixels if dtype.isnative else pixels.astype(dtype.newbyteorder("="))
