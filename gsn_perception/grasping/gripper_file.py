"""The values of a gripper's YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gsn_perception.geometry import InputError
from gsn_perception.grasping.fingers import read_joints


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """An axis-aligned box of the grasp frame.

    Attributes:
        center: [3] metres.
        size: [3] full edge lengths, metres.
    """

    center: np.ndarray
    size: np.ndarray

    @property
    def bounds(self) -> np.ndarray:
        """[2,3] lower and upper corner, metres."""
        return np.stack([self.center - self.size / 2, self.center + self.size / 2])


def gripper_values(text: str, source: str, folder: Path) -> dict[str, Any]:
    """The fields of a :class:`~gsn_perception.grasping.gripper.Gripper` from YAML text.

    Args:
        text: YAML.
        source: Name of the file, for messages.
        folder: Folder that mesh files are relative to.

    Raises:
        InputError: it is not YAML, or a value is missing or out of range.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"the gripper file {source} is not YAML; compare it with a shipped one") from None
    if not isinstance(values, Mapping):
        raise InputError(f"the gripper file {source} has no named values; compare it with a shipped one")
    given = values.get("pad")
    pad: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    max_width = _positive(values, "max_width", source)
    frame, yaw = _hand(values, source)
    return dict(
        name=str(values.get("name", Path(source).stem)),
        max_width=max_width,
        min_width=_positive(values, "min_width", source),
        fingers=_boxes(values, "fingers", source, folder),
        palm=_boxes(values, "palm", source, folder),
        pad_width=_positive(pad, "width", source, "pad."),
        pad_back=_positive(pad, "back", source, "pad."),
        pad_front=_positive(pad, "front", source, "pad."),
        tcp_offset=_positive(values, "tcp_offset", source),
        max_force=_positive(values, "max_force", source),
        description=str(values.get("description", "")),
        joints=read_joints(values, max_width, source),
        hand_frame=frame,
        hand_yaw=yaw,
    )


def _hand(values: Mapping[str, Any], source: str) -> tuple[str, float]:
    """Name and yaw (degrees) of the link the gripper is mounted by."""
    hand = values.get("hand") or {}
    yaw = hand.get("yaw", 0.0) if isinstance(hand, Mapping) else None
    if isinstance(yaw, bool) or not isinstance(yaw, int | float) or not np.isfinite(yaw):
        raise InputError(f"gripper {source}: hand must be like {{frame: panda_hand, yaw: 0}}, yaw in degrees about z")
    return str(hand.get("frame", "hand")), float(yaw)


def _positive(values: Mapping[str, Any], key: str, source: str, prefix: str = "") -> float:
    """A finite value > 0."""
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value) or value <= 0:
        raise InputError(f"gripper {source}: {prefix}{key} is {value!r}; give a positive number in SI units")
    return float(value)


def _boxes(values: Mapping[str, Any], key: str, source: str, folder: Path) -> tuple[Box, ...]:
    """A non-empty list of boxes, given as boxes or as collision meshes."""
    wrong = InputError(
        f"gripper {source}: {key} must list boxes, each with center [x, y, z] and size [x, y, z] > 0 in m, "
        "or collision meshes, each with mesh (a file) and cell > 0 in m"
    )
    entries = values.get(key)
    if not isinstance(entries, list) or not entries:
        raise wrong
    boxes: list[Box] = []
    for entry in entries:
        if isinstance(entry, Mapping) and "mesh" in entry:
            boxes += _covering(entry, source, folder)
            continue
        try:
            center, size = (np.array(entry[k], dtype=np.float64) for k in ("center", "size"))
        except (KeyError, TypeError, ValueError):
            raise wrong from None
        if center.shape != (3,) or size.shape != (3,) or not np.isfinite([center, size]).all() or (size <= 0).any():
            raise wrong
        boxes.append(Box(center, size))
    return tuple(boxes)


def _covering(entry: Mapping[str, Any], source: str, folder: Path) -> list[Box]:
    """Boxes that cover a collision mesh in the grasp frame."""
    from gsn_perception.grasping.gripper_mesh import covering_boxes
    from gsn_perception.io.meshes import METRES
    from gsn_perception.io.meshes import read_mesh

    cell = _positive(entry, "cell", source, "mesh ")
    unit = entry.get("unit")
    if unit not in (None, *METRES):
        raise InputError(f"gripper {source}: the unit of a mesh is {unit!r}; choose one of {', '.join(METRES)}")
    try:
        corners = covering_boxes(read_mesh(folder / str(entry["mesh"]), unit=unit), cell)
    except InputError as error:
        raise InputError(f"gripper {source}: {error}") from None
    return [Box((low + high) / 2, high - low) for low, high in corners]
