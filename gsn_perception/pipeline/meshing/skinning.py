"""One object after the network: metric scale, support, then its skin (the watertight mesh) and surface points."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.geometry import Remark
from gsn_perception.geometry.remark import merged
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.plane_scale.model import PlaneError
from gsn_perception.gsn.plane_scale.model import PlaneScaleModel
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.scale import reconcile_scales
from gsn_perception.gsn.scale import scale_from_depth
from gsn_perception.gsn.scale import scale_from_plane
from gsn_perception.gsn.scale import scale_from_size
from gsn_perception.gsn.sculpted import Sculpted
from gsn_perception.gsn.visibility import SplatRendering
from gsn_perception.gsn.visibility import VisibilityModel
from gsn_perception.gsn.visibility import confidence
from gsn_perception.gsn.visibility import quality
from gsn_perception.gsn.visibility import render_splat
from gsn_perception.pipeline.fusion.evidence import NO_EVIDENCE
from gsn_perception.pipeline.fusion.evidence import ViewEvidence
from gsn_perception.pipeline.inputs.support import plane_beside_hint
from gsn_perception.pipeline.meshing.mesher import Mesher
from gsn_perception.pipeline.meshing.object_support import object_support
from gsn_perception.pipeline.meshing.object_support import with_support
from gsn_perception.pipeline.meshing.result_plausibility import hint_remarks
from gsn_perception.pipeline.meshing.result_plausibility import mesh_remarks
from gsn_perception.pipeline.meshing.result_plausibility import scale_remarks
from gsn_perception.pipeline.settings import ReconstructorSettings
from gsn_perception.rendering.cpu.pool import parallel_ranges
from gsn_perception.surface.solid.ground_splat import grounded_splat
from gsn_perception.surface.solid.points import surface_points
from gsn_perception.surface.watertight.strictly_closed import strictly_closed

_COARSER = (1.0, 0.9, 0.8, 0.7)  # of the grid resolution, tried until the mesh is strictly closed


class Clock:
    """Seconds per stage."""

    def __init__(self, times: Mapping[str, float]) -> None:
        self.times = dict(times)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the duration of the ``with`` block to the stage."""
        began = time.perf_counter()
        yield
        self.times[stage] = self.times.get(stage, 0.0) + time.perf_counter() - began


def metric_splat(
    observation: Observation,
    label: int,
    crop: Crop,
    splat: Gaussians,
    settings: ReconstructorSettings,
    clock: Clock,
    rule: VisibilityModel | None = None,
    remarks: tuple[Remark, ...] = (),
    *,
    plane_trusted: bool = False,
    plane_scale: PlaneScaleModel | None = None,
    evidence: ViewEvidence = NO_EVIDENCE,
) -> Sculpted | Refusal:
    """The network's splat in metres with its support, or a refusal where nothing fixes the scale.

    ``plane_trusted``: the frame's plane supports every object. ``plane_scale``: the learned scale from the plane; without
    it the splat's lower end is put onto the plane. ``evidence``: of other views of the scene.
    """
    remarks = merged(remarks, evidence.remarks)
    try:
        with clock("scale"):
            seen = render_splat(splat, crop.view)
            scale = evidence.scale or metric_scale(observation, crop, splat, seen, settings, plane_scale)
            splat = replace(splat, confidence=confidence(splat, crop, seen, scale, rule))
            gaussians = _trimmed(splat, settings).transform(crop.view.similarity(scale.value))
            has_depth = observation.depth is not None
            size = scale_remarks(scale, gaussians, has_depth=has_depth, max_extent=settings.max_extent)
            if scale.source == "depth" and observation.size_hint is not None:
                hinted = scale_from_size(splat, observation.size_hint, crop.view, crop.alpha)
                size = merged(size, hint_remarks(scale, hinted, observation.size_hint))
    except InputError as error:
        return Refusal(label, str(error), merged(observation.remarks, remarks))
    item = Sculpted(
        label, crop, splat, gaussians, seen, scale, clock.times, merged(remarks, size), others=evidence.others
    )
    with clock("support"):
        observation, dropped = plane_beside_hint(observation, gaussians, scale)
        item = replace(item, remarks=merged(item.remarks, dropped))
        item = with_support(item, observation, plane_trusted=plane_trusted)
        support = object_support(item)
        if support is not None:
            ended = grounded_splat(_trimmed(splat, settings), support)
            item = replace(item, gaussians=ended.transform(crop.view.similarity(scale.value)))
    return replace(item, timings=clock.times)


