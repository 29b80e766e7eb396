"""Reads and writes colour, depth and mask images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.io.atomic import atomic_write


def read_image(path: str | Path) -> np.ndarray:
    """A colour image, [H,W,3] uint8 RGB, pixels as stored (no EXIF rotation: the intrinsics belong to stored pixels).

    An alpha channel is dropped.

    Raises:
        InputError: the file is missing, corrupt, grey or not 8-bit.
    """
    pixels = _decode(path, "image")
    if pixels.dtype != np.uint8:
        raise InputError(f"image {path} is {pixels.dtype}, not 8-bit; convert it to an 8-bit RGB image")
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise InputError(f"image {path} is grey; give a colour image with three 8-bit channels")
    return cv2.cvtColor(pixels[:, :, :3], cv2.COLOR_BGR2RGB)


def read_depth(path: str | Path) -> np.ndarray:
    """A depth image, [H,W] float32 metres along z, NaN where the file (16-bit millimetres) says 0.

    Raises:
        InputError: the file is missing, corrupt or not one 16-bit channel.
    """
    pixels = _decode(path, "depth image")
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        raise InputError(
            f"depth image {path} has {channels} channel(s) of {pixels.dtype}; give a 16-bit PNG in millimetres, 0 = unknown"
        )
    return np.where(pixels == 0, np.float32(np.nan), pixels * np.float32(1e-3))


def read_mask(path: str | Path) -> np.ndarray:
    """Instance labels, [H,W] uint8 or uint16: 0 = background, every other value an object.

    A colour image is accepted if its channels are equal. An image with a transparent background gives its alpha channel.
    A PNG with a colour palette gives its indices, which are the labels in many data sets.

    Raises:
        InputError: the file is missing, corrupt, coloured or of another type.
    """
    pixels = _decode(path, "mask")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(f"mask {path} is {pixels.dtype}; give 8-bit or 16-bit labels, 0 = background")
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels)
    grey = not (pixels[:, :, 1:3] != pixels[:, :, :1]).any()
    alpha = pixels[:, :, 3] if pixels.shape[2] == 4 else None
    if alpha is not None and (alpha != alpha.flat[0]).any():
        plain = not grey or (pixels[:, :, 0] == pixels.flat[0]).all()
        return np.ascontiguousarray(alpha if plain else np.where(alpha > 0, pixels[:, :, 0], 0))
    if grey:
        return np.ascontiguousarray(pixels[:, :, 0])
    indices = _palette_indices(path)
    if indices is None:
        raise InputError(f"mask {path} is a colour image; give one channel of labels, 0 = background")
    return indices


def _palette_indices(path: str | Path) -> np.ndarray | None:
    """[H,W] uint8 palette indices if the first colour of the palette is black, else None; OpenCV returns colours only."""
    from PIL import Image

    with Image.open(path) as image:
        palette = image.getpalette()
        return np.array(image) if image.mode == "P" and palette is not None and not any(palette[:3]) else None


def write_image(path: str | Path, image: np.ndarray) -> None:
    """An RGB(A) or grey image to a file, format by suffix; floats are taken as [0, 1].

    Args:
        path: File name.
        image: [H,W] or [H,W,3 or 4], uint8, uint16 or float.

    Raises:
        InputError: the path is not writable or the suffix is not of an image format.
    """
    if image.dtype.kind == "f":
        image = np.round(np.clip(np.nan_to_num(image), 0, 1) * 255).astype(np.uint8)
    if image.ndim == 3:
        order = cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        image = cv2.cvtColor(image, order)
    try:
        done, buffer = cv2.imencode(Path(path).suffix or ".png", image)
    except cv2.error:
        done = False
    if not done:
        raise InputError(f"cannot write an image named {path}; use a suffix such as .png or .jpg")
    with atomic_write(path) as temporary:
        temporary.write_bytes(buffer.tobytes())


def write_depth(path: str | Path, depth: np.ndarray) -> None:
    """Depth [H,W] in metres as a 16-bit PNG in millimetres; unknown or beyond 65.5 m becomes 0."""
    millimetres = np.round(np.nan_to_num(depth, nan=0.0, posinf=0.0, neginf=0.0) * 1000.0)
    write_image(path, np.where((millimetres < 0) | (millimetres > 65535), 0, millimetres).astype(np.uint16))


def _decode(path: str | Path, what: str) -> np.ndarray:
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read {what} {path} ({reason}); check the path") from None
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise InputError(f"{what} {path} is corrupt or not an image; save it again as PNG, a colour image also as JPEG")
    return pixels
