"""``ViewEvidence``: what the other views of a scene say about one object of the reference view."""

from __future__ import annotations

from dataclasses import dataclass

from gsn_perception.geometry import Remark
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.sculpted import ALONE
from gsn_perception.gsn.sculpted import OtherViews


@dataclass(frozen=True, slots=True, eq=False)
class ViewEvidence:
    """What other views say about an object.

    Attributes:
        scale: Replaces the scale by the reference view alone; None keeps that.
        others: Free space and measured points.
        remarks: Doubts about the views.
    """

    scale: Scale | None = None
    others: OtherViews = ALONE
    remarks: tuple[Remark, ...] = ()


NO_EVIDENCE = ViewEvidence()
