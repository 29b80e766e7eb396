"""Grasps as an ``isaac_grasp`` file (YAML, format version 1.0), which Isaac Sim's Grasp Editor and GraspGen read.

One file is about one gripper and one object::

    format: isaac_grasp
    format_version: 1.0
    object_frame: camera_color_optical_frame
    gripper_frame: panda_hand
    grasps:
      grasp_0:                                            # best first
        confidence: 0.91                                  # our score
        position: [x, y, z]                               # gripper_frame in object_frame, metres
        orientation: {w: 1.0, xyz: [0.0, 0.0, 0.0]}
        cspace_position: {panda_finger_joint1: 0.012}     # once closed on the object
        pregrasp_cspace_position: {panda_finger_joint1: 0.02}

The object's frame is that of its mesh as it lies beside the file. The gripper's frame is the gripper file's
``hand.frame``, ``tcp_offset`` behind our TCP and turned by ``hand.yaw``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gsn_perception.geometry import Grasp
from gsn_perception.geometry.transforms import quat_from_matrix
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.io.atomic import atomic_write

_DIGITS = 7  # a tenth of a micrometre


def write_isaac_grasp(path: str | Path, grasps: Sequence[Grasp], gripper: Gripper, *, object_frame: str = "") -> None:
    """Write the grasps of one object, best first.

    Args:
        path: File name.
        grasps: In the frame of the object's mesh, metres.
        gripper: They were planned for.
        object_frame: A name for people; readers take the mesh's axes.

    Raises:
        InputError: the file cannot be written.
    """
    content = {
        "format": "isaac_grasp",
        "format_version": 1.0,
        "object_frame": object_frame or "object",
        "gripper_frame": gripper.hand_frame,
        "grasps": {f"grasp_{index}": _entry(grasp, gripper) for index, grasp in enumerate(grasps)},
    }
    with atomic_write(path) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120))


def _entry(grasp: Grasp, gripper: Gripper) -> dict[str, Any]:
    hand = grasp.T_frame_tcp @ gripper.T_tcp_hand
    w, *xyz = _rounded(quat_from_matrix(hand[:3, :3]))
    return {
        "confidence": round(float(grasp.score), _DIGITS),
        "position": _rounded(hand[:3, 3]),
        "orientation": {"w": w, "xyz": xyz},
        "cspace_position": _joints(gripper, grasp.closed_width),
        "pregrasp_cspace_position": _joints(gripper, grasp.width),
    }


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), _DIGITS) + 0.0 for value in values]  # + 0.0: no -0.0


def _joints(gripper: Gripper, width: float) -> dict[str, float]:
    return {name: round(position, _DIGITS) for name, position in gripper.joint_positions(width).items()}
