"""Result of one frame of the reconstruction node, and the messages of its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from geometry_msgs.msg import PolygonStamped
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.geometry import Remark
from gsn_perception.geometry.remark import merged
from gsn_perception.geometry.transforms import split_similarity
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.ros import interface
from gsn_perception.ros.messages import meshes
from gsn_perception.ros.messages import plane
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.points import points_to_cloud

if TYPE_CHECKING:
    from gsn_perception.geometry import Gaussians


@dataclass(frozen=True, slots=True, eq=False)
class SplatResult:
    """The Gaussians of one frame, published long before its meshes.

    Attributes:
        header: The input image's stamp, the frame of the results.
        gaussians: Label to splat.
    """

    header: Header
    gaussians: Mapping[int, Gaussians] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there are no Gaussians."""
        return not self.gaussians

    @classmethod
    def of(
        cls, observation: Observation, found: Mapping[int, Gaussians], T_target_camera: np.ndarray | None, target: str
    ) -> SplatResult:
        """From splats in the camera frame, transformed into the target frame when one is given."""
        T = T_target_camera
        moved = found if T is None else {label: splat.transform(T) for label, splat in found.items()}
        return cls(make_header(observation.stamp, target or observation.frame_id), moved)


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """The published result of one frame; without objects every message is empty.

    Attributes:
        header: The input image's stamp, the frame of the results.
        objects: The reconstructed objects.
        refusals: The refused objects.
        support_plane: The plane used, in the frame of the results.
        observation: The input, or None (deactivation).
        T_target_camera: [4,4].
        failure: Why the whole frame failed, or empty.
        remarks: Doubts about the frame or its objects, each once.
        ids: Label to the object's id, which is stable over frames.
    """

    header: Header
    objects: tuple[Reconstruction, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    support_plane: Plane | None = None
    observation: Observation | None = None
    T_target_camera: np.ndarray = field(default_factory=lambda: np.eye(4))
    failure: str = ""
    remarks: tuple[Remark, ...] = ()
    ids: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        observation: Observation,
        outcomes: Sequence[Reconstruction | Refusal],
        *,
        T_target_camera: np.ndarray | None = None,
        target_frame: str = "",
        failure: str = "",
    ) -> FrameResult:
        """From the pipeline's outcomes, transformed into the target frame when one is given."""
        objects = [o for o in outcomes if isinstance(o, Reconstruction)]
        common = [o for o in objects if "remark.other_level" not in o.quality] or objects
        planes = [o.support_plane for o in common if o.support_plane is not None]
        used = planes[0] if planes else observation.support_plane
        T = np.eye(4) if T_target_camera is None else T_target_camera
        if T_target_camera is not None:
            objects = [moved(o, T) for o in objects]
            used = None if used is None else used.transform(T)
        return cls(
            header=make_header(observation.stamp, target_frame or observation.frame_id),
            objects=tuple(objects),
            refusals=tuple(o for o in outcomes if isinstance(o, Refusal)),
            support_plane=used,
            observation=observation,
            T_target_camera=T,
            failure=failure,
            remarks=merged(observation.remarks, *(o.remarks for o in outcomes)),
        )

    def id_of(self, label: int) -> str:
        """Id of an object, by its label."""
        return self.ids.get(label, f"gsn_{label}")

    @property
    def is_empty(self) -> bool:
        """Whether no object was reconstructed."""
        return not self.objects

    @property
    def meshes(self) -> dict[int, Mesh]:
        """Mesh by label."""
        return {o.label: o.mesh for o in self.objects}

    @property
    def summary(self) -> str:
        """One sentence for a service's reply."""
        if self.failure:
            return self.failure
        refused = "; ".join(f"object {r.label} refused: {r.reason}" for r in self.refusals)
        made = ", ".join(f"{o.label} ({o.scale_source})" for o in self.objects)
        text = f"{len(self.objects)} object(s) reconstructed" + (f": {made}" if made else "")
        text = f"{text}; {refused}" if refused else text
        return "; ".join([text, *(f"remark {remark}" for remark in self.remarks)])

    def timings(self) -> dict[str, float]:
        """Seconds per stage, summed over the objects; the common segmentation counts once."""
        total: dict[str, float] = {}
        for item in self.objects:
            for stage, seconds in item.timings.items():
                total[stage] = seconds if stage == "segment" else total.get(stage, 0.0) + seconds
        return total


def gaussians_message(result: SplatResult) -> PointCloud2:
    """For the topic ``gaussians``."""
    from gsn_perception.ros.messages.gaussians import gaussians_to_cloud

    return gaussians_to_cloud(result.gaussians, result.header)


def points_message(result: FrameResult) -> PointCloud2:
    """For the topic ``points``."""
    return points_to_cloud({o.label: o.points for o in result.objects}, result.header)


def mesh_message(result: FrameResult) -> bytes:
    """For the topic ``mesh``: a serialised MarkerArray."""
    return meshes.serialised_meshes(result.meshes, result.header, ids=result.ids)


def plane_message(result: FrameResult) -> PolygonStamped:
    """For the topic ``support_plane``: a square under the objects."""
    centres = [o.mesh.vertices.mean(axis=0) for o in result.objects if len(o.mesh.vertices)]
    centre = np.mean(centres, axis=0) if centres else None
    return plane.plane_to_polygon(result.support_plane, result.header, centre=centre)


def render_message(result: FrameResult) -> Image | None:
    """For the topic ``render``: the input on the left, the splats rendered from the same camera on the right."""
    if result.observation is None:
        return None
    from gsn_perception.geometry.gaussians import cat
    from gsn_perception.rendering import render_rgba
    from gsn_perception.ros.messages.camera import images

    image, camera = result.observation.image, result.observation.camera.at(result.T_target_camera)
    seen = np.full_like(image, 255)
    if result.objects:
        splat = cat([replace(o.gaussians, confidence=None) for o in result.objects])
        rgba = np.clip(render_rgba(splat, camera), 0, 1)
        seen = np.rint(255 * (rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:])).astype(np.uint8)
    return images.from_rgb(np.concatenate([image, seen], axis=1), result.header)


CONVERTERS = {
    interface.POINTS: points_message,
    interface.MESH: mesh_message,
    interface.SUPPORT_PLANE: plane_message,
    interface.RENDER: render_message,
}
"""Output topic to the function that makes its message of a :class:`FrameResult`."""


def moved(item: Reconstruction, T: np.ndarray) -> Reconstruction:
    """A reconstruction transformed into another frame; ``T`` [4,4] rigid, target from camera."""
    rotation = split_similarity(T)[0].astype(np.float32)
    points = replace(item.points, xyz=transform_points(T, item.points.xyz), normals=item.points.normals @ rotation.T)
    used = None if item.support_plane is None else item.support_plane.transform(T)
    return replace(
        item,
        gaussians=item.gaussians.transform(T),
        mesh=item.mesh.transform(T),
        points=points,
        T_camera_object=T @ item.T_camera_object,
        support_plane=used,
    )
