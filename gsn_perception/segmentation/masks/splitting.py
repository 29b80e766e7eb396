"""Labels that contain several objects: split where a crease and the colours agree, a remark where only one shows it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Remark
from gsn_perception.geometry.transforms import minimal_rotation_to
from gsn_perception.segmentation.masks.parts import convex_parts
from gsn_perception.segmentation.masks.parts import share_apart
from gsn_perception.segmentation.planes.grid import Grid
from gsn_perception.segmentation.planes.grid import window_around

_SHARE = 0.12  # of a label, in a part that may be an object
_LEAST = 150  # pixels of it
_FOOT = 0.02  # metres above the plane, in addition to the noise: its lower end must be lower
_TALL = 0.03  # metres; flatter parts are blades, handles and soles
_WIDE = 0.027  # metres; so are thinner ones
_COLOUR = 14.0  # distance in CIELAB's a, b between two objects
_OVERLAP = 0.2  # of the smaller footprint: the inside of a bowl lies within its outside
_LONGEST = 0.45  # metres; longer than any single object to be grasped
_BROAD = 0.3  # metres of the second side
_FLAT = 0.08  # metres; trays and plates are broad


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A convex part of a label that may be an object."""

    number: int
    colour: np.ndarray  # [2] a, b
    hull: np.ndarray  # [K,2] float32 footprint, metres


def split_merged(
    labels: np.ndarray, image: np.ndarray, depth: np.ndarray, camera: Camera, plane: Plane
) -> tuple[np.ndarray, frozenset[int]]:
    """Split labels that contain objects of different colour which meet in a crease and stand side by side.

    Args:
        labels: [H,W] uint16, 0 = background.
        image: [H,W,3] uint8 RGB.
        depth: [H,W] metres along z, NaN = unknown.
        camera: Of all three images.
        plane: The support plane, camera frame.

    Returns:
        [H,W] uint16 labels, 1 = largest, and those of them that come from a split.
    """
    regions: list[tuple[np.ndarray, bool]] = []
    for value in np.unique(labels[labels > 0]):
        things = _things(labels == value, image, depth, camera, plane)
        regions += [(thing, len(things) > 1) for thing in things]
    if not any(apart for _, apart in regions):
        return labels, frozenset()
    regions.sort(key=lambda item: -int(item[0].sum()))
    result = np.zeros_like(labels)
    for value, (region, _) in enumerate(regions, start=1):
        result[region] = value
    return result, frozenset(value for value, (_, apart) in enumerate(regions, start=1) if apart)


def merged_remark(mask: np.ndarray, depth: np.ndarray, camera: Camera, plane: Plane) -> Remark | None:
    """A remark where size or depth suggest several objects under one label ([H,W] bool), else None."""
    grid = Grid.of(depth, camera, window_around(mask, share=0.0, least=4))
    inside = grid.thin(mask) & grid.known
    points = grid.points[inside]
    if len(points) < 3:
        return None
    flat = points @ minimal_rotation_to(plane.normal)[:, :2]
    sides = sorted(cv2.minAreaRect(flat.astype(np.float32))[1])
    height = float(np.percentile(plane.height(points), 98))
    why = ""
    if sides[1] > _LONGEST or (sides[0] > _BROAD and height > _FLAT):
        why = f"it measures {sides[1]:.2f} x {sides[0]:.2f} x {height:.2f} m, more than a single thing to be grasped"
    else:
        share = share_apart(grid, inside)
        if share is not None:
            why = f"{100 * share:.0f} % of its depth lies apart from the rest"
    if not why:
        return None
    return Remark(
        "objects_merged",
        f"this object is probably several: {why}; it was reconstructed as one, give each thing a label of its own in a mask",
    )


SPLIT = Remark(
    "objects_split",
    "this object touches another, and the two were separated by the crease between them and their colours; "
    "give a mask if they are one",
)


def _things(mask: np.ndarray, image: np.ndarray, depth: np.ndarray, camera: Camera, plane: Plane) -> list[np.ndarray]:
    """[H,W] bool each: the label as it is, or its objects."""
    grid = Grid.of(depth, camera, window_around(mask, share=0.0, least=4))
    inside = grid.thin(mask) & grid.known
    if inside.sum() * grid.stride**2 < 2 * _LEAST:
        return [mask]
    numbers, count = convex_parts(grid, inside)
    parts = _candidates(grid, numbers, count, grid.thin(image), plane) if count > 1 else []
    groups = _grouped(parts)
    if len(set(groups.values())) < 2:
        return [mask]
    seeds = np.zeros(count + 1, dtype=np.int64)
    for number, group in groups.items():
        seeds[number] = group
    from scipy import ndimage

    where = ndimage.distance_transform_edt(seeds[numbers] == 0, return_distances=False, return_indices=True)
    nearest = seeds[numbers][tuple(where)]
    things = [grid.spread(nearest == group) & mask for group in sorted(set(groups.values()))]
    return things if all(thing.sum() >= _LEAST for thing in things) else [mask]


def _candidates(grid: Grid, numbers: np.ndarray, count: int, image: np.ndarray, plane: Plane) -> list[_Part]:
    lab = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2LAB).astype(np.float64)
    axes = minimal_rotation_to(plane.normal)[:, :2]
    least = max(_SHARE * (numbers > 0).sum(), _LEAST / grid.stride**2)
    parts = []
    for number in range(1, count + 1):
        where = numbers == number
        if where.sum() < least:
            continue
        low, high = np.percentile(plane.height(grid.points[where]), [3, 97])
        core = cv2.erode(where.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=0) > 0
        flat = (grid.points[core if core.sum() > 0.3 * where.sum() else where] @ axes).astype(np.float32)
        thin = min(cv2.minAreaRect(flat)[1])
        if low < _FOOT + 3 * float(np.median(grid.sigma[where])) and high > _TALL and thin > _WIDE:
            parts.append(_Part(number, lab[where][:, 1:].mean(axis=0), cv2.convexHull(flat)[:, 0]))
    return parts


def _grouped(parts: list[_Part]) -> dict[int, int]:
    """Part number to group number, from 1; parts that are not clearly two objects share one."""
    groups = {part.number: index for index, part in enumerate(parts, start=1)}
    for a, b in combinations(parts, 2):
        if not _different(a, b):
            old, new = groups[b.number], groups[a.number]
            groups = {number: new if group == old else group for number, group in groups.items()}
    return groups


def _different(a: _Part, b: _Part) -> bool:
    if np.linalg.norm(a.colour - b.colour) < _COLOUR:
        return False
    common, _ = cv2.intersectConvexConvex(a.hull, b.hull)
    smaller = min(cv2.contourArea(a.hull), cv2.contourArea(b.hull))
    return bool(common < _OVERLAP * smaller)
