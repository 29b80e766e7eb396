"""gsn_perception: one image in; Gaussians, point cloud, watertight mesh and ranked grasps out.

Frames: everything is in metres in the camera's optical frame (x right, y down, z forward).
"""

from __future__ import annotations

import os

from gsn_perception.late import late_names

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
    "PosedView": "gsn_perception.pipeline",
    "Reconstructor": "gsn_perception.pipeline",
    "GraspPlanner": "gsn_perception.grasping",
    "Gripper": "gsn_perception.grasping",
}
__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604

if not os.access(os.path.dirname(__file__), os.W_OK):  # numba could keep no compiled kernels here
    from gsn_perception.kernel_cache import use_kernel_cache

    use_kernel_cache()

__getattr__ = late_names(__name__, _PUBLIC)  # so that ``--help`` and launch files stay light
