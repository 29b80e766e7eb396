"""``Sculpted``: one object after the network and scale, before meshing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.observation import Plane
from gsn_perception.geometry.remark import Remark
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.visibility import SplatRendering

if TYPE_CHECKING:
    from gsn_perception.surface.fields.depth_views import DepthView


@dataclass(frozen=True, slots=True, eq=False)
class OtherViews:
    """What further views of the object saw, in the normalised frame.

    Attributes:
        carving: Free space and, with depth, surfaces.
        measured: The measured points alone, for learned fields.
    """

    carving: tuple[DepthView, ...] = ()
    measured: tuple[DepthView, ...] = ()


ALONE = OtherViews()
"""Of a single frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Sculpted:
    """An object with its metric splat, before meshing.

    Attributes:
        label: Its value in the mask.
        crop: The network's input.
        splat: In the normalised frame, with confidence.
        gaussians: The splat in metres, in the camera's optical frame, trimmed according to the settings.
        seen: The splat rendered in the input view.
        scale: Metres per normalised unit.
        timings: Seconds per stage so far.
        remarks: Doubts about this object so far.
        support: The support plane, camera frame, metres; None if unknown.
        stands: Whether the object touches that plane; False if the camera saw a gap between them.
        others: What further views saw; empty for a single frame.
    """

    label: int
    crop: Crop
    splat: Gaussians
    gaussians: Gaussians
    seen: SplatRendering
    scale: Scale
    timings: Mapping[str, float]
    remarks: tuple[Remark, ...] = ()
    support: Plane | None = None
    stands: bool = True
    others: OtherViews = ALONE
