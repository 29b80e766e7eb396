"""sensor_msgs/Image and CompressedImage to arrays and back.

Size, step, byte order and length are checked before anything decodes. The plain encodings are numpy views (zero-copy);
Bayer and YUV go through rosbags-image, or CvBridge where only that is installed.
"""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from typing import Literal

import numpy as np
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from gsn_perception.geometry import InputError
from gsn_perception.ros import compressed
from gsn_perception.ros import optional

MaskMode = Literal["binary", "labels"]
MAX_PIXELS = 1 << 25
"""Larger images (8K is just below) are refused, so that no message can make the node allocate without bound."""

_PLAIN = {  # encoding -> dtype, channels
    "rgb8": ("u1", 3),
    "bgr8": ("u1", 3),
    "rgba8": ("u1", 4),
    "bgra8": ("u1", 4),
    "mono8": ("u1", 1),
    "8UC1": ("u1", 1),
    "8SC1": ("i1", 1),
    "rgb16": ("u2", 3),
    "bgr16": ("u2", 3),
    "rgba16": ("u2", 4),
    "bgra16": ("u2", 4),
    "mono16": ("u2", 1),
    "16UC1": ("u2", 1),
    "16SC1": ("i2", 1),
    "32SC1": ("i4", 1),
    "32FC1": ("f4", 1),
    "64FC1": ("f8", 1),
}
_BAYER = {
    f"bayer_{order}{bits}": (f"u{bits // 8}", 1) for order in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)
}
_YUV = {name: ("u1", 2) for name in ("uyvy", "yuv422", "yuyv", "yuv422_yuy2")}
_DEPTH_SCALE = {"32FC1": 1.0, "64FC1": 1.0, "16UC1": 0.001, "mono16": 0.001}
_MASKS = ("mono8", "8UC1", "8SC1", "16UC1", "mono16", "16SC1", "32SC1")


@dataclass(frozen=True, slots=True)
class DepthRange:
    """Depths outside [near, far] metres count as unknown."""

    near: float = 0.0
    far: float = float("inf")


