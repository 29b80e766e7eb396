"""Parallel-jaw grippers described by boxes in a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping.fingers import FingerJoint
from gsn_perception.grasping.fingers import read_joints
from gsn_perception.grasping.fingers import renamed


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
    """A checked gripper from YAML text; mesh files are relative to ``folder``."""
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
    gripper = Gripper(
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
