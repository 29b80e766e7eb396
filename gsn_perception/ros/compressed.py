"""sensor_msgs/CompressedImage: JPEG and PNG colours, and compressedDepth as image_transport writes it."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from sensor_msgs.msg import CompressedImage

from gsn_perception.geometry import InputError
from gsn_perception.ros.rvl import decode_rvl

_DEPTH_HEADER = struct.Struct("<iff")  # what compressed_depth_image_transport puts before the PNG
_PNG = b"\x89PNG\r\n\x1a\n"


def colors_of(message: CompressedImage, max_pixels: int) -> np.ndarray:
    """Colours [H,W,3] uint8 RGB of a JPEG or PNG.

    Raises:
        InputError: the data is damaged, of another format, or larger than ``max_pixels``.
    """
    if "compressedDepth" in message.format:
        raise InputError("a compressedDepth image holds no colours; subscribe to the colour stream's compressed topic")
    pixels = _decode(bytes(message.data), message.format, cv2.IMREAD_COLOR, max_pixels)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def depth_of(message: CompressedImage, max_pixels: int) -> np.ndarray:
    """Depth [H,W] float32 metres of a compressedDepth message with PNG or RVL inside, 0 = unknown.

    16UC1 holds millimetres; 32FC1 holds quantised inverse depth, whose two numbers stand before the pixels.

    Raises:
        InputError: the data is damaged, of another format, or larger than ``max_pixels``.
    """
    encoding, _, rest = message.format.partition(";")
    encoding = encoding.strip()
    if "compressedDepth" not in rest or encoding not in ("16UC1", "32FC1"):
        raise InputError(
            f"the compressed depth has format {message.format[:60]!r}; publish compressedDepth of 16UC1 or 32FC1"
        )
    data = bytes(message.data)
    body = data[_DEPTH_HEADER.size :]
    if body[: len(_PNG)] == _PNG:
        levels = _decode(body, message.format, cv2.IMREAD_UNCHANGED, max_pixels)
        if levels.ndim != 2 or levels.dtype != np.uint16:
            raise InputError("the compressed depth's PNG is not 16 bit grey; the message is damaged")
    elif "rvl" in rest.lower():
        levels = decode_rvl(body, max_pixels)
    else:
        raise InputError("the compressed depth holds neither PNG nor RVL; set compressedDepth's format to png or rvl")
    if encoding == "16UC1":
        return levels.astype(np.float32) * np.float32(0.001)
    _, a, b = _DEPTH_HEADER.unpack_from(data)
    with np.errstate(all="ignore"):
        depth = np.float32(a) / (levels.astype(np.float32) - np.float32(b))
    depth[levels == 0] = 0
    return depth


def _decode(data: bytes, label: str, mode: int, max_pixels: int) -> np.ndarray:
    """Pixels as OpenCV reads them; the size is taken from the file's head before anything is allocated."""
    damaged = f"the compressed image ({label[:60]!r}, {len(data)} bytes) is damaged or neither JPEG nor PNG"
    try:
        with Pillow.open(io.BytesIO(data), formats=("JPEG", "PNG")) as head:
            width, height = head.size
    except (UnidentifiedImageError, Pillow.DecompressionBombError, OSError, ValueError, SyntaxError, struct.error):
        raise InputError(damaged) from None
    if not 0 < width * height <= max_pixels:
        raise InputError(
            f"the compressed image is {width}x{height}, more than {max_pixels} pixels; publish a smaller one"
        )
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.shape[:2] not in ((height, width), (width, height)):  # EXIF may turn it
        raise InputError(damaged)
    return pixels
