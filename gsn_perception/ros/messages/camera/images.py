"""Converts sensor_msgs/Image and CompressedImage to arrays (colour, depth, mask) and back.

Size, step, byte order and length are checked before decoding. Plain encodings are numpy views (zero-copy); OpenCV
decodes Bayer, YUV and files. Each assumption becomes a remark.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.ros import optional
from gsn_perception.ros.messages.camera import compressed
from gsn_perception.ros.messages.camera import compressed_depth
from gsn_perception.ros.messages.camera.color_conversion import rgb_of
from gsn_perception.ros.messages.camera.encodings import canonical
from gsn_perception.ros.messages.camera.encodings import layout_of
from gsn_perception.ros.messages.camera.encodings import pixels_of
from gsn_perception.ros.messages.camera.masks import MaskMode as MaskMode
from gsn_perception.ros.messages.camera.masks import labels_of
from gsn_perception.ros.messages.camera.yuv import is_yuv
from gsn_perception.ros.messages.camera.yuv import rgb_of_yuv

_DEPTH_SCALE = {"32FC1": 1.0, "64FC1": 1.0, "16UC1": 0.001, "16SC1": 0.001, "mono16": 0.001}
_NO_MASKS = ("bayer", "rgb16", "bgr16", "rgba16", "bgra16")


@dataclass(frozen=True, slots=True)
class DepthRange:
    """Depth outside [near, far] metres counts as unknown."""

    near: float = 0.0
    far: float = float("inf")


def to_rgb(message: Image | CompressedImage, remarks: list[Remark] | None = None) -> np.ndarray:
    """Colours [H,W,3] uint8 RGB, contiguous; a view of the message's memory for rgb8 without padding.

    Args:
        message: An image, or one compressed as JPEG, PNG, WebP, TIFF or by zstd_image_transport.
        remarks: Gets a remark about each assumption.

    Raises:
        InputError: the message is damaged, or its encoding carries no colour or no channel order.
    """
    message = _without_zstd(message)
    if hasattr(message, "format"):
        if "compressedDepth" in message.format:
            raise InputError(
                "a compressedDepth image holds no colours; subscribe to the colour stream's compressed topic"
            )
        return rgb_of(*compressed.decoded(message), remarks)
    if is_yuv(message.encoding):
        return rgb_of_yuv(message)
    if layout_of(message.encoding) is None:
        return _decode_by_cv_bridge(message)
    return rgb_of(pixels_of(message), canonical(message.encoding), remarks)


def _decode_by_cv_bridge(message: Image) -> np.ndarray:
    """Colours of an encoding unknown to this package, decoded by cv_bridge where it is installed."""
    bridge = optional.find("cv_bridge")
    reason = ""
    if bridge is not None:
        try:
            return np.ascontiguousarray(bridge.CvBridge().imgmsg_to_cv2(message, "rgb8"))
        except Exception as error:  # cv_bridge raises errors of OpenCV, its own and NumPy's
            reason = f" (cv_bridge: {str(error)[:80]})"
    raise InputError(
        f"image encoding {message.encoding[:40]!r} has no known colour order{reason}; publish rgb8 or bgr8"
    )


def to_depth(
    message: Image | CompressedImage,
    limits: DepthRange | None = None,
    remarks: list[Remark] | None = None,
    *,
    near: float | None = None,
) -> np.ndarray:
    """Depth [H,W] float32 in metres along z, NaN = unknown.

    The encoding defines the unit (REP-118): 32FC1 and 64FC1 are metres; 16UC1, 16SC1 and mono16 millimetres with
    0 = unknown. Infinite, negative and zero depth is unknown.

    Args:
        message: An image, ``compressedDepth`` with PNG or RVL, or a 16 bit PNG or a TIFF (``depth/compressed``).
        limits: Range of known depth.
        remarks: Gets a remark about each assumption.
        near: Nearest useful depth, metres, where the limits are applied later.

    Raises:
        InputError: the message is damaged or its encoding is not depth.
    """
    limits = limits or DepthRange()
    message = _without_zstd(message)
    if hasattr(message, "format"):
        numbers, encoding = compressed_depth.depth_of(
            message, near=limits.near if near is None else near, remarks=remarks
        )
    else:
        encoding = canonical(message.encoding)
        if encoding not in _DEPTH_SCALE:
            raise InputError(
                f"depth encoding {encoding[:40]!r} is no depth; publish 32FC1 (metres) or 16UC1 (millimetres)"
            )
        numbers = pixels_of(message)
    with np.errstate(over="ignore", invalid="ignore"):
        depth = numbers.astype(np.float32)
        depth *= np.float32(_DEPTH_SCALE[encoding])
    near = max(limits.near, float(np.finfo(np.float32).tiny))
    with np.errstate(invalid="ignore"):
        good = (depth >= near) & (depth <= min(limits.far, float(np.finfo(np.float32).max)))
    depth[~good] = np.nan
    return depth


def to_mask(
    message: Image | CompressedImage, mode: MaskMode = "binary", background: Sequence[int] = (0,)
) -> np.ndarray:
    """Instance labels [H,W] uint8 or uint16, 0 = background.

    Args:
        message: mono8, 8UC1, 16UC1 or another image of one channel with integers, or a coloured label map.
        mode: ``binary`` gives all pixels except the background label 1, ``labels`` keeps each value.
        background: Values of the background, see :func:`gsn_perception.ros.messages.camera.masks.labels_of`.

    Raises:
        InputError: the message is damaged, holds no labels, or labels outside 0..65535.
    """
    message = _without_zstd(message)
    if hasattr(message, "format"):
        pixels, encoding = compressed.decoded(message)
    else:
        encoding = canonical(message.encoding)
        if layout_of(encoding) is None or encoding.startswith(_NO_MASKS):
            raise InputError(f"mask encoding {encoding[:40]!r} holds no labels; publish mono8, 8UC1 or 16UC1")
        pixels = pixels_of(message)
    return labels_of(pixels, encoding, mode, background)


def _without_zstd(message: Image | CompressedImage) -> Image | CompressedImage:
    """The image in a message of zstd_image_transport; any other message unchanged."""
    return compressed.unpacked(message) if getattr(message, "format", "") == "zstd" else message


def from_rgb(image: np.ndarray, header: Header) -> Image:
    """rgb8 message from [H,W,3] uint8."""
    return _message(np.asarray(image, dtype=np.uint8), "rgb8", header)


def from_depth(depth: np.ndarray, header: Header) -> Image:
    """32FC1 message from [H,W] metres."""
    return _message(np.asarray(depth, dtype=np.float32), "32FC1", header)


def from_mask(mask: np.ndarray, header: Header) -> Image:
    """mono8 or 16UC1 message from [H,W] labels."""
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
