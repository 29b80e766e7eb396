"""Reads and writes ``grasps.json``: ranked grasps with the pose convention.

The file is one object::

    {"format": "gsn_perception/grasps", "version": 1,
     "frame_id": "camera_color_optical_frame", "stamp": 0 (nanoseconds), "unit": "m",
     "convention": "... how to read a pose ...",
     "grasps": [{"T_frame_tcp": [[4x4]], "position": [x, y, z],
                 "quaternion_xyzw": [..], "quaternion_wxyz": [..],
                 "width": m, "closed_width": m (0: unknown), "score": 0..1, "label": 1,
                 "source": "mesh" or "extruded"}, ...]}     # best first
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.grasp import Grasp
from gsn_perception.geometry.grasp import GraspSource
from gsn_perception.geometry.transforms import quat_from_matrix
from gsn_perception.io.atomic import atomic_write

FORMAT = "gsn_perception/grasps"
CONVENTION = (
    "T_frame_tcp maps TCP coordinates to frame_id; the origin is the tool centre point midway between the fingertips, "
    "z = approach (towards the object), y = closing direction, x = y cross z; width is the opening between the finger "
    "pads before closing, closed_width the one that touches the object; score is in [0, 1]; best first"
)


@dataclass(frozen=True, slots=True)
class GraspFile:
    """Content of a grasps.json.

    Attributes:
        grasps: Best first.
        frame_id: The frame of the poses.
        stamp: Nanoseconds.
    """

    grasps: list[Grasp]
    frame_id: str
    stamp: int


def write_grasps_json(path: str | Path, grasps: Sequence[Grasp], *, frame_id: str = "", stamp: int = 0) -> None:
    """Write grasps, best first.

    Args:
        path: File name.
        grasps: In the frame ``frame_id``, metres.
        frame_id: Name of the frame.
        stamp: Nanoseconds of the image they came from.
    """
    content = {
        "format": FORMAT,
        "version": 1,
        "frame_id": frame_id,
        "stamp": int(stamp),
        "unit": "m",
        "convention": CONVENTION,
        "grasps": [_entry(grasp) for grasp in grasps],
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_grasps_json(path: str | Path) -> GraspFile:
    """Read grasps; the pose is taken from ``T_frame_tcp``.

    Raises:
        InputError: the file is missing, no JSON, or of another format.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read grasps {path} ({reason}); check the path") from None
    except ValueError:
        raise InputError(f"grasps {path} is not JSON; write it again with gsn grasp") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT or content.get("version") != 1:
        raise InputError(f"grasps {path} is not a {FORMAT} file of version 1; write it again with gsn grasp")
    try:
        grasps = [_grasp(entry) for entry in content["grasps"]]
        return GraspFile(grasps, str(content["frame_id"]), int(content["stamp"]))
    except (KeyError, TypeError, ValueError):
        raise InputError(f"grasps {path} is damaged; write it again with gsn grasp") from None


def _entry(grasp: Grasp) -> dict:
    pose = np.asarray(grasp.T_frame_tcp, dtype=np.float64)
    wxyz = quat_from_matrix(pose[:3, :3])
    return {
        "T_frame_tcp": pose.tolist(),
        "position": pose[:3, 3].tolist(),
        "quaternion_xyzw": wxyz[[1, 2, 3, 0]].tolist(),
        "quaternion_wxyz": wxyz.tolist(),
        "width": float(grasp.width),
        "closed_width": float(grasp.closed_width),
        "score": float(grasp.score),
        "label": int(grasp.label),
        "source": grasp.source,
    }


def _grasp(entry: dict) -> Grasp:
    pose = np.array(entry["T_frame_tcp"], dtype=np.float64)
    if pose.shape != (4, 4):
        raise ValueError("pose")
    source: GraspSource = "extruded" if entry.get("source") == "extruded" else "mesh"
    closed = float(entry.get("closed_width", 0.0))
    return Grasp(pose, float(entry["width"]), float(entry["score"]), int(entry["label"]), source, closed)
