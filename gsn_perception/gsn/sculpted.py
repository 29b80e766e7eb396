"""An object between the network and its mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.observation import Plane
from gsn_perception.geometry.remark import Remark
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.visibility import SplatRendering


@dataclass(frozen=True, slots=True, eq=False)
class Sculpted:
    """An object with its metric splat, before the skin.

    Attributes:
        label: Its value in the mask.
        crop: What the network saw.
        splat: In the normalised frame, with confidence.
        gaussians: The same in metres, in the camera's optical frame, trimmed as the settings ask.
        seen: The splat in the input view.
        scale: Metres per normalised unit.
        timings: Seconds per stage so far.
        remarks: What is doubtful about this object so far.
        support: The plane under it, camera frame, metres; None where it is not known.
        stands: Whether it reaches that plane; False where the camera saw between them.
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
