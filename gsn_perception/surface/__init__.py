"""Surface reconstruction: splats and point clouds to watertight meshes, by implicit fields."""

from __future__ import annotations

from gsn_perception.late import late_names
from gsn_perception.surface.extraction.mise import Lattice
from gsn_perception.surface.extraction.mise import mise
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.fields.field import DisplacementField
from gsn_perception.surface.fields.field import Field
from gsn_perception.surface.fields.field import GaussianField
from gsn_perception.surface.solid.settings import SolidSettings

_LATE = {
    "ImplicitShape": "gsn_perception.surface.extraction.implicit_shape",
    "closed_mesh": "gsn_perception.surface.extraction.implicit_shape",
    "fit_level": "gsn_perception.surface.solid.fit",
    "gaussian_solid_mesh": "gsn_perception.surface.solid.solid_mesh",
}
__all__ = [  # noqa: PLE0604
    "DepthView",
    "DisplacementField",
    "Field",
    "GaussianField",
    "Lattice",
    "SolidSettings",
    "mise",
    *_LATE,
]
__getattr__ = late_names(__name__, _LATE)  # what needs marching cubes: training needs only the networks of this package
