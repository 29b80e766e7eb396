"""Reads and writes ``pose.json``: where the camera of a frame was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.transforms import split_similarity
from gsn_perception.io.atomic import atomic_write

_KEY = "T_reference_camera"
_FORM = f'write {{"{_KEY}": [[..], [..], [..], [0, 0, 0, 1]]}}, metres'


def read_pose(path: str | Path) -> tuple[np.ndarray, dict[str, float]]:
    """The pose [4,4] of a ``pose.json`` and its errors where the file names them.

    The file has ``T_reference_camera``: the rigid pose of the camera's optical frame (x right, y down, z forward), metres, in
    one frame that all views share. It may have ``position_error`` (metres) and ``rotation_error`` (radians), the standard
    deviations per axis. Other keys are ignored.

    Raises:
        InputError: the file is missing, no JSON, lacks the pose, or the pose is not rigid.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read pose file {path} ({reason}); {_FORM}") from None
    except ValueError:
        raise InputError(f"pose file {path} is not JSON; {_FORM}") from None
    if not isinstance(content, dict) or _KEY not in content:
        raise InputError(f"pose file {path} lacks {_KEY}; {_FORM}")
    try:
        pose = np.array(content[_KEY], dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"pose file {path}: {_KEY} must be four rows of four numbers; {_FORM}") from None
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise InputError(f"pose file {path}: {_KEY} must be four rows of four finite numbers; {_FORM}")
    try:
        scale = split_similarity(pose)[2]
    except InputError as error:
        raise InputError(f"pose file {path}: {error}") from None
    if abs(scale - 1) > 1e-3:
        raise InputError(f"pose file {path}: the pose scales by {scale:.3g}; {_FORM}")
    return pose, {
        name: _error(path, name, content[name]) for name in ("position_error", "rotation_error") if name in content
    }


def write_pose(path: str | Path, T_reference_camera: np.ndarray, **errors: float) -> None:
    """Write a ``pose.json``; ``errors`` are ``position_error`` (metres) and ``rotation_error`` (radians)."""
    content = {_KEY: np.asarray(T_reference_camera).tolist(), **errors}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def _error(path: str | Path, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise InputError(f"pose file {path}: {name} must be a number that is not negative")
    return float(value)
