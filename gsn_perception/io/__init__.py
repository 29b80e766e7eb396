"""Reads and writes files: images, cameras, splats, meshes, grasps, checkpoints; outputs are written atomically."""

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
