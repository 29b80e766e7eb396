"""Parallel-jaw grippers described by boxes in a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping.fingers import FingerJoint
from gsn_perception.grasping.fingers import renamed
from gsn_perception.grasping.gripper_file import Box
from gsn_perception.grasping.gripper_file import gripper_values


@dataclass(frozen=True, slots=True, eq=False)
class Gripper:
    """A parallel-jaw gripper in its grasp frame: origin at the TCP, z = approach, y = closing, x = y cross z.

    Attributes:
        name: As in the YAML file.
        max_width: Opening between the pads, fully open, metres.
        min_width: Width of the thinnest object it can hold, metres.
        fingers: Boxes of the finger at +y with y measured from its pad; the other finger is mirrored.
        palm: Boxes that do not move with the opening.
        pad_width: Of the pads along x, metres.
        pad_back: Length of the pads behind the TCP along z, metres.
        pad_front: Length of the pads in front of it, metres.
        tcp_offset: From the mounting flange to the TCP along z, metres; for the robot's driver, not for planning.
        max_force: Newton.
        description: One line for users.
        joints: Of the fingers; empty where the file names none.
        hand_frame: The link that the robot's description mounts the gripper by, at the flange.
        hand_yaw: Its rotation about z relative to the grasp frame, degrees.
    """

    name: str
    max_width: float
    min_width: float
    fingers: tuple[Box, ...]
    palm: tuple[Box, ...]
    pad_width: float
    pad_back: float
    pad_front: float
    tcp_offset: float
    max_force: float
    description: str = ""
    joints: tuple[FingerJoint, ...] = ()
    hand_frame: str = "hand"
    hand_yaw: float = 0.0

    @classmethod
    def named(cls, name: str) -> Gripper:
        """One of the shipped grippers, see :func:`gripper_names`.

        Raises:
            InputError: there is none of that name.
        """
        if name not in gripper_names():
            raise InputError(f"no gripper named '{name}'; use one of {', '.join(gripper_names())} or a YAML file")
        return _parse(_folder().joinpath(f"{name}.yaml").read_text(), f"{name}.yaml", Path(str(_folder())))

    @classmethod
    def load(cls, path: str | Path) -> Gripper:
        """A gripper from a YAML file with the layout of the shipped ones.

        Raises:
            InputError: the file is missing or is not YAML, or a value is missing or out of range.
        """
        try:
            text = Path(path).read_text()
        except (OSError, UnicodeDecodeError):
            raise InputError(f"cannot read the gripper file {path}; give a YAML file or a shipped name") from None
        return _parse(text, str(path), Path(path).resolve().parent)

    def with_joints(self, names: Sequence[str]) -> Gripper:
        """The same with other names of its joints; see :func:`~gsn_perception.grasping.fingers.renamed`."""
        return replace(self, joints=renamed(self.joints, names, self.name))

    def joint_positions(self, width: float) -> dict[str, float]:
        """Position by joint (metres or radians) at an opening between the pads, metres."""
        return {joint.name: joint.position(width) for joint in self.joints}

    @property
    def T_tcp_hand(self) -> np.ndarray:
        """[4,4] pose of ``hand_frame`` in the grasp frame, metres: behind the TCP, turned about the approach."""
        angle = np.radians(self.hand_yaw)
        rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        return make_transform(rotation, np.array([0.0, 0.0, -self.tcp_offset]))

    @property
    def finger_depth(self) -> float:
        """Distance of the TCP from the palm, metres."""
        return float(-max(box.bounds[1, 2] for box in self.palm))

    @property
    def tip(self) -> float:
        """Length of the fingertips in front of the TCP, metres."""
        return float(max(box.bounds[1, 2] for box in self.fingers))

    @property
    def reach(self) -> float:
        """Radius around the TCP that contains the whole open gripper, metres."""
        farthest = np.abs(self.boxes(np.array([self.max_width]))).max(axis=2)  # [1, B, 3]
        return float(np.linalg.norm(farthest, axis=-1).max())

    def boxes(self, widths: np.ndarray, *, swept: float = 0.0) -> np.ndarray:
        """Lower and upper corners [P,B,2,3] of all boxes at the openings ``widths`` [P] (metres).

        Args:
            widths: Openings between the pads.
            swept: Length of a straight approach along z; the boxes then enclose the swept volume.
        """
        half = np.asarray(widths, dtype=np.float64)[:, None] / 2
        parts = []
        for box in self.fingers:
            lower, upper = np.repeat(box.bounds[None], len(half), axis=0).transpose(1, 0, 2)
            lower[:, 1:2] += half
            upper[:, 1:2] += half
            mirror = np.array([1.0, -1.0, 1.0])
            parts.append(np.stack([lower, upper], axis=1))
            near, far = lower * mirror, upper * mirror
            parts.append(np.stack([np.minimum(near, far), np.maximum(near, far)], axis=1))
        parts += [np.repeat(box.bounds[None], len(half), axis=0) for box in self.palm]
        boxes = np.stack(parts, axis=1)
        boxes[:, :, 0, 2] -= swept
        return boxes


def gripper_names() -> tuple[str, ...]:
    """Names of the shipped grippers."""
    return tuple(sorted(f.name[:-5] for f in _folder().iterdir() if f.name.endswith(".yaml")))


def _folder() -> Any:
    return resources.files("gsn_perception.grasping") / "grippers"


def _parse(text: str, source: str, folder: Path) -> Gripper:
    gripper = Gripper(**gripper_values(text, source, folder))
    _check(gripper, source)
    return gripper


def _check(gripper: Gripper, source: str) -> None:
    """Check the boxes and widths against each other."""
    if gripper.min_width >= gripper.max_width:
        raise InputError(f"gripper {source}: min_width is not below max_width; give both in metres")
    if any(box.bounds[0, 1] < -1e-6 for box in gripper.fingers):
        raise InputError(f"gripper {source}: a finger box crosses its pad (y < 0); count y from the pad outwards")
    if gripper.tip <= 0:
        raise InputError(f"gripper {source}: no finger reaches past the TCP (z > 0); put the TCP between the pads")
    if gripper.finger_depth <= 0:
        raise InputError(f"gripper {source}: the palm reaches past the TCP; its boxes must end at z < 0")
