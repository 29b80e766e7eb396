"""Decodes sensor_msgs/CompressedImage: files of compressed_image_transport, and images of zstd_image_transport."""

from __future__ import annotations

import io
import struct
import zlib
from array import array
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

from gsn_perception.geometry import InputError
from gsn_perception.ros.messages.camera.encodings import BAYER
from gsn_perception.ros.messages.camera.encodings import MAX_PIXELS
from gsn_perception.ros.messages.camera.encodings import canonical
from gsn_perception.ros.messages.camera.encodings import layout_of

_FILES = ("JPEG", "PNG", "WEBP")  # formats whose header Pillow reads; that of TIFF is read here
_TIFF = (b"II*\0", b"MM\0*")
_VIDEO = ("h264", "h265", "hevc", "av1", "vp8", "vp9", "theora")
_ZSTD_HEAD = struct.Struct("<II?II")  # height, width, is_bigendian, step, length of the encoding's name
_MOST_BYTES = 8  # largest decoded pixel: four channels of 16 bits


@dataclass(frozen=True, slots=True)
class Format:
    """The parsed text of ``CompressedImage.format``: ``ENCODING; CODEC compressed TARGET``, or only a codec.

    Attributes:
        encoding: Encoding of the image before compression; empty where unknown.
        rest: The text after the semicolon.
        target: Encoding that the image was converted to before compression; empty without a conversion.
    """

    encoding: str
    rest: str
    target: str

    @classmethod
    def of(cls, text: str) -> Format:
        """Parse the text."""
        encoding, _, rest = text.partition(";")
        encoding = canonical(encoding.strip())
        if not rest and layout_of(encoding) is None:
            encoding = ""
        words = rest.split()
        target = words[2] if len(words) > 2 and words[1] == "compressed" else ""
        return cls(encoding, rest, target)


def decoded(message: CompressedImage) -> tuple[np.ndarray, str]:
    """Pixels and their encoding, which is empty where it is unknown.

    OpenCV decodes colours in BGR order. Where the image was not converted before compression, its own encoding remains:
    a Bayer mosaic stays one, and a TIFF of rgb8 is RGB. EXIF orientation is ignored, since camera_info describes the
    pixels in the order of the sensor.

    Raises:
        InputError: the data is damaged, of another format, or too large.
    """
    form = Format.of(message.format)
    pixels = decode_file(bytes(message.data), message.format)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    wide = pixels.dtype == np.uint16
    usual = {1: "mono16" if wide else "mono8", 3: "bgr16" if wide else "bgr8", 4: "bgra16" if wide else "bgra8"}
    converted = form.target.startswith(("bgr", "mono"))
    if form.encoding in BAYER and channels == 1 and not converted:
        return pixels, form.encoding if wide else form.encoding.replace("16", "8")
    layout = layout_of(form.encoding)
    as_it_was = layout is not None and layout[1] == channels and layout[0].itemsize == pixels.dtype.itemsize
    if as_it_was and not converted and (channels == 1 or "tiff" in form.rest or form.encoding[0].isdigit()):
        return pixels.view(layout[0]) if layout is not None else pixels, form.encoding
    if channels == 1 and form.encoding[:1].isdigit() and form.encoding != "8UC1":
        return pixels, form.encoding  # depth or labels, in any conversion
    known = pixels.dtype in (np.uint8, np.uint16) and not (wide and channels == 1 and not form.encoding)
    return pixels, usual.get(channels, "") if known else ""


def decode_file(data: bytes, label: str) -> np.ndarray:
    """Pixels as decoded by OpenCV; the size is checked in the file's header before memory is allocated.

    Raises:
        InputError: the data is damaged, of another format, or too large.
    """
    video = next((name for name in _VIDEO if name in label.lower()), "")
    if video:
        raise InputError(f"the compressed image is a {video} video stream; publish JPEG or PNG pictures")
    if not data:
        raise InputError(
            f"the compressed image ({label[:60]!r}) is empty: its publisher can't compress that encoding; "
            "publish png instead of jpeg, or the raw image"
        )
    damaged = f"the compressed image ({label[:60]!r}, {len(data)} bytes) is damaged or no JPEG, PNG, WebP or TIFF"
    try:
        width, height, size = _tiff_size(data) if data[:4] in _TIFF else _size(data)
    except (UnidentifiedImageError, Pillow.DecompressionBombError, *_DAMAGE):
        raise InputError(damaged) from None
    if not 0 < width * height <= MAX_PIXELS or not 0 < size <= _MOST_BYTES:
        raise InputError(
            f"the compressed image is {width}x{height} with {size} bytes a pixel, more than {MAX_PIXELS} pixels of "
            f"{_MOST_BYTES}; publish a smaller one"
        )
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.shape[:2] != (height, width):
        raise InputError(damaged)
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def unpacked(message: CompressedImage) -> Image:
    """The image in a message of zstd_image_transport: 17 bytes, the encoding, and the pixels in gzip (not Zstandard).

    Raises:
        InputError: the data is cut or damaged, or its size is too large.
    """
    data = bytes(message.data)
    damaged = InputError(
        f"the zstd image ({len(data)} bytes) is cut or damaged; check that its publisher and topic match"
    )
    if len(data) < _ZSTD_HEAD.size:
        raise damaged
    height, width, big, step, length = _ZSTD_HEAD.unpack_from(data)
    if height * step > MAX_PIXELS * _MOST_BYTES or height * width > MAX_PIXELS:
        raise InputError(f"the zstd image is {width}x{height}, more than {MAX_PIXELS} pixels; publish a smaller one")
    begin = _ZSTD_HEAD.size + length
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # the header tells gzip or zlib
    try:
        encoding = data[_ZSTD_HEAD.size : begin].decode("ascii")
        pixels = stream.decompress(data[begin:], 3 * height * step + 1)  # nv24 has three planes of `step`
    except (zlib.error, UnicodeDecodeError):
        raise damaged from None
    if not stream.eof:
        raise damaged
    return Image(
        header=message.header,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=int(big),
        step=step,
        data=array("B", pixels),
    )


_DAMAGE = (OSError, ValueError, SyntaxError, struct.error, KeyError, TypeError, IndexError)


def _size(data: bytes) -> tuple[int, int, int]:
    """Width, height, and an upper bound of the bytes per pixel."""
    with Pillow.open(io.BytesIO(data), formats=_FILES) as head:
        return *head.size, _MOST_BYTES


def _tiff_size(data: bytes) -> tuple[int, int, int]:
    """Width, height and bytes per pixel of the first image in a TIFF, by its tags: Pillow can't open 16 bit RGB."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    found = {258: 1, 277: 1}  # bits of a sample, samples of a pixel
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", data, entry)
        code = "H" if kind == 3 else "I"
        place = entry + 8
        if values * struct.calcsize(code) > 4:  # the values are at an offset
            (place,) = struct.unpack_from(f"{order}I", data, place)
        if tag in (256, 257, 258, 277):
            found[tag] = struct.unpack_from(order + code, data, place)[0]
    return found[256], found[257], -(-found[258] * found[277] // 8)
