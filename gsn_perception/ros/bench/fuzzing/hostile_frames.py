"""Random hostile camera messages: any values that the message types can carry, seeded."""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

from gsn_perception.geometry import Camera
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.camera.camera_info import from_camera
from gsn_perception.ros.messages.headers import make_header

WIDTH, HEIGHT = 64, 48
Rng = np.random.Generator
_ENCODINGS = (
    *("rgb8", "bgr8", "rgba8", "bgra8", "mono8", "8UC1", "8UC3", "8SC1", "rgb16", "mono16", "16UC1", "16SC1", "32SC1"),
    *(
        "32FC1",
        "64FC1",
        "bayer_rggb8",
        "bayer_gbrg16",
        "yuv422",
        "yuyv",
        "uyvy",
        "yuv422_yuy2",
        "nv21",
        "nv24",
        "YUV420",
        "8UC4",
        "",
        "RGB8",
        "\0",
    ),
    *("32FC1; compressedDepth png", "x" * 300, "йцу"),
)
_BYTES = (  # encodings and bytes a pixel
    *(("bayer_rggb8", 1), ("yuyv", 2), ("uyvy", 2), ("nv16", 2), ("nv24", 3), ("rgb16", 6), ("rgba8", 4)),
    *(("mono16", 2), ("32FC1", 4)),
)
_SIZES = (0, 1, 2, WIDTH - 1, WIDTH + 1, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
_NUMBERS = (0.0, -0.0, 1.0, -1.0, 1e-300, 1e38, 1e300, -1e300, float("nan"), float("inf"), float("-inf"))
_MODELS = ("plumb_bob", "rational_polynomial", "equidistant", "fisheye", "", "thin_prism", "kannala", "\0", "y" * 200)
_FRAMES = ("cam", "cam", "cam", "cam", "other", "", "/cam", "z" * 500, "🎥")


def frame_messages(rng: Rng) -> dict[str, Any]:
    """Messages of one frame with a few random faults, in random order, sometimes with some missing."""
    stamp = int(rng.integers(1, 5)) * 10**8 + int(rng.integers(0, 3)) * 10**7
    header = make_header(stamp, "cam")
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    disc = ((u - 30) ** 2 + (v - 24) ** 2 < 150).astype(np.uint8) * rng.integers(1, 256, dtype=np.uint8)
    made: dict[str, Any] = {
        "camera_info": from_camera(Camera.from_fov(1.0, WIDTH, HEIGHT), header),
        "depth": images.from_depth(np.where(disc > 0, 0.5, 0.6).astype(np.float32), header),
        "mask": images.from_mask(disc, header),
        "image": images.from_rgb(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), header),
    }
    for _ in range(rng.integers(0, 4)):
        name = str(rng.choice(list(made)))
        faults = _INFO_FAULTS if name == "camera_info" else _IMAGE_FAULTS
        made[name] = _pick(rng, faults)(rng, name, made[name])
    names = [name for name in rng.permutation(list(made)) if rng.random() > 0.03]
    return {str(name): made[str(name)] for name in names}


def _pick(rng: Rng, among: Any) -> Any:
    return among[int(rng.integers(len(among)))]


def _number(rng: Rng) -> float:
    return float(_pick(rng, _NUMBERS)) if rng.random() < 0.6 else float(rng.normal() * 10.0 ** rng.integers(-3, 6))


def _bytes(rng: Rng, most: int = 4000) -> bytes:
    return rng.bytes(int(rng.integers(0, most)))


def _header(rng: Rng, name: str, message: Any) -> Any:
    if rng.random() < 0.5:
        message.header.stamp.sec = int(_pick(rng, (-(2**31), -1, 0, 1, 2, 10**6, 2**31 - 1)))
    if rng.random() < 0.5:
        message.header.stamp.nanosec = int(_pick(rng, (0, 1, 10**9 - 1, 10**9, 2**32 - 1)))
    message.header.frame_id = _pick(rng, _FRAMES).replace("\0", "")
    return message


def _encoding(rng: Rng, name: str, message: Any) -> Any:
    if isinstance(message, Image):
        message.encoding = _pick(rng, _ENCODINGS).replace("\0", "?")
    else:
        message.format = _pick(rng, _ENCODINGS).replace("\0", "?")
    return message


def _size(rng: Rng, name: str, message: Any) -> Any:
    if isinstance(message, Image):
        for field in rng.choice(["width", "height", "step"], size=rng.integers(1, 4), replace=False):
            setattr(message, str(field), int(_pick(rng, _SIZES)))
        if rng.random() < 0.3:  # consistent size and step, but not with the data
            message.step = min(message.width * 3, 2**32 - 1)
    return message


def _length(rng: Rng, name: str, message: Any) -> Any:
    data = bytes(message.data)
    cut = int(rng.integers(0, len(data) + 1))
    message.data = array("B", data[:cut] if rng.random() < 0.6 else data + _bytes(rng))
    return message


def _byte_order(rng: Rng, name: str, message: Any) -> Any:
    if isinstance(message, Image):
        message.is_bigendian = int(rng.integers(0, 256))
    return message


def _padded(rng: Rng, name: str, message: Any) -> Any:
    """Rows with padding, which is valid."""
    if isinstance(message, Image) and message.height == HEIGHT and len(message.data) == message.step * HEIGHT:
        rows = np.frombuffer(message.data, np.uint8).reshape(HEIGHT, -1)
        wide = np.concatenate([rows, rng.integers(0, 256, (HEIGHT, rng.integers(1, 40)), dtype=np.uint8)], axis=1)
        message.data, message.step = array("B", wide.tobytes()), wide.shape[1]
    return message