def to_rgb(message: Image | CompressedImage) -> np.ndarray:
    """Colours [H,W,3] uint8 RGB, contiguous; a view of the message's memory for rgb8 without padding.

    Raises:
        InputError: the message is damaged, or its encoding carries no colour or no channel order.
    """
    if hasattr(message, "format"):
        return compressed.colors_of(message, MAX_PIXELS)
    encoding = message.encoding
    if encoding in _BAYER or encoding in _YUV:
        return _convert_by_library(message)
    if encoding not in (
        "rgb8",
        "bgr8",
        "rgba8",
        "bgra8",
        "mono8",
        "8UC1",
        "rgb16",
        "bgr16",
        "rgba16",
        "bgra16",
        "mono16",
    ):
        raise InputError(f"image encoding {encoding!r} has no known colour order; publish rgb8 or bgr8")
    pixels = _pixels(message)
    if pixels.dtype.itemsize == 2:
        pixels = (pixels // 257).astype(np.uint8)
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    pixels = pixels[..., :3] if encoding.startswith("rgb") else pixels[..., 2::-1]
    return np.ascontiguousarray(pixels)


def to_depth(message: Image | CompressedImage, limits: DepthRange | None = None) -> np.ndarray:
    """Depth [H,W] float32 in metres along z, NaN = unknown.

    The unit follows from the encoding (REP-118): 32FC1 and 64FC1 are metres, 16UC1 and mono16 millimetres with
    0 = unknown. Infinite, negative and zero depths are unknown. A CompressedImage is ``compressedDepth`` with PNG.

    Raises:
        InputError: the message is damaged or its encoding is no depth.
    """
    limits = limits or DepthRange()
    if hasattr(message, "format"):
        depth = compressed.depth_of(message, MAX_PIXELS)
    elif message.encoding not in _DEPTH_SCALE:
        raise InputError(
            f"depth encoding {message.encoding!r} is no depth; publish 32FC1 (metres) or 16UC1 (millimetres)"
        )
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            depth = _pixels(message).astype(np.float32)
            depth *= np.float32(_DEPTH_SCALE[message.encoding])
    near = max(limits.near, float(np.finfo(np.float32).tiny))
    with np.errstate(invalid="ignore"):
        good = (depth >= near) & (depth <= min(limits.far, float(np.finfo(np.float32).max)))
    depth[~good] = np.nan
    return depth


def to_mask(message: Image, mode: MaskMode = "binary") -> np.ndarray:
    """Instance labels [H,W] uint8 or uint16, 0 = background.

    Args:
        message: mono8, 8UC1, 16UC1 or another integer image of one channel.
        mode: ``binary`` makes every value > 0 label 1, ``labels`` keeps each value.

    Raises:
        InputError: the message is damaged, is no integer image or holds labels outside 0..65535.
    """
    if message.encoding not in _MASKS:
        raise InputError(f"mask encoding {message.encoding!r} holds no labels; publish mono8, 8UC1 or 16UC1")
    pixels = _pixels(message)
    if mode == "binary":
        return (pixels > 0).astype(np.uint8)
    if pixels.dtype.kind == "i" or pixels.dtype.itemsize > 2:
        if pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max:
            raise InputError("the mask holds labels outside 0..65535; number the objects from 1")
        return pixels.astype(np.uint16)
    return np.array(pixels)


def from_rgb(image: np.ndarray, header: Header) -> Image:
    """rgb8 message of [H,W,3] uint8."""
    return _message(np.asarray(image, dtype=np.uint8), "rgb8", header)


def from_depth(depth: np.ndarray, header: Header) -> Image:
    """32FC1 message of [H,W] metres."""
    return _message(np.asarray(depth, dtype=np.float32), "32FC1", header)


def from_mask(mask: np.ndarray, header: Header) -> Image:
    """mono8 or 16UC1 message of [H,W] labels."""
    mask = np.asarray(mask)
    if mask.dtype == np.uint16:
        return _message(mask, "16UC1", header)
    return _message(mask.astype(np.uint8), "mono8", header)


def _message(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    data = array("B")
    data.frombytes(np.ascontiguousarray(pixels).tobytes())
    height, width = pixels.shape[:2]
    step = pixels.strides[0] if pixels.flags.c_contiguous else len(data) // height
    big = int(sys.byteorder == "big")
    return Image(header=header, height=height, width=width, encoding=encoding, step=step, is_bigendian=big, data=data)


def _pixels(message: Image) -> np.ndarray:
    """[H,W] or [H,W,C] in native byte order; a view of the message's memory where possible.

    Raises:
        InputError: size, step and length disagree, or the encoding is unknown.
    """
    known = {**_PLAIN, **_BAYER, **_YUV}
    if message.encoding not in known:
        raise InputError(f"image encoding {message.encoding!r} is not supported; publish rgb8, mono8, 16UC1 or 32FC1")
    code, channels = known[message.encoding]
    dtype = np.dtype(code).newbyteorder(">" if message.is_bigendian else "<")
    height, width, step = message.height, message.width, message.step
    row = width * channels * dtype.itemsize
    length = len(message.data)
    if height < 1 or width < 1:
        raise InputError(f"the {message.encoding} image is empty ({width}x{height}); publish one with pixels")
    if height * width > MAX_PIXELS:
        raise InputError(
            f"the {message.encoding} image is {width}x{height}, more than {MAX_PIXELS} pixels; publish a smaller one"
        )
    if step < row:
        raise InputError(
            f"the {message.encoding} image is {width} wide but its step is {step} bytes, not {row} or more"
        )
    if length != step * height:
        raise InputError(
            f"the {message.encoding} image holds {length} bytes, not {step * height} "
            f"({height} rows of {step}); the message is damaged"
        )
    shape = (height, width, channels) if channels > 1 else (height, width)
    strides = (step, channels * dtype.itemsize, dtype.itemsize)[: len(shape)]
    pixels = np.ndarray(shape, dtype, buffer=np.frombuffer(message.data, np.uint8), strides=strides)
    return pixels if dtype.isnative else pixels.astype(dtype.newbyteorder("="))


def _convert_by_library(message: Image) -> np.ndarray:
    """Bayer and YUV by rosbags-image, or by CvBridge."""
    pixels = np.ascontiguousarray(_pixels(message))
    height, width = pixels.shape[:2]
    data = pixels.reshape(-1).view(np.uint8)
    plain: dict[str, Any] = {"encoding": message.encoding, "height": height, "width": width}
    plain |= {"step": len(data) // height, "is_bigendian": int(sys.byteorder == "big")}
    library = optional.find("rosbags.image")
    bridge = None if library else optional.find("cv_bridge")
    try:
        if library:
            return np.ascontiguousarray(library.message_to_cvimage(SimpleNamespace(**plain, data=data), "rgb8"))
        if bridge:
            tight = Image(header=message.header, **plain, data=array("B", data.tobytes()))
            return np.ascontiguousarray(bridge.CvBridge().imgmsg_to_cv2(tight, "rgb8"))
    except Exception as error:  # both libraries raise bare exceptions of their own and OpenCV's
        raise InputError(f"the {message.encoding} image could not be decoded ({error}); publish rgb8") from error
    optional.require("rosbags.image")
    raise AssertionError("unreachable")
