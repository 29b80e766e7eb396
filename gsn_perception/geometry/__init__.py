"""Values and coordinate frames: cameras, observations, Gaussian splats, meshes, grasps, the object-centred view."""

from gsn_perception.geometry.camera import Camera
from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.grasp import Grasp
from gsn_perception.geometry.mesh import Mesh
from gsn_perception.geometry.object_view import ObjectView
from gsn_perception.geometry.observation import Observation
from gsn_perception.geometry.observation import Plane
from gsn_perception.geometry.reconstruction import Points
from gsn_perception.geometry.reconstruction import Reconstruction
from gsn_perception.geometry.reconstruction import Refusal
from gsn_perception.geometry.remark import Remark

__all__ = [
    "Camera",
    "Gaussians",
    "Grasp",
    "InputError",
    "Mesh",
    "ObjectView",
    "Observation",
    "Plane",
    "Points",
    "Reconstruction",
    "Refusal",
    "Remark",
]
