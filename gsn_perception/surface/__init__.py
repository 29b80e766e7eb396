"""The surface branch: splats to watertight meshes."""

from gsn_perception.surface.field import Field
from gsn_perception.surface.field import GaussianField
from gsn_perception.surface.fit import fit_level
from gsn_perception.surface.mise import Lattice
from gsn_perception.surface.mise import mise
from gsn_perception.surface.settings import SolidSettings
from gsn_perception.surface.skin import gaussian_solid_mesh
from gsn_perception.surface.views import DepthView

__all__ = [
    "DepthView",
    "Field",
    "GaussianField",
    "Lattice",
    "SolidSettings",
    "fit_level",
    "gaussian_solid_mesh",
    "mise",
]