def metric_mesh(item: Sculpted, settings: ReconstructorSettings, mesher: Mesher) -> Mesh:
    """The mesh in metres, camera frame, strictly closed.

    The transform to the camera frame rounds the vertices once more, and faces that nearly touch may cross then. The mesh
    is then extracted again on a coarser grid.

    Raises:
        InputError: the field or the splat is empty.
    """
    to_camera = item.crop.view.similarity(item.scale.value)
    for share in _COARSER:
        resolution = max(int(share * settings.mesh_resolution), 16)
        made, clean = mesher(item, resolution=resolution, max_triangles=settings.mesh_max_triangles)
        mesh = made.transform(to_camera)
        if clean or strictly_closed(mesh):
            break
    return mesh


def skinned_all(
    found: Sequence[Sculpted | Refusal],
    observation: Observation,
    settings: ReconstructorSettings,
    mesher: Mesher,
    wanted: Callable[[], bool],
) -> list[Reconstruction | Refusal]:
    """Reconstructions with skins, in the order of the items; the objects share the cores.

    Once ``wanted`` returns False, the remaining objects are refused.
    """
    outcomes: list[Reconstruction | Refusal] = [
        Refusal(item.label, "superseded: no subscriber or request needs this result") for item in found
    ]

    def work(begin: int, end: int) -> None:
        for index in range(begin, end):
            item = found[index]
            if isinstance(item, Refusal):
                outcomes[index] = item
            elif wanted():
                outcomes[index] = skinned(item, observation, settings, mesher)

    parallel_ranges(work, len(found))
    return outcomes


def skinned(
    item: Sculpted, observation: Observation, settings: ReconstructorSettings, mesher: Mesher
) -> Reconstruction | Refusal:
    """The reconstruction with mesh and points, or a refusal where the splat has no skin. Thread-safe."""
    clock, crop, scale = Clock(item.timings), item.crop, item.scale
    try:
        with clock("skin"):
            mesh = metric_mesh(item, settings, mesher)
        with clock("points"):
            stands_on = replace(observation, support_plane=item.support)
            points = surface_points(mesh, stands_on, item.label, count=settings.points, seed=settings.seed)
    except InputError as error:
        return Refusal(item.label, str(error), merged(observation.remarks, item.remarks))
    short = (
        ()
        if observation.mask is None
        else mesh_remarks(mesh.vertices, observation.camera, observation.mask == item.label)
    )
    remarks = merged(observation.remarks, merged(item.remarks, short))
    figures = quality(crop, item.seen, scale)
    return Reconstruction(
        label=item.label,
        gaussians=item.gaussians,
        mesh=mesh,
        points=points,
        T_camera_object=crop.view.pose(scale.value),
        scale=scale.value,
        scale_sigma=scale.sigma,
        scale_source=scale.source,
        support_plane=item.support,
        quality={**figures, **{f"remark.{remark.code}": 1.0 for remark in remarks}},
        timings=clock.times,
        remarks=remarks,
    )


def metric_scale(
    observation: Observation,
    crop: Crop,
    splat: Gaussians,
    seen: SplatRendering,
    settings: ReconstructorSettings,
    plane_scale: PlaneScaleModel | None = None,
) -> Scale:
    """The scale from depth, else from a size hint, else from the support plane; unit scale only when asked for.

    A plane that agrees with the hint is several times more certain; both are averaged by their certainty.

    Raises:
        InputError: nothing fixes the scale.
    """
    reason = "nothing fixes the metric scale: give depth, a support plane or a size hint, or ask for unit_scale"
    if crop.depth is not None:
        try:
            return scale_from_depth(seen.depth, seen.alpha, crop.depth, crop.alpha)
        except InputError as error:
            reason = str(error)
    plane = observation.support_plane

    def standing(plane: Plane) -> Scale:
        if plane_scale is None:
            return scale_from_plane(splat, crop.view, plane)
        error = PlaneError(settings.plane_offset_error, math.radians(settings.plane_tilt_error))
        return plane_scale(splat, crop, seen, plane, error)

    if observation.size_hint is not None:
        hinted = scale_from_size(splat, observation.size_hint, crop.view, crop.alpha)
        if plane is None:
            return hinted
        try:
            return reconcile_scales(hinted, standing(plane))
        except InputError:  # seen at a grazing angle, or not below the object
            return hinted
    if plane is not None:
        return standing(plane)
    if settings.unit_scale:
        return Scale(1.0, float("nan"), "unit")
    raise InputError(reason)


def _trimmed(splat: Gaussians, settings: ReconstructorSettings) -> Gaussians:
    splat = splat.select(splat.opacities >= settings.opacity_threshold)
    limit = settings.max_gaussians
    return splat.select(splat.opacities.topk(limit).indices) if 0 < limit < len(splat) else splat
