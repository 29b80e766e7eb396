"""Values and coordinate frames: cameras, observations, Gaussian splats, meshes, grasps, the object-centred view.

``Gaussians`` needs torch and ``ObjectView`` OpenCV: both are imported when they are first used.
"""

from typing import TYPE_CHECKING

from gsn_perception.geometry.camera import Camera
from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.grasp import Grasp
from gsn_perception.geometry.mesh import Mesh
from gsn_perception.geometry.observation import Observation
from gsn_perception.geometry.observation import Plane
from gsn_perception.geometry.reconstruction import Points
from gsn_perception.geometry.reconstruction import Reconstruction
from gsn_perception.geometry.reconstruction import Refusal
from gsn_perception.geometry.remark import Remark
from gsn_perception.late import late_names

if TYPE_CHECKING:
    from gsn_perception.geometry.gaussians import Gaussians
    from gsn_perception.geometry.object_view import ObjectView

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
__getattr__ = late_names(
    __name__,
    {"Gaussians": "gsn_perception.geometry.gaussians", "ObjectView": "gsn_perception.geometry.object_view"},
)
