"""Given masks of a frame made usable (soft masks to labels, mask cleaning), and the remarks on each object."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Remark
from gsn_perception.geometry.masks.soft_mask import harden_mask
from gsn_perception.geometry.remark import merged
from gsn_perception.pipeline.inputs.plausibility import depth_remarks
from gsn_perception.pipeline.inputs.plausibility import mask_remarks
from gsn_perception.segmentation.masks.cleaning import clean_mask
from gsn_perception.segmentation.masks.splitting import merged_remark


def with_label_mask(observation: Observation, mode: str) -> Observation:
    """With a mask of labels: probabilities are thresholded at 0.5, mode ``binary`` makes one object of all pixels.

    Raises:
        InputError: the mask has many values that are neither labels nor the probabilities of one object.
    """
    mask = observation.mask
    if mask is None:
        return observation
    hard, remark = harden_mask(mask)
    if hard is None:
        if mode != "binary":
            raise InputError(
                f"the mask holds {len(np.unique(mask)) - 1} values that run into each other and are no labels; give one "
                "whole number per object without compression or interpolation, or set mask_mode to binary"
            )
        hard = mask
    if mode == "binary":
        hard = (hard > 0).astype(np.uint8)
    if hard is mask:
        return observation
    remarks = observation.remarks if remark is None else merged(observation.remarks, [remark])
    return replace(observation, mask=hard, remarks=remarks)


def with_clean_masks(
    observation: Observation, labels: Sequence[int]
) -> tuple[Observation, Mapping[int, tuple[Remark, ...]]]:
    """The observation with the masks of these labels cleaned, and label to the remarks on what was changed."""
    mask = np.asarray(observation.mask)
    result = mask.copy()
    remarks: dict[int, tuple[Remark, ...]] = {}
    for label in labels:
        own = mask == label
        others = (mask > 0) & ~own
        done = clean_mask(own, others, observation.depth, observation.camera, observation.support_plane)
        remarks[label] = mask_remarks(done)
        if done.mask is not own:
            result[own & ~done.mask] = 0
            result[done.mask & (result == 0)] = label
    if (result == mask).all():
        return observation, remarks
    return replace(observation, mask=result), remarks


def object_remarks(
    observation: Observation, labels: Sequence[int], found: Mapping[int, tuple[Remark, ...]], *, heaps: bool, cuts: bool
) -> dict[int, tuple[Remark, ...]]:
    """Label to the remarks on its mask and its depth.

    Args:
        observation: With its mask, its plane and cleaned depth.
        labels: Of the objects.
        found: Remarks known already.
        heaps: Whether to search for several objects under one label; segmented masks have had that search.
        cuts: Whether to remark on objects that the image border cuts; not needed where they are refused.
    """
    mask = np.asarray(observation.mask)
    remarks: dict[int, tuple[Remark, ...]] = {}
    for label in labels:
        own = np.asarray(mask == label)
        noted = merged(found.get(label, ()), depth_remarks(observation.depth, own))
        noted = merged(noted, _cut_remarks(own)) if cuts else noted
        remarks[label] = merged(noted, _heap_remarks(observation, own)) if heaps else noted
    return remarks


def cut_by_border(mask: np.ndarray) -> bool:
    """Whether a mask [H,W] bool touches the image border."""
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _cut_remarks(own: np.ndarray) -> tuple[Remark, ...]:
    if not cut_by_border(own):
        return ()
    text = "the image border cuts the object, so its part outside the image is a guess; bring it wholly into view"
    return (Remark("object_cut", text),)


def _heap_remarks(observation: Observation, own: np.ndarray) -> tuple[Remark, ...]:
    """A remark where the depth shows several objects under one mask [H,W] bool."""
    if observation.depth is None or observation.support_plane is None:
        return ()
    remark = merged_remark(own, observation.depth, observation.camera, observation.support_plane)
    return () if remark is None else (remark,)
