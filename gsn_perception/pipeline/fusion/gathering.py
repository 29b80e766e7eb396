"""Gathers what the other views say about each object of the reference view."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Remark
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.plane_scale.model import PlaneScaleModel
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.visibility import render_splat
from gsn_perception.pipeline.fusion.association import SeenObject
from gsn_perception.pipeline.fusion.association import associate
from gsn_perception.pipeline.fusion.association import seen_object
from gsn_perception.pipeline.fusion.evidence import ViewEvidence
from gsn_perception.pipeline.fusion.free_space import other_views
from gsn_perception.pipeline.fusion.look import Look
from gsn_perception.pipeline.fusion.pose_refinement import depth_disagreement
from gsn_perception.pipeline.fusion.pose_refinement import refined_pose
from gsn_perception.pipeline.fusion.posed_view import PosedView
from gsn_perception.pipeline.fusion.verdicts import judge
from gsn_perception.pipeline.fusion.view_scale import estimate
from gsn_perception.pipeline.inputs.masks import cut_by_border
from gsn_perception.pipeline.inputs.prepared_frame import PreparedFrame
from gsn_perception.pipeline.meshing.skinning import metric_scale
from gsn_perception.pipeline.settings import ReconstructorSettings

_ROOM = 1.25  # times the half-angle of the mask's cone
_WIDEST = np.deg2rad(50.0)
_APART = 0.01  # metres between the measured surfaces of one object in two views: it moved
_HIDDEN = 0.03  # share of an object's crop that may be hidden in a view that shows it whole


@dataclass(frozen=True, slots=True, eq=False)
class OtherFrame:
    """Another view, prepared.

    Attributes:
        number: Its index in the list of views.
        prepared: Its masks and crops.
        T: [4,4] ``T_reference_camera``, refined where both views have depth.
        posed: As it was given, with the errors of its pose.
    """

    number: int
    prepared: PreparedFrame
    T: np.ndarray
    posed: PosedView


def prepare_others(
    views: Sequence[PosedView],
    poses: Sequence[np.ndarray],
    reference: int,
    prepare: Callable[[Observation], PreparedFrame],
) -> tuple[list[OtherFrame], tuple[Remark, ...]]:
    """All views but the reference, and remarks on those that cannot be used."""
    found, remarks = [], []
    for number, (view, pose) in enumerate(zip(views, poses, strict=True)):
        if number == reference:
            continue
        try:
            found.append(OtherFrame(number, prepare(view.observation), pose, view))
        except InputError as error:
            remarks.append(Remark("view_unusable", f"view {number} was not used: {error}"))
    return found, tuple(remarks)


def gather(
    prepared: PreparedFrame,
    splats: Mapping[int, Gaussians],
    others: Sequence[OtherFrame],
    remarks: tuple[Remark, ...],
    infer: Callable[[Sequence[Crop]], list[Gaussians]],
    settings: ReconstructorSettings,
    plane_scale: PlaneScaleModel | None = None,
) -> Mapping[int, ViewEvidence]:
    """The evidence by label of the reference view.

    Args:
        prepared: The reference view.
        splats: Its normalised splats.
        others: The other views.
        remarks: On other views that could not be prepared; every object gets them.
        infer: From crops to normalised splats.
        settings: Of the pipeline.
        plane_scale: The learned scale from the plane.
    """
    objects = {
        label: _reference_object(prepared, label, splat, settings, plane_scale)
        for label, splat in splats.items()
        if isinstance(prepared.crops[label], Crop)
    }
    others = [_refined(prepared, other) for other in others]
    matches = {other.number: _matches(objects, other) for other in others}
    strangers = [other for other in others if objects and other.prepared.crops and not matches[other.number]]
    remarks += tuple(_unmatched(other) for other in strangers)
    crops = {
        (o.number, k): c
        for o in others
        for k in matches[o.number].values()
        if isinstance(c := o.prepared.crops[k], Crop)
    }
    sculpted = dict(zip(crops, infer(list(crops.values())), strict=True)) if crops else {}
    evidence = {}
    for label, item in objects.items():
        seen = [(o, matches[o.number][label]) for o in others if label in matches[o.number]]
        looks = [(o, k, _look(o, k, sculpted.get((o.number, k)))) for o, k in seen]
        found = _evidence(prepared, item, looks)
        evidence[label] = replace(found, remarks=(*remarks, *found.remarks))
    return evidence


@dataclass(frozen=True, slots=True, eq=False)
class _ReferenceObject:
    seen: SeenObject
    look: Look
    prior: Scale | None


def _reference_object(
    prepared: PreparedFrame,
    label: int,
    splat: Gaussians,
    settings: ReconstructorSettings,
    plane_scale: PlaneScaleModel | None,
) -> _ReferenceObject:
    observation, crop = prepared.observation, prepared.crops[label]
    assert isinstance(crop, Crop)
    try:
        seen = render_splat(splat, crop.view)
        prior: Scale | None = metric_scale(observation, crop, splat, seen, settings, plane_scale)
    except InputError:
        prior = None
    if prior is not None and prior.source == "unit":
        prior = None
    shown = seen_object(observation, label, crop.view, whole=_is_whole(observation, label, crop))
    if prior is not None:
        spread = prior.sigma / prior.value
        shown = replace(shown, log_distance=(float(np.log(prior.value * crop.view.distance)), spread))
    wide = _wide_crop(observation, label, crop.view)
    return _ReferenceObject(shown, Look(crop.view, splat, wide, shown.whole, np.eye(4)), prior)


def _refined(prepared: PreparedFrame, other: OtherFrame) -> OtherFrame:
    posed, own = other.posed, prepared.observation
    T = refined_pose(own, other.prepared.observation, other.T, posed.position_error, posed.rotation_error)
    return replace(other, T=T)


def _matches(objects: Mapping[int, _ReferenceObject], other: OtherFrame) -> Mapping[int, int]:
    """Label in the reference view to the label in the other view."""
    observation = other.prepared.observation
    there = []
    for label in other.prepared.crops:
        view = _object_view(observation, label)
        if view is not None:
            whole = not cut_by_border(np.asarray(observation.mask == label))
            there.append(seen_object(observation, label, view, whole=whole))
    return associate([item.seen for item in objects.values()], there, other.T)


def _object_view(observation: Observation, label: int) -> ObjectView | None:
    try:
        return ObjectView.of_mask(np.asarray(observation.mask == label), observation.camera, 128)
    except InputError:
        return None


def _look(other: OtherFrame, label: int, splat: Gaussians | None) -> Look:
    observation, crop = other.prepared.observation, other.prepared.crops[label]
    view = crop.view if isinstance(crop, Crop) else _object_view(observation, label)
    assert view is not None
    whole = isinstance(crop, Crop) and _is_whole(observation, label, crop)
    wide = _wide_crop(observation, label, view)
    errors = (other.posed.position_error, other.posed.rotation_error)
    return Look(view, splat, wide, whole, other.T, *errors)


def _wide_crop(observation: Observation, label: int, view: ObjectView) -> Crop:
    """The object with room around it, in a crop of the same size."""
    wide = replace(view, theta=min(_ROOM * view.theta, max(_WIDEST, view.theta)))
    return Crop.of(observation, np.asarray(observation.mask == label), view.size, wide)


def _is_whole(observation: Observation, label: int, crop: Crop) -> bool:
    hidden = float(crop.unknown.sum()) > _HIDDEN * max(float(crop.alpha.sum()), 1.0)
    return not hidden and not cut_by_border(np.asarray(observation.mask == label))


def _evidence(
    prepared: PreparedFrame, item: _ReferenceObject, looks: Sequence[tuple[OtherFrame, int, Look]]
) -> ViewEvidence:
    label, view, prior = item.seen.label, item.look.view, item.prior
    remarks: list[Remark] = []
    kept: list[tuple[OtherFrame, Look]] = []
    for other, there, look in looks:
        apart = depth_disagreement(prepared.observation, other.prepared.observation, label, there, other.T)
        if apart is not None and apart > _APART:
            text = (
                f"object {label} lies {1000 * apart:.0f} mm elsewhere in view {other.number}, which was not used for it: it "
                "moved between the views, or the pose is wrong"
            )
            remarks.append(Remark("object_moved", text))
        else:
            kept.append((other, look))
    if prior is not None and prior.source == "depth":
        scale, used = prior, [look for _, look in kept]
        return ViewEvidence(None, other_views(view, scale, used, with_depth=True), tuple(remarks))
    numbers = [other.number for other, _ in kept]
    verdict = judge(label, numbers, [estimate(item.look, look) for _, look in kept], prior, view.distance)
    remarks += verdict.remarks
    if verdict.scale is None:
        return ViewEvidence(None, remarks=tuple(remarks))
    used = [kept[k][1] for k in verdict.used]
    return ViewEvidence(verdict.scale, other_views(view, verdict.scale, used, with_depth=False), tuple(remarks))


def _unmatched(other: OtherFrame) -> Remark:
    """A remark on a view that has objects, none of which is where its pose puts those of the reference view."""
    text = (
        f"no object of view {other.number} lies where its pose puts the objects of the reference view; it was not used: check "
        "the pose, its time stamp, and that nothing moved between the views"
    )
    return Remark("view_unmatched", text)
