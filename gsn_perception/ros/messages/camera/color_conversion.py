"""Converts pixels of a known encoding to RGB: channel orders, Bayer mosaics, 16 bit and float values."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.geometry.remark import note
from gsn_perception.ros.messages.camera.encodings import BAYER

_GREY = ("mono8", "8UC1", "mono16")
_ORDERED = ("rgb8", "bgr8", "rgba8", "bgra8", "rgb16", "bgr16", "rgba16", "bgra16")
_UNORDERED = ("8UC3", "8UC4", "16UC3", "16UC4")
_BITS = (8, 10, 12)  # bits that cameras use of 16 bit values, in the low bits
_LEAST_TEXTURE = 0.1  # depth cameras measure nothing nearer, metres; a texture has darker pixels


def rgb_of(pixels: np.ndarray, encoding: str, remarks: list[Remark] | None = None) -> np.ndarray:
    """Colours [H,W,3] uint8 RGB, contiguous; a view where no conversion is needed.

    Args:
        pixels: [H,W] or [H,W,C].
        encoding: As in sensor_msgs/Image.
        remarks: Gets a remark about each assumption.

    Raises:
        InputError: the encoding has no colours, or no known channel order.
    """
    if encoding in BAYER:
        return _demosaiced(_eight_bits(pixels, encoding, remarks), BAYER[encoding])
    if encoding in ("32FC1", "64FC1"):
        return _grey(_texture(pixels, encoding, remarks))
    if encoding not in (*_GREY, *_ORDERED, *_UNORDERED):
        raise InputError(f"image encoding {encoding[:40]!r} has no known colour order; publish rgb8 or bgr8")
    if encoding in _UNORDERED:
        note(
            remarks,
            "colour_order_assumed",
            f"the image's encoding {encoding} does not tell its order of colours, so it was read as "
            f"{'BGR' if encoding.endswith('3') else 'BGRA'}, as OpenCV holds it; publish bgr8 or rgb8",
        )
    pixels = _eight_bits(pixels, encoding, remarks)
    if pixels.ndim == 2:
        return _grey(pixels)
    return np.ascontiguousarray(pixels[..., :3] if encoding.startswith("rgb") else pixels[..., 2::-1])


def _grey(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[..., None], 3, axis=2)


def _eight_bits(pixels: np.ndarray, encoding: str, remarks: list[Remark] | None) -> np.ndarray:
    """Convert 16 bit values to 8 bits; those of 8, 10 or 12 bit cameras by the bits that they use."""
    if pixels.dtype.itemsize == 1:
        return pixels
    peak = int((pixels[..., :3] if pixels.ndim == 3 else pixels).max())
    bits = next((bits for bits in _BITS if 0 < peak < 1 << bits), 16)
    if bits == 16:
        return (pixels // 257).astype(np.uint8)
    note(
        remarks,
        "colour_bits_assumed",
        f"no value of the {encoding} image is above {(1 << bits) - 1}, so it was read as {bits} bits of brightness; "
        "publish an 8 bit encoding, or values over the whole 16 bits",
    )
    return np.minimum(pixels >> (bits - 8), 255).astype(np.uint8)  # alpha may exceed the colours' range


def _demosaiced(mosaic: np.ndarray, order: str) -> np.ndarray:
    if min(mosaic.shape) < 4:
        raise InputError(f"the Bayer image is only {mosaic.shape[1]}x{mosaic.shape[0]}; publish a larger one or rgb8")
    code = {  # OpenCV names the pattern by the second row's second and third pixel
        "rggb": cv2.COLOR_BayerBG2RGB,
        "bggr": cv2.COLOR_BayerRG2RGB,
        "gbrg": cv2.COLOR_BayerGR2RGB,
        "grbg": cv2.COLOR_BayerGB2RGB,
    }[order]
    return cv2.cvtColor(np.ascontiguousarray(mosaic), code)


def _texture(pixels: np.ndarray, encoding: str, remarks: list[Remark] | None) -> np.ndarray:
    """The float image with values in 0..1 (Photoneo's texture), refused where it looks like depth in metres."""
    inside = np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1
    holes = inside and (pixels == 0).any() and not ((pixels > 0) & (pixels < _LEAST_TEXTURE)).any()
    if not inside or holes:
        raise InputError(
            f"the {encoding} image has no known colour order and looks like depth; remap `image` to the colour stream "
            "and publish rgb8 or bgr8"
        )
    note(
        remarks,
        "colour_from_floats",
        f"the {encoding} image was read as grey values from 0 to 1; if it is depth, remap `image` to the colour stream, "
        "else publish mono8",
    )
    return np.rint(pixels * 255).astype(np.uint8)