def _values(rng: Rng, name: str, message: Any) -> Any:
    """Valid shapes with hostile contents: NaN and infinite depth, labels up to 65535."""
    shape = (HEIGHT, WIDTH)
    if name == "depth":
        depth = rng.choice(np.array([*_NUMBERS, 0.5, 0.6, 3e-39]).astype(np.float64), size=shape)
        with np.errstate(over="ignore"):
            return images.from_depth(depth.astype(np.float32), message.header)
    if name == "mask":
        kind = rng.integers(3)
        labels = rng.integers(0, 65536, shape) if kind == 0 else np.full(shape, rng.integers(0, 65536))
        if kind == 2:  # blocks: many labels, each of them large enough
            labels = (np.arange(HEIGHT)[:, None] // 12 * 16 + np.arange(WIDTH) // 13) * 997 % 65536
        return images.from_mask(labels.astype(np.uint16), message.header)
    encoding, size = _pick(rng, _BYTES)
    data = array("B", rng.bytes(WIDTH * HEIGHT * size))
    return Image(header=message.header, width=WIDTH, height=HEIGHT, encoding=encoding, step=WIDTH * size, data=data)


def _compressed(rng: Rng, name: str, message: Any) -> Any:
    if name == "mask":  # masks are Images only
        return message
    pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    kind = _pick(rng, ("jpg", "png", "tiff", "bomb", "noise", "depth", "rvl", "zstd"))
    data = {
        "jpg": lambda: cv2.imencode(".jpg", pixels)[1].tobytes(),
        "png": lambda: cv2.imencode(".png", pixels)[1].tobytes(),
        "tiff": lambda: cv2.imencode(".tiff", pixels)[1].tobytes(),
        "zstd": lambda: _packed(rng),
        "bomb": lambda: _bomb(rng),
        "noise": lambda: _pick(rng, (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"")) + _bytes(rng),
        "depth": lambda: (
            struct.pack("<iff", 0, _f32(rng), _f32(rng))
            + cv2.imencode(".png", rng.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16))[1].tobytes()
        ),
        "rvl": lambda: (
            struct.pack("<iff", 0, 1.0, 1.0)
            + struct.pack("<II", *(_pick(rng, (WIDTH, HEIGHT, 0, 1, 2**15, 2**32 - 1)) for _ in range(2)))
            + _bytes(rng)
        ),
    }[kind]()
    if rng.random() < 0.5 and data:  # with some wrong bytes
        broken = bytearray(data)
        for _ in range(rng.integers(1, 20)):
            broken[int(rng.integers(len(broken)))] = int(rng.integers(256))
        data = bytes(broken)
    label = _pick(
        rng,
        (
            *("jpeg", "png", "rgb8; jpeg compressed bgr8", "16UC1; compressedDepth png", "32FC1; compressedDepth"),
            *("16UC1; compressedDepth rvl", "bayer_rggb8; png compressed ", "rgb8; tiff compressed ", "zstd", "zstd"),
        ),
    )
    return CompressedImage(header=message.header, format=label, data=array("B", data))


def _f32(rng: Rng) -> float:
    return float(np.clip(np.nan_to_num(_number(rng), nan=0.0, posinf=3e38, neginf=-3e38), -3e38, 3e38))


def _packed(rng: Rng) -> bytes:
    """An image packed as by zstd_image_transport, sometimes with more or fewer pixels than announced."""
    width, height = (int(_pick(rng, (WIDTH, WIDTH, HEIGHT, 0, 2**16, 2**32 - 1))) for _ in range(2))
    encoding = str(_pick(rng, ("rgb8", "32FC1", "nv21", "nonsense"))).encode()
    head = struct.pack("<II?II", height, width, False, min(4 * width, 2**32 - 1), len(encoding))
    return head + encoding + zlib.compress(bytes(int(_pick(rng, (0, 4 * WIDTH * HEIGHT, 4 * WIDTH * WIDTH, 10**7)))))


def _bomb(rng: Rng) -> bytes:
    """A small PNG file whose header announces a huge image."""
    width, height = (int(_pick(rng, (2**15, 2**16, 2**20, 2**31 - 1))) for _ in range(2))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def _info_matrices(rng: Rng, name: str, info: CameraInfo) -> CameraInfo:
    for field, length in (("k", 9), ("p", 12), ("r", 9)):
        if rng.random() < 0.5:
            values = np.array(getattr(info, field), dtype=np.float64)
            for index in rng.integers(0, length, rng.integers(1, 4)):
                values[index] = _number(rng)
            setattr(info, field, values)
    return info


def _info_distortion(rng: Rng, name: str, info: CameraInfo) -> CameraInfo:
    info.distortion_model = _pick(rng, _MODELS).replace("\0", "?")
    small = rng.random() < 0.5
    info.d = [float(rng.normal() * 0.1) if small else _number(rng) for _ in range(rng.integers(0, 20))]
    return info


def _info_window(rng: Rng, name: str, info: CameraInfo) -> CameraInfo:
    for owner, field in ((info, "width"), (info, "height"), (info, "binning_x"), (info, "binning_y")):
        if rng.random() < 0.3:
            setattr(owner, field, int(_pick(rng, (*_SIZES, 3, 4))))
    for field in ("x_offset", "y_offset", "width", "height"):
        if rng.random() < 0.3:
            setattr(info.roi, field, int(_pick(rng, _SIZES)))
    return info


_Fault = Callable[[Rng, str, Any], Any]
_IMAGE_FAULTS: tuple[_Fault, ...] = (
    *(_header, _encoding, _size, _length, _byte_order, _padded, _values, _values, _compressed),
)
_INFO_FAULTS: tuple[_Fault, ...] = (_header, _info_matrices, _info_distortion, _info_window)
