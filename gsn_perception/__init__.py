"""gsn_perception: one image in; Gaussians, point cloud, watertight mesh and ranked grasps out.

Frames: everything is in metres in the camera's optical frame (x right, y down, z forward).
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Camera": "gsn_perception.geometry",
    "Gaussians": "gsn_perception.geometry",
    "Grasp": "gsn_perception.geometry",
    "InputError": "gsn_perception.geometry",
    "Mesh": "gsn_perception.geometry",
    "Observation": "gsn_perception.geometry",
    "Plane": "gsn_perception.geometry",
    "Reconstruction": "gsn_perception.geometry",
    "Refusal": "gsn_perception.geometry",
    "Remark": "gsn_perception.geometry",
    "Reconstructor": "gsn_perception.pipeline",
    "GraspPlanner": "gsn_perception.grasping",
    "Gripper": "gsn_perception.grasping",
}
__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Import public names at first use, so that ``--help`` and launch files stay light."""
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
