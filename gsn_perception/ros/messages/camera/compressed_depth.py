"""Decodes depth in a CompressedImage: compressedDepth of image_transport, and PNG and TIFF files."""

from __future__ import annotations

import struct

import numpy as np
from sensor_msgs.msg import CompressedImage

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.geometry.remark import note
from gsn_perception.ros.messages.camera.compressed import Format
from gsn_perception.ros.messages.camera.compressed import decode_file
from gsn_perception.ros.messages.camera.compressed import decoded
from gsn_perception.ros.messages.camera.encodings import MAX_PIXELS
from gsn_perception.ros.messages.camera.encodings import layout_of
from gsn_perception.ros.messages.camera.rvl import decode_rvl

_HEADER = struct.Struct("<iff")  # header of compressed_depth_image_transport before the PNG or RVL data
_PNG = b"\x89PNG\r\n\x1a\n"
_LEVELS = 1 << 16
_DEPTHS = ("u2", "i2", "f4")


def depth_of(
    message: CompressedImage, *, near: float = 0.0, remarks: list[Remark] | None = None
) -> tuple[np.ndarray, str]:
    """Values [H,W] and the encoding that defines their unit: 16 bit millimetres, or metres as 32FC1; 0 = unknown.

    Args:
        message: ``compressedDepth`` with PNG or RVL, or a PNG or TIFF file of depth (``depth/compressed``).
        near: Nearest useful depth, metres.
        remarks: Gets a remark about each assumption.

    Raises:
        InputError: the data is damaged, too large or not depth.
    """
    form = Format.of(message.format)
    if "compressedDepth" not in form.rest and (form.rest or not form.encoding):
        return _of_file(message)
    layout = layout_of(form.encoding)
    if layout is None or layout[1] != 1 or form.encoding.startswith("bayer") or layout[0].str[1:] not in _DEPTHS:
        raise InputError(
            f"the compressed depth has format {message.format[:60]!r}; publish compressedDepth of 16UC1 or 32FC1"
        )
    levels, header = _levels(bytes(message.data), message.format)
    if layout[0].itemsize == 2:
        if header is None:
            note(
                remarks,
                "depth_header_missing",
                "the compressedDepth message lacks the 12 bytes before its pixels, so these were read as millimetres; "
                "publish it with image_transport, or name its format '16UC1; png compressed '",
            )
        return levels.view(layout[0]), form.encoding
    if header is None:
        raise InputError(
            "the compressedDepth message of 32FC1 lacks the 12 bytes before its pixels, which hold its quantisation; "
            "publish it with image_transport, or 16UC1"
        )
    return _metres(levels, header[1], header[2], near, remarks), "32FC1"


def _levels(data: bytes, label: str) -> tuple[np.ndarray, tuple[int, float, float] | None]:
    """Quantised values [H,W] uint16, and the header or None without one."""
    body = data[_HEADER.size :]
    if body[: len(_PNG)] == _PNG or data[: len(_PNG)] == _PNG:
        bare = data[: len(_PNG)] == _PNG
        levels = decode_file(data if bare else body, label)
        if levels.ndim != 2 or levels.dtype != np.uint16:
            raise InputError("the compressed depth's PNG is not 16 bit grey; the message is damaged")
        return levels, None if bare else _HEADER.unpack_from(data)
    if "rvl" not in label.lower():
        raise InputError(
            "the compressed depth holds neither PNG nor RVL behind its 12 bytes; set compressedDepth's format to png or rvl"
        )
    try:
        return decode_rvl(body, MAX_PIXELS), _HEADER.unpack_from(data) if len(data) >= _HEADER.size else None
    except InputError:
        try:
            return decode_rvl(data, MAX_PIXELS), None
        except InputError:
            pass
        raise


def _metres(levels: np.ndarray, a: float, b: float, near: float, remarks: list[Remark] | None) -> np.ndarray:
    """Metres of quantised inverse depth, level = a / z + b.

    The publisher casts to 16 bits without a check, so depth nearer than a / (65535 - b) wraps to other valid depths,
    which can't be detected. -inf (too near, from Gazebo and ZED) always becomes the level of b, which is removed.
    """
    with np.errstate(all="ignore"):
        depth = np.float32(a) / (levels.astype(np.float32) - np.float32(b))
    depth[levels == 0] = 0
    if not (np.isfinite([a, b]).all() and a > 0 and b < _LEVELS - 1):
        return depth
    if b < 0:
        depth[levels == int(b) % _LEVELS] = 0
    nearest = a / (_LEVELS - 1 - b)
    if near < 0.999 * nearest:
        note(
            remarks,
            "near_depth_wraps",
            f"compressedDepth of 32FC1 can't hold depths under {nearest:.3f} m, which come out as larger ones; keep "
            "objects beyond it and set min_depth to it, lower depth_quantization, or publish 16UC1 or raw depth",
        )
    return depth


def _of_file(message: CompressedImage) -> tuple[np.ndarray, str]:
    pixels, encoding = decoded(message)
    if pixels.ndim == 2 and pixels.dtype == np.uint16 and encoding in ("", "mono16", "16UC1"):
        return pixels, "16UC1"
    if pixels.ndim == 2 and (encoding == "16SC1" or (pixels.dtype == np.float32 and encoding == "32FC1")):
        return pixels, encoding
    if pixels.dtype == np.uint8:
        raise InputError(
            f"the compressed depth ({message.format[:60]!r}) has 8 bits, which are no depth; publish compressedDepth, or "
            "a 16 bit PNG of 16UC1"
        )
    raise InputError(
        f"the compressed depth has format {message.format[:60]!r}; publish compressedDepth or a PNG of 16UC1"
    )
