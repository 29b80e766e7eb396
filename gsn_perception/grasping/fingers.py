"""The joints of a gripper's fingers, and where they stand at an opening."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np

from gsn_perception.geometry import InputError


@dataclass(frozen=True, slots=True)
class FingerJoint:
    """A joint that follows the opening linearly.

    Attributes:
        name: In the robot's description.
        closed: Position where the pads meet; metres or radians.
        per_metre: Change of the position with the opening.
    """

    name: str
    closed: float
    per_metre: float

    def position(self, width: float) -> float:
        """At an opening between the pads (metres)."""
        return self.closed + self.per_metre * width


def read_joints(values: Mapping[str, Any], max_width: float, source: str) -> tuple[FingerJoint, ...]:
    """The joints of a gripper file: ``{name: {open: at max_width, closed: at 0}}``; none where there is no such key.

    Raises:
        InputError: an entry lacks a number.
    """
    entries = values.get("joints") or {}
    wrong = InputError(
        f"gripper {source}: joints must name joints, each with its position open (at max_width) and closed, "
        "in metres or radians"
    )
    if not isinstance(entries, Mapping):
        raise wrong
    joints = []
    for name, ends in entries.items():
        try:
            opened, closed = float(ends["open"]), float(ends["closed"])
        except (KeyError, TypeError, ValueError):
            raise wrong from None
        if not np.isfinite([opened, closed]).all() or opened == closed:
            raise wrong
        joints.append(FingerJoint(str(name), closed, (opened - closed) / max_width))
    return tuple(joints)


def renamed(joints: Sequence[FingerJoint], names: Sequence[str], gripper: str) -> tuple[FingerJoint, ...]:
    """The joints under other names; where there are none, prismatic ones that share the opening.

    Raises:
        InputError: there are not as many names as joints.
    """
    if not joints:
        return tuple(FingerJoint(name, 0.0, 1 / len(names)) for name in names)
    if len(names) != len(joints):
        listed = ", ".join(joint.name for joint in joints)
        raise InputError(f"{gripper} has {len(joints)} finger joints ({listed}); give as many names, not {len(names)}")
    return tuple(replace(joint, name=name) for joint, name in zip(joints, names, strict=True))
