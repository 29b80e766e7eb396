"""The surface branch: splats and clouds to watertight meshes."""

from __future__ import annotations

import importlib
from typing import Any

from gsn_perception.surface.field import DisplacementField
from gsn_perception.surface.field import Field
from gsn_perception.surface.field import GaussianField
from gsn_perception.surface.mise import Lattice
from gsn_perception.surface.mise import mise
from gsn_perception.surface.settings import SolidSettings
from gsn_perception.surface.views import DepthView

_LAZY = {
    "ImplicitShape": "gsn_perception.surface.shape",
    "closed_mesh": "gsn_perception.surface.shape",
    "fit_level": "gsn_perception.surface.fit",
    "gaussian_solid_mesh": "gsn_perception.surface.skin",
}
__all__ = [  # noqa: PLE0604
    "DepthView",
    "DisplacementField",
    "Field",
    "GaussianField",
    "Lattice",
    "SolidSettings",
    "mise",
    *_LAZY,
]


def __getattr__(name: str) -> Any:
    """Import what needs marching cubes at first use: a bare machine trains the networks of this package."""
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
