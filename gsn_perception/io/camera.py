"""Reads and writes ``camera.json``: the intrinsics of an image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gsn_perception.geometry.camera import Camera
from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.remark import Remark
from gsn_perception.geometry.remark import note
from gsn_perception.io.atomic import atomic_write

_DISTORTION = ("d", "dist", "distortion", "distortion_coefficients", "dist_coeffs", "coeffs")


def read_camera(path: str | Path, remarks: list[Remark] | None = None) -> Camera:
    """The camera of a ``camera.json`` with ``width``, ``height`` and ``K`` (3x3, pixel centres at integers).

    Other keys are ignored. 0.5 is added to the principal point here, once: see :class:`Camera`.

    Args:
        path: The file.
        remarks: List that gets a remark if the file has distortion, which a pinhole camera can't represent.

    Raises:
        InputError: the file is missing, no JSON, lacks a key, or its K is unusable.
    """
    content = _load(Path(path))
    missing = [key for key in ("width", "height", "K") if key not in content]
    if missing:
        raise InputError(f"camera file {path} lacks {', '.join(missing)}; it needs width, height and K (3x3)")
    width, height = content["width"], content["height"]
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in (width, height)):
        raise InputError(f"camera file {path}: width and height must be whole numbers of pixels")
    try:
        K = np.array(content["K"], dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"camera file {path}: K must be three rows of three numbers") from None
    if K.shape != (3, 3):
        raise InputError(f"camera file {path}: K has shape {K.shape}; it must be three rows of three numbers")
    try:
        camera = Camera.from_integer_centres(K, width, height)
    except InputError as error:
        raise InputError(f"camera file {path}: {error}") from None
    if any(_has_numbers(value) for key, value in content.items() if key.lower() in _DISTORTION):
        note(
            remarks,
            "distortion_ignored",
            f"camera file {path} holds distortion, which was left out: the image must be rectified already; undistort it "
            "and give the new K, or take the distortion out of the file",
        )
    return camera


def _has_numbers(value: object) -> bool:
    """Whether a list, or a mapping by name, holds a number that is not zero."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(_has_numbers(item) for item in value)
    return isinstance(value, int | float) and value != 0


def write_camera(path: str | Path, camera: Camera) -> None:
    """Write a ``camera.json``; the pose is not part of it."""
    content = {"width": camera.width, "height": camera.height, "K": camera.integer_centre_K.tolist()}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def _load(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read camera file {path} ({reason}); check the path") from None
    except ValueError:
        raise InputError(f'camera file {path} is not JSON; write {{"width": .., "height": .., "K": [[..]]}}') from None
    if not isinstance(content, dict):
        raise InputError(f'camera file {path} is not a JSON object; write {{"width": .., "height": .., "K": [[..]]}}')
    return content
