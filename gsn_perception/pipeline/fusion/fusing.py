"""``ViewFusion``: the part of a Reconstructor that fuses several views of a scene."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.plane_scale.model import PlaneScaleModel
from gsn_perception.gsn.sculpted import Sculpted
from gsn_perception.pipeline.fusion.evidence import ViewEvidence
from gsn_perception.pipeline.fusion.gathering import gather
from gsn_perception.pipeline.fusion.gathering import prepare_others
from gsn_perception.pipeline.fusion.posed_view import PosedView
from gsn_perception.pipeline.fusion.posed_view import relative_poses
from gsn_perception.pipeline.inputs.prepared_frame import PreparedFrame
from gsn_perception.pipeline.meshing.mesher import Mesher
from gsn_perception.pipeline.meshing.skinning import skinned_all
from gsn_perception.pipeline.settings import ReconstructorSettings

OtherViewsOf = Callable[[PreparedFrame, Mapping[int, Gaussians]], Mapping[int, ViewEvidence]]
"""From the prepared reference view and its normalised splats to the evidence of other views, by label."""


class SingleViews(Protocol):
    """What fusion needs of the pipeline of single frames."""

    settings: ReconstructorSettings
    mesher: Mesher
    plane_scale: PlaneScaleModel | None

    def prepare(self, observation: Observation) -> PreparedFrame:
        """See Reconstructor."""
        ...

    def infer(self, crops: Sequence[Crop]) -> list[Gaussians]:
        """See Reconstructor."""
        ...

    def _sculpted(
        self, observation: Observation, prepared: PreparedFrame, views: OtherViewsOf | None = None
    ) -> list[Sculpted | Refusal]: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Gathering:
    """The evidence of other views, once the reference view has its splats."""

    pipeline: SingleViews
    views: Sequence[PosedView]
    poses: Sequence[np.ndarray]
    reference: int

    def __call__(self, prepared: PreparedFrame, splats: Mapping[int, Gaussians]) -> Mapping[int, ViewEvidence]:
        others, remarks = prepare_others(self.views, self.poses, self.reference, self.pipeline.prepare)
        pipeline = self.pipeline
        return gather(prepared, splats, others, remarks, pipeline.infer, pipeline.settings, pipeline.plane_scale)


def fused_splats(
    pipeline: SingleViews,
    views: Sequence[PosedView],
    reference: int = -1,
    on_prepared: Callable[[PreparedFrame], None] = lambda prepared: None,
) -> tuple[PreparedFrame, list[Sculpted | Refusal]]:
    """The prepared reference view and its objects before their meshes; see :meth:`ViewFusion.fuse`.

    Raises:
        InputError: as there.
    """
    poses = relative_poses(views, reference)
    observation = views[reference].observation
    prepared = pipeline.prepare(observation)
    on_prepared(prepared)
    gathering = _Gathering(pipeline, views, poses, reference % len(views)) if len(views) > 1 else None
    return prepared, pipeline._sculpted(observation, prepared, gathering)


class ViewFusion:
    """Adds :meth:`fuse` to a pipeline of single frames."""

    def fuse(
        self: SingleViews,
        views: Sequence[PosedView],
        *,
        reference: int = -1,
        on_splats: Callable[[Mapping[int, Gaussians]], None] = lambda splats: None,
        on_prepared: Callable[[PreparedFrame], None] = lambda prepared: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Reconstruction | Refusal]:
        """Every object of the reference view, from all views of a scene that did not move; largest first.

        Without depth the metric scale comes from the camera's motion, joined with the support plane or the size hint by their
        uncertainties, and the silhouettes of all views carve the mesh. With depth, the measured points and the free space of
        all views make the mesh. What contradicts its pose is not used, and remarked. One view alone is a single frame.

        Args:
            views: Frames with poses; those without a mask are segmented like single frames.
            reference: Index of the view whose objects, labels and camera frame the results have; the last by default.
            on_splats: Called once with label to metric splat, before the meshes.
            on_prepared: Called once with the prepared reference view.
            wanted: Called before every mesh; once it returns False, the remaining objects are refused.

        Raises:
            InputError: there is no view, no such reference, or the reference view as a whole cannot be used.
        """
        prepared, found = fused_splats(self, views, reference, on_prepared)
        on_splats({item.label: item.gaussians for item in found if isinstance(item, Sculpted)})
        return skinned_all(found, prepared.observation, self.settings, self.mesher, wanted)
