"""Segmentation of an observation without a mask: mode ``plane`` (depth) or ``grabcut`` (colour)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Literal

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Remark
from gsn_perception.segmentation.clusters import objects_above
from gsn_perception.segmentation.grabcut import cut_out
from gsn_perception.segmentation.masks.splitting import SPLIT
from gsn_perception.segmentation.masks.splitting import merged_remark
from gsn_perception.segmentation.masks.splitting import split_merged
from gsn_perception.segmentation.planes.support_plane import level_support
from gsn_perception.segmentation.planes.support_plane import settled_plane


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """The objects found.

    Attributes:
        mask: [H,W] uint16 labels, 0 = background, 1 = largest.
        plane: The support plane, None where there is no depth.
        remarks: Label to the remarks on it.
    """

    mask: np.ndarray
    plane: Plane | None
    remarks: Mapping[int, tuple[Remark, ...]] = field(default_factory=dict)


def segment(
    observation: Observation, mode: Literal["plane", "grabcut"] = "plane", max_objects: int = 8
) -> tuple[np.ndarray, Plane | None]:
    """Mask and plane of :func:`find_objects`."""
    found = find_objects(observation, mode, max_objects)
    return found.mask, found.plane


def find_objects(
    observation: Observation, mode: Literal["plane", "grabcut"] = "plane", max_objects: int = 8
) -> Segments:
    """Find the objects.

    Args:
        observation: ``plane`` needs its depth, uses its support plane if it has one, and keeps only objects inside its
            region of interest if it has one. ``grabcut`` needs the region of interest.
        mode: ``plane``: the objects on the support plane; ``grabcut``: one object by colour.
        max_objects: Most objects; the largest are kept.

    Raises:
        InputError: an input of the mode is missing, or nothing was found.
    """
    if max_objects < 1:
        raise InputError(f"max_objects is {max_objects}; ask for one object or more")
    if mode == "grabcut":
        if observation.roi is None:
            raise InputError("segmentation by colour (grabcut) needs a region of interest; give roi x,y,w,h")
        return Segments(cut_out(observation.image, observation.roi), observation.support_plane)
    if mode != "plane":
        raise InputError(f"there is no segmentation '{mode}'; choose plane or grabcut")
    if observation.depth is None:
        raise InputError("segmentation by the support plane needs depth; give depth, a mask, or a roi for grabcut")
    depth, camera, plane, support = observation.depth, observation.camera, observation.support_plane, None
    if plane is None:
        support = level_support(depth, camera, gravity=observation.gravity)
        plane = support.plane
    wanted = max_objects if observation.roi is None else 100
    seen = plane if support is not None else settled_plane(depth, camera, plane)
    mask = objects_above(depth, camera, seen, max_objects=wanted, support=support)
    mask, apart = split_merged(mask, observation.image, depth, camera, plane)
    if observation.roi is not None:
        mask, kept = _inside(mask, observation.roi, max_objects)
    else:
        kept = list(range(1, min(int(mask.max()), max_objects) + 1))
        mask[mask > len(kept)] = 0
    remarks: dict[int, tuple[Remark, ...]] = {}
    for label, number in enumerate(kept, start=1):
        merged = merged_remark(mask == label, depth, camera, plane)
        found = (SPLIT if number in apart else None, merged)
        remarks[label] = tuple(remark for remark in found if remark is not None)
    return Segments(mask, plane, remarks)


def _inside(mask: np.ndarray, roi: tuple[int, int, int, int], max_objects: int) -> tuple[np.ndarray, list[int]]:
    """The objects with most of their pixels inside the region, renumbered in order, and their old numbers."""
    x, y, w, h = roi
    total = np.bincount(mask.ravel())
    within = np.bincount(mask[y : y + h, x : x + w].ravel(), minlength=len(total))
    chosen = [label for label in range(1, len(total)) if within[label] > 0.5 * total[label]][:max_objects]
    if not chosen:
        raise InputError("nothing stands on the support plane inside the region of interest; move the region")
    table = np.zeros(len(total), dtype=np.uint16)
    table[chosen] = np.arange(1, len(chosen) + 1)
    return table[mask], chosen
