"""Frame preparation before the network: input checks, segmentation, support plane, cleaning, object crops."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Refusal
from gsn_perception.geometry import Remark
from gsn_perception.geometry.remark import merged
from gsn_perception.gsn.crop import Crop
from gsn_perception.pipeline.inputs.depth_cleaning import with_clean_depth
from gsn_perception.pipeline.inputs.masks import cut_by_border
from gsn_perception.pipeline.inputs.masks import object_remarks
from gsn_perception.pipeline.inputs.masks import with_clean_masks
from gsn_perception.pipeline.inputs.masks import with_label_mask
from gsn_perception.pipeline.inputs.plausibility import camera_remarks
from gsn_perception.pipeline.inputs.plausibility import check_depth_unit
from gsn_perception.pipeline.inputs.plausibility import range_remarks
from gsn_perception.pipeline.inputs.support import checked_plane
from gsn_perception.pipeline.inputs.support import fitted_plane
from gsn_perception.pipeline.inputs.support import level_checked
from gsn_perception.pipeline.inputs.support import refuse_depth_of_plane
from gsn_perception.pipeline.inputs.upright import rolled_crop
from gsn_perception.pipeline.settings import ReconstructorSettings
from gsn_perception.segmentation import Segments
from gsn_perception.segmentation import find_objects


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFrame:
    """A frame that is ready for the network; every step that a bad message, mask or camera can break is done.

    Attributes:
        observation: With its mask, its support plane where one is given or the depth shows one, and the remarks on the
            frame.
        crops: Label to the crop of the object, largest object first, or to the refusal.
        segment_seconds: Time spent on the mask and the plane.
        crop_seconds: Label to the time spent on the crop.
        remarks: Label to the remarks on this object alone.
    """

    observation: Observation
    crops: Mapping[int, Crop | Refusal]
    segment_seconds: float
    crop_seconds: Mapping[int, float]
    remarks: Mapping[int, tuple[Remark, ...]] = field(default_factory=dict)


def prepare_frame(observation: Observation, settings: ReconstructorSettings, size: int) -> PreparedFrame:
    """Check a frame, find its objects and its support plane, and crop each of its ``max_objects`` largest objects.

    Args:
        observation: The frame.
        settings: Which inputs are used, how objects are found, which are refused.
        size: Side of the crops in pixels.

    Raises:
        InputError: the frame as a whole cannot be used.
    """
    observation = _checked_inputs(observation, settings)
    began = time.perf_counter()
    observation = checked_plane(observation, settings)
    given = observation.mask is not None
    found = object_mask(observation, settings)
    labels = labels_by_size(found.mask)
    observation = replace(observation, remarks=merged(observation.remarks, _left_out(labels, settings)))
    labels = labels[: settings.max_objects]
    known_plane = observation.support_plane or found.plane
    observation = fitted_plane(replace(observation, mask=found.mask, support_plane=known_plane))
    left_out: Mapping[int, tuple[Remark, ...]] = found.remarks
    if given and settings.clean_masks:
        observation, left_out = with_clean_masks(observation, labels)
        if known_plane is None and observation.mask is not found.mask:  # fit again, with the clean mask
            observation = fitted_plane(replace(observation, support_plane=None))
    observation = with_clean_depth(level_checked(observation))
    segment_seconds = time.perf_counter() - began
    crops: dict[int, Crop | Refusal] = {}
    crop_seconds: dict[int, float] = {}
    for label in labels:
        began = time.perf_counter()
        try:
            crops[label] = object_crop(observation, label, settings, size)
        except InputError as error:
            crops[label] = Refusal(label, str(error))
        crop_seconds[label] = time.perf_counter() - began
    return PreparedFrame(
        observation,
        crops,
        segment_seconds,
        crop_seconds,
        object_remarks(observation, labels, left_out, heaps=given, cuts=settings.allow_cut),
    )


def _checked_inputs(observation: Observation, settings: ReconstructorSettings) -> Observation:
    """The allowed inputs, with remarks on implausible numbers.

    Raises:
        InputError: the mask or the unit of the depth cannot be used.
    """
    raw = observation.depth if settings.use_depth else None
    check_depth_unit(raw, observation.mask)
    observation = allowed_inputs(observation, settings)
    numbers = (*camera_remarks(observation.camera), *range_remarks(raw, observation.depth, observation.mask))
    return replace(observation, remarks=merged(observation.remarks, numbers))


def allowed_inputs(observation: Observation, settings: ReconstructorSettings) -> Observation:
    """The observation without inputs that the settings forbid, and with a mask of labels.

    Raises:
        InputError: the mask holds neither labels nor probabilities.
    """
    if not settings.use_mask and observation.mask is not None:
        observation = replace(observation, mask=None)
    observation = with_label_mask(observation, settings.mask_mode)
    if observation.depth is None:
        return observation
    if not settings.use_depth:
        return replace(observation, depth=None)
    outside = (observation.depth < settings.min_depth) | (observation.depth > settings.max_depth)
    if not outside.any():
        return observation
    return replace(observation, depth=np.where(outside, np.float32(np.nan), observation.depth))


def object_mask(observation: Observation, settings: ReconstructorSettings) -> Segments:
    """The given mask, or a segmented one with the plane found by the segmentation and the remarks on its objects.

    Raises:
        InputError: there is neither a mask, nor depth, nor a region of interest.
    """
    if observation.mask is not None:
        return Segments(observation.mask, None)
    mode = settings.segmentation
    if mode == "auto":
        if observation.roi is None and observation.depth is None:
            raise InputError("there is no mask, no depth and no region of interest; give one so the object is found")
        mode = "grabcut" if observation.roi is not None else "plane"
    return find_objects(observation, mode, settings.max_objects)


def _left_out(labels: list[int], settings: ReconstructorSettings) -> tuple[Remark, ...]:
    """A remark where the mask has more labels than ``max_objects``; labels too small to be used count, too."""
    count = len(labels) - settings.max_objects
    if count <= 0:
        return ()
    text = f"the mask has {len(labels)} labels and only the {settings.max_objects} largest were taken"
    return (Remark("objects_left_out", f"{text}; raise max_objects, or take background and table out of the mask"),)


def object_crop(observation: Observation, label: int, settings: ReconstructorSettings, size: int) -> Crop:
    """The crop of one object.

    Raises:
        InputError: its mask is empty, small, or cut by the border, or its depth lies on the support plane.
    """
    mask = np.asarray(observation.mask == label)
    _check_mask(mask, label, settings)
    refuse_depth_of_plane(observation, mask)
    view = ObjectView.of_mask(mask, observation.camera, size)
    return rolled_crop(observation, mask, view, settings.upright)


def _check_mask(mask: np.ndarray, label: int, settings: ReconstructorSettings) -> None:
    count = int(mask.sum())
    if count == 0:
        raise InputError(f"no pixel of the mask has label {label}; the mask is empty there")
    if count < settings.min_mask_pixels:
        raise InputError(
            f"the mask has only {count} pixels, {settings.min_mask_pixels} are needed; move the camera closer"
        )
    if cut_by_border(mask) and not settings.allow_cut:
        raise InputError(
            "the mask touches the image border, so the object is cut off; bring it wholly into view or set allow_cut"
        )


def labels_by_size(mask: np.ndarray) -> list[int]:
    """The labels of a mask, largest first."""
    counts = np.bincount(mask.ravel())
    counts[:1] = 0  # the background
    labels = np.flatnonzero(counts)
    counts = counts[labels]
    if not len(labels):
        raise InputError("the mask is empty; give a mask with the object's pixels above zero")
    return [int(labels[i]) for i in np.argsort(-counts, kind="stable")]
