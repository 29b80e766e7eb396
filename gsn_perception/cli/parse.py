"""Parsers of option values: support plane and its error, region of interest, gripper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane

if TYPE_CHECKING:
    from gsn_perception.grasping import Gripper


def parse_plane(text: str | None) -> Plane | None:
    """The plane of ``nx,ny,nz,d`` (normal . x + d = 0, metres); None for None.

    Raises:
        InputError: not four numbers, or a zero normal.
    """
    if text is None:
        return None
    nx, ny, nz, offset = _numbers(text, 4, "--support-plane", "nx,ny,nz,d")
    return Plane([nx, ny, nz], offset)  # type: ignore[arg-type]


def parse_plane_error(text: str | None) -> tuple[float, float]:
    """Metres and degrees of ``mm,deg``; zeros for None.

    Raises:
        InputError: not two numbers, or a negative one.
    """
    if text is None:
        return 0.0, 0.0
    offset, tilt = _numbers(text, 2, "--plane-error", "mm,deg")
    if min(offset, tilt) < 0:
        raise InputError(f"--plane-error {text} is negative; give standard deviations in millimetres and degrees")
    return offset / 1000, tilt


def parse_roi(text: str | None) -> tuple[int, int, int, int] | None:
    """The rectangle of ``x,y,w,h`` in pixels; None for None.

    Raises:
        InputError: not four whole numbers.
    """
    if text is None:
        return None
    values = _numbers(text, 4, "--roi", "x,y,w,h")
    if any(value != int(value) for value in values):
        raise InputError(f"--roi {text} is not in whole pixels; give x,y,w,h")
    x, y, w, h = (int(value) for value in values)
    return x, y, w, h


def choose_gripper(text: str) -> Gripper:
    """A shipped gripper by name, or one from a YAML file.

    Raises:
        InputError: the gripper does not exist, or its file is invalid.
    """
    from gsn_perception.grasping import Gripper

    return Gripper.load(text) if text.endswith((".yaml", ".yml")) else Gripper.named(text)


def _numbers(text: str, count: int, option: str, form: str) -> list[float]:
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(abs(value) < float("inf") for value in values):
        raise InputError(f"{option} {text} is not {count} numbers; give {form}")
    return values
