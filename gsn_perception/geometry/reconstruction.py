"""The output of the pipeline: ``Reconstruction`` or ``Refusal`` of each object, and ``Points`` (a point cloud)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Literal

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.mesh import Mesh
from gsn_perception.geometry.observation import Plane
from gsn_perception.geometry.remark import Remark

if TYPE_CHECKING:
    from gsn_perception.geometry.gaussians import Gaussians

ScaleSource = Literal["depth", "support_plane", "size_hint", "views", "unit"]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A surface point cloud in the camera frame.

    Attributes:
        xyz: [P,3] float32 metres.
        colors: [P,3] float32 RGB in [0, 1].
        normals: [P,3] float32 unit, outwards.
        confidence: [P] float32: 1 observed by the camera ... 0 completed by the network.
    """

    xyz: np.ndarray
    colors: np.ndarray
    normals: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.xyz)


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """One object, in metres, in the camera's optical frame.

    Attributes:
        label: Its value in the mask.
        gaussians: The splat.
        mesh: Watertight, coloured.
        points: The mesh's surface and the observed depth points.
        T_camera_object: [4,4] rigid pose of the normalised frame's centre (roll of the virtual camera).
        scale: Metres per normalised unit.
        scale_sigma: One standard deviation of the scale, metres per unit; NaN where it is unknown.
        scale_source: The measurement that fixed the scale.
        support_plane: The support plane that was used, or None.
        quality: Named figures, e.g. silhouette IoU and depth residual against the observation.
        timings: Seconds per stage.
        remarks: Doubts about the frame or this object; ``quality`` has ``remark.<code>`` = 1 for each.
    """

    label: int
    gaussians: Gaussians
    mesh: Mesh
    points: Points
    T_camera_object: np.ndarray
    scale: float
    scale_sigma: float
    scale_source: ScaleSource
    support_plane: Plane | None = None
    quality: Mapping[str, float] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that could not be reconstructed; other objects of the frame are not affected.

    Attributes:
        label: Its value in the mask.
        reason: One sentence for the user.
        remarks: Doubts about the frame or this object, besides the reason.
    """

    label: int
    reason: str
    remarks: tuple[Remark, ...] = ()


def merge_points(parts: Sequence[Points]) -> Points:
    """Several point clouds concatenated."""
    if not parts:
        raise InputError("nothing to merge: give at least one point cloud")
    xyz, colors, normals, confidence = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("xyz", "colors", "normals", "confidence")
    )
    return Points(xyz, colors, normals, confidence)
