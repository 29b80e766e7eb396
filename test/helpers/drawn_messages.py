"""Messages as drivers encode them, written from the encodings' definitions and not with the module under test."""

from __future__ import annotations

import gzip
import io
import struct
from array import array
from types import SimpleNamespace

import cv2
import numpy as np
from PIL import Image as Pillow
from rvl_encoder import encode
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

HEIGHT, WIDTH = 48, 64
COLOURS = np.array([[(220, 30, 30), (30, 60, 220)], [(40, 200, 90), (230, 220, 60)]], np.uint8)
RGB = COLOURS.repeat(HEIGHT // 2, 0).repeat(WIDTH // 2, 1)  # four quarters, each of one colour
GREY = (np.arange(HEIGHT)[:, None] * 2 + np.arange(WIDTH) * 2).astype(np.uint8)  # 0..220
CODES = {"8U": "u1", "16U": "u2", "16S": "i2", "32S": "i4", "32F": "f4", "64F": "f8"}


def raw(rows: np.ndarray, encoding: str, width: int, height: int, *, pad: int = 0, big: bool = False) -> Image:
    """Rows [R, bytes or values] with bytes behind each."""
    rows = rows.astype(rows.dtype.newbyteorder(">" if big else "<"))
    data = b"".join(row.tobytes() + b"\xaa" * pad for row in rows)
    step = len(rows[0].tobytes()) + pad
    return Image(height=height, width=width, encoding=encoding, step=step, is_bigendian=int(big), data=array("B", data))


def colour(encoding: str, quirk: str) -> Image | CompressedImage:
    """RGB (or GREY where the encoding has no colours)."""
    if encoding.startswith("zstd "):
        return zstd(colour(encoding[5:], quirk))
    if ";" in encoding or encoding in ("jpeg", "png", "webp", "h264"):
        return picture(encoding, quirk)
    if encoding.lower() in ("nv12", "nv21", "nv16", "nv61", "nv24", "nv42", "i420", "yuv420", "yv12"):
        return planes(encoding, quirk)
    pixels = pixels_of(encoding)
    if "ten_bits" in quirk:
        pixels = pixels >> 6
    item = raw(pixels, encoding, WIDTH, HEIGHT, pad=10 if "pad" in quirk else 0)
    item.is_bigendian = int("big_flag" in quirk)
    return item


def pixels_of(encoding: str) -> np.ndarray:
    """What a driver holds in memory before it sends ``encoding``."""
    wide = 257 if "16" in encoding else 1
    kind = np.uint16 if wide > 1 else np.uint8
    if encoding.startswith("bayer"):
        mosaic = np.zeros((HEIGHT, WIDTH), kind)
        for place, letter in enumerate(encoding.split("_")[1][:4]):
            row, column = divmod(place, 2)
            mosaic[row::2, column::2] = RGB[row::2, column::2, "rgb".index(letter)].astype(kind) * wide
        return mosaic
    if encoding in ("uyvy", "yuv422", "yuyv", "yuv422_yuy2"):
        y, u, v = yuv()
        pair = np.stack([u[:, ::2], v[:, ::2]], axis=-1).reshape(HEIGHT, WIDTH)
        return np.stack([pair, y] if encoding in ("uyvy", "yuv422") else [y, pair], axis=-1)
    if encoding == "32FC1":
        return GREY.astype(np.float32) / 255
    if encoding in ("mono8", "mono16", "8UC1", "16UC1"):
        return GREY.astype(kind) * wide
    order = RGB if encoding.startswith("rgb") else RGB[..., ::-1]
    if "a" in encoding or encoding.endswith("C4"):
        order = np.concatenate([order, np.full_like(order[..., :1], 255)], axis=-1)
    return order.astype(kind) * kind(wide)


def yuv() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ITU-R BT.601, luma 16..235, written from its weights."""
    r, g, b = (RGB[..., channel] / 255.0 for channel in range(3))
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    u, v = (b - luma) / 1.772, (r - luma) / 1.402
    return tuple(np.rint(x).astype(np.uint8) for x in (16 + 219 * luma, 128 + 224 * u, 128 + 224 * v))  # type: ignore[return-value]


def planes(encoding: str, quirk: str) -> Image:
    """Luma first, then the colours of every, every second or every fourth pixel."""
    y, u, v = yuv()
    name, pad = encoding.lower(), 8 if "pad" in quirk else 0
    across, down = {"nv16": (2, 1), "nv61": (2, 1), "nv24": (1, 1), "nv42": (1, 1)}.get(name, (2, 2))
    if name in ("nv21", "nv61", "nv42", "yv12"):
        u, v = v, u
    u, v = u[::down, ::across], v[::down, ::across]

    def plane(values: np.ndarray, behind: int) -> bytes:
        return b"".join(row.tobytes() + b"\xaa" * behind for row in values)

    data = plane(y, pad)
    if name.startswith("nv"):
        data += plane(np.stack([u, v], axis=-1).reshape(len(u), -1), pad * 2 // across)
    else:
        data += plane(u, pad // 2) + plane(v, pad // 2)
    height, step = HEIGHT, WIDTH + pad
    if "step_of_all" in quirk:
        step = len(data) // HEIGHT
    if "rows_of_all" in quirk:
        height = len(data) // step
    big = int("big_flag" in quirk)
    return Image(height=height, width=WIDTH, encoding=encoding, step=step, is_bigendian=big, data=array("B", data))


def picture(form: str, quirk: str) -> CompressedImage:
    """As compressed_image_transport makes it: converted to the target where one is named, else as it is in memory."""
    encoding, _, rest = form.partition(";")
    target = rest.split()[2] if len(rest.split()) > 2 else ""
    codec = rest.split()[0] if rest else encoding
    if "no_data" in quirk or codec == "h264":
        return CompressedImage(format=form, data=array("B", b"" if "no_data" in quirk else b"\0\0\0\1g"))
    if not rest:
        encoding, target = "bgr8", "bgr8"
    pixels = pixels_of(target if target not in ("", "mono8") else "mono8" if target else encoding)
    if "exif" in quirk:
        stream, turned = io.BytesIO(), Pillow.fromarray(RGB)
        tags = turned.getexif()
        tags[0x112] = 6
        turned.save(stream, "JPEG", exif=tags, quality=95)
        return CompressedImage(format=form, data=array("B", stream.getvalue()))
    return CompressedImage(format=form, data=array("B", cv2.imencode(f".{codec}", pixels)[1].tobytes()))


def polygons(labels: np.ndarray, size: tuple[int, int]) -> SimpleNamespace:
    """The outline of every label, as yolo_msgs/DetectionArray has it, of an image of ``size`` (height, width)."""
    found = []
    for label in np.unique(labels[labels > 0]):
        (outline,), _ = cv2.findContours((labels == label).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        places = (outline[:, 0] + 0.5) * (size[1] / WIDTH, size[0] / HEIGHT) - 0.5
        mask = SimpleNamespace(height=size[0], width=size[1], data=[SimpleNamespace(x=x, y=y) for x, y in places])
        found.append(SimpleNamespace(id=str(label), score=0.9, mask=mask))
    return SimpleNamespace(detections=found)


def zstd(item: Image) -> CompressedImage:
    """As zstd_image_transport packs it."""
    head = struct.pack("<II?II", item.height, item.width, item.is_bigendian, item.step, len(item.encoding))
    data = head + item.encoding.encode() + gzip.compress(bytes(item.data))
    return CompressedImage(format="zstd", data=array("B", data))


def metres() -> np.ndarray:
    """Depth [H,W] with a hole."""
    depth = np.linspace(0.4, 1.2, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    depth = np.round(depth, 3)
    depth[3, 4:9] = np.nan
    return depth


def depth(encoding: str, quirk: str) -> Image | CompressedImage:
    """The same depth in any encoding."""
    if encoding.startswith("zstd "):
        return zstd(depth(encoding[5:], quirk))
    name = encoding.split(";")[0]
    values = metres()
    if "infinities" in quirk:
        values = np.where(np.isnan(values), np.where(np.arange(WIDTH) % 2, np.inf, -np.inf), values)
    if "far_plane" in quirk:
        values = np.where(np.isnan(values), 50.0, values)
    if "millimetres" in quirk:
        values = values * 1000
    if name.startswith(("32F", "64F")):
        values = values.astype(CODES[name[:3]])
    else:
        values = np.rint(np.nan_to_num(values) * 1000).astype("i2" if "S" in name else "u2")
        if "S" in name:
            values[values == 0] = -1
    if ";" not in encoding and "packed" not in quirk and encoding != "png":
        return raw(values, encoding, WIDTH, HEIGHT, pad=12 if "pad" in quirk else 0)
    if "jpeg" in encoding:
        values = (values // 256).astype(np.uint8)
    suffix = ".jpg" if "jpeg" in encoding else ".tiff" if "tiff" in encoding else ".png"
    head = b""
    if "compressedDepth" in encoding or "packed" in quirk:
        a, b = 100.0 * 101.0, 1 - 100.0 * 101.0 / 10.0
        head = struct.pack("<iff", 0, a, b)
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), 0, np.nan_to_num(a / values + b)).astype(np.uint16)
    packed = encode(values) if "rvl" in encoding else cv2.imencode(suffix, values)[1].tobytes()
    data = (b"" if "no_header" in quirk else head) + packed
    return CompressedImage(format=encoding, data=array("B", data))
