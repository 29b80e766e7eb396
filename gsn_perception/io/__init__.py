"""Reads and writes files: images, cameras, splats, meshes, grasps, checkpoints; outputs are written atomically.

The names are imported when they are first used: only splats need torch, only images OpenCV.
"""

from typing import TYPE_CHECKING

from gsn_perception.late import late_names

if TYPE_CHECKING:
    from gsn_perception.io.atomic import atomic_write
    from gsn_perception.io.atomic import output_folder
    from gsn_perception.io.camera import read_camera
    from gsn_perception.io.camera import write_camera
    from gsn_perception.io.grasps import GraspFile
    from gsn_perception.io.grasps import read_grasps_json
    from gsn_perception.io.grasps import write_grasps_json
    from gsn_perception.io.images import read_depth
    from gsn_perception.io.images import read_image
    from gsn_perception.io.images import read_mask
    from gsn_perception.io.images import write_depth
    from gsn_perception.io.images import write_image
    from gsn_perception.io.meshes import read_mesh
    from gsn_perception.io.ply import read_gaussians_ply
    from gsn_perception.io.ply import read_points_ply
    from gsn_perception.io.ply import write_gaussians_ply
    from gsn_perception.io.ply import write_mesh_ply
    from gsn_perception.io.ply import write_points_ply
    from gsn_perception.io.splat_glb import write_gaussians_glb
    from gsn_perception.io.splat_values import SplatLoss
    from gsn_perception.io.spz import write_gaussians_spz

__all__ = [
    "GraspFile",
    "SplatLoss",
    "atomic_write",
    "output_folder",
    "read_camera",
    "read_depth",
    "read_gaussians_ply",
    "read_grasps_json",
    "read_image",
    "read_mask",
    "read_mesh",
    "read_points_ply",
    "write_camera",
    "write_depth",
    "write_gaussians_glb",
    "write_gaussians_ply",
    "write_gaussians_spz",
    "write_grasps_json",
    "write_image",
    "write_mesh_ply",
    "write_points_ply",
]
__getattr__ = late_names(
    __name__,
    {
        "atomic_write": "gsn_perception.io.atomic",
        "output_folder": "gsn_perception.io.atomic",
        "read_camera": "gsn_perception.io.camera",
        "write_camera": "gsn_perception.io.camera",
        "GraspFile": "gsn_perception.io.grasps",
        "read_grasps_json": "gsn_perception.io.grasps",
        "write_grasps_json": "gsn_perception.io.grasps",
        "read_depth": "gsn_perception.io.images",
        "read_image": "gsn_perception.io.images",
        "read_mask": "gsn_perception.io.images",
        "write_depth": "gsn_perception.io.images",
        "write_image": "gsn_perception.io.images",
        "read_mesh": "gsn_perception.io.meshes",
        "read_gaussians_ply": "gsn_perception.io.ply",
        "read_points_ply": "gsn_perception.io.ply",
        "write_gaussians_ply": "gsn_perception.io.ply",
        "write_mesh_ply": "gsn_perception.io.ply",
        "write_points_ply": "gsn_perception.io.ply",
        "write_gaussians_glb": "gsn_perception.io.splat_glb",
        "SplatLoss": "gsn_perception.io.splat_values",
        "write_gaussians_spz": "gsn_perception.io.spz",
    },
)
