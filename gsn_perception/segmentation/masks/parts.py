"""Parts of one label: pieces of depth that are apart in space, and convex parts that meet in a concave crease."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.segmentation.masks.voxels import labelled_voxels
from gsn_perception.segmentation.planes.grid import Grid
from gsn_perception.segmentation.planes.grid import dilated
from gsn_perception.segmentation.planes.grid import window_around

_LEAST = 150  # pixels of a piece
_SHARE = 0.12  # of the object's pixels, in a piece
_GAP = 0.012  # metres between pieces, in addition to noise and resolution
_APART = 0.03  # metres between pieces of several objects; wider than the gap where a thin neck has no depth
_STEP = 0.02  # metres of depth between neighbours: a larger step is a depth discontinuity
_RIM = 4  # pixels; a thinner piece is the rim of a mask that is too wide
_BESIDE = 8  # pixels between pieces that adjoin in the image
_PATCH = 0.007  # metres around a point that give its normal
_BEND = np.cos(np.deg2rad(28.0))  # a crease turns the normal more


def depth_steps(depth: np.ndarray, camera: Camera, mask: np.ndarray) -> float | None:
    """Share of an object's depth that is apart in space from the rest, behind or in front: several objects in one mask.

    The near and the far side of a cup are also two pieces in the image, but meet at its rim.

    Args:
        depth: [H,W] metres along z, NaN = unknown.
        camera: Its camera.
        mask: [H,W] bool, the object.

    Returns:
        The share of its pixels outside the largest piece; None where it is one piece, or too little depth is known.
    """
    if not mask.any():
        return None
    grid = Grid.of(depth, camera, window_around(mask, share=0.0, least=4))
    return share_apart(grid, grid.thin(mask) & grid.known)


def share_apart(grid: Grid, inside: np.ndarray) -> float | None:
    """As :func:`depth_steps`, for a region [h,w] bool of known points of a grid."""
    labels, count = pieces_in_space(grid, inside)
    least = max(_SHARE * inside.sum(), _LEAST / grid.stride**2)
    large = [number for number in range(1, count + 1) if _is_thick(labels == number, grid.stride, least)]
    if len(large) < 2:
        return None
    sizes = {number: int((labels == number).sum()) for number in large}
    labels[~np.isin(labels, large)] = 0  # small pieces often connect two large ones
    first = max(sizes, key=lambda number: sizes[number])
    apart = sum(sizes[number] for number in large if number != first and _step_beside(grid, labels, number))
    return apart / sum(sizes.values()) if apart else None


def pieces_in_space(grid: Grid, inside: np.ndarray) -> tuple[np.ndarray, int]:
    """Connected components in space of a region [h,w]: points closer to each other than any gap between objects.

    Returns:
        [h,w] labels from 1, 0 elsewhere and at depth steps, and how many there are.
    """
    inside = inside & ~_at_step(grid, inside)
    labels = np.zeros(inside.shape, dtype=np.int64)
    if not inside.any():
        return labels, 0
    points = grid.points[inside]
    size = max(_GAP, 2.5 * float(np.median(grid.pitch[inside])), 3 * float(np.median(grid.sigma[inside])))
    index = np.floor((points - points.min(axis=0)) / size).astype(np.int64)
    shape = index.max(axis=0) + 1
    if shape.prod() > 4_000_000:  # a few points far away
        return inside.astype(np.int64), 1
    space = np.zeros(shape, dtype=bool)
    space[tuple(index.T)] = True
    numbers, count = labelled_voxels(space)
    labels[inside] = numbers[tuple(index.T)]
    return labels, int(count)


def _at_step(grid: Grid, inside: np.ndarray) -> np.ndarray:
    """[h,w] bool: points on either side of a depth step, where the measured depth is often wrong."""
    z = np.where(inside, grid.points[..., 2], np.nan)
    step = np.zeros(inside.shape, dtype=bool)
    limit = np.maximum(_STEP, 5 * grid.sigma)
    with np.errstate(invalid="ignore"):
        across, down = np.abs(np.diff(z, axis=1)) > limit[:, 1:], np.abs(np.diff(z, axis=0)) > limit[1:]
    step[:, 1:] |= across
    step[:, :-1] |= across
    step[1:] |= down
    step[:-1] |= down
    return step


def _is_thick(piece: np.ndarray, stride: int, least: float) -> bool:
    steps = max(1, round(_RIM / 2 / stride))
    core = cv2.erode(
        cv2.morphologyEx(piece.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)),
        np.ones((2 * steps + 1,) * 2, np.uint8),
    )
    return bool(piece.sum() >= least and core.sum() > 0.3 * piece.sum())


def _step_beside(grid: Grid, labels: np.ndarray, number: int) -> bool:
    """Whether a piece is next to another large piece in the image, across a depth step and apart in space."""
    steps = -(-_BESIDE // grid.stride)
    piece = labels == number
    z = grid.points[..., 2]
    near = dilated(piece, steps) & (labels > 0) & ~piece
    if near.sum() < 5:
        return False
    beside = dilated(near, steps) & piece
    if abs(np.median(z[near]) - np.median(z[beside])) < _STEP:
        return False
    others = grid.points[(labels > 0) & ~piece]
    from scipy.spatial import cKDTree

    gaps = cKDTree(others).query(grid.points[piece], distance_upper_bound=_APART)[0]
    return bool(np.isinf(gaps).all())


def convex_parts(grid: Grid, inside: np.ndarray) -> tuple[np.ndarray, int]:
    """Cut a region [h,w] along depth steps and concave creases (LCCP, Stein 2014).

    Returns:
        [h,w] labels from 1 on the whole region, and their number.
    """
    cut = _creases(grid, inside) | _at_step(grid, inside)
    rest = cv2.morphologyEx((inside & ~cut).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < max(0.03 * inside.sum(), 10)
    small[0] = True
    seeds = np.where(small[labels], 0, labels)
    if not seeds.any():
        return inside.astype(np.int64), 1
    from scipy import ndimage

    where = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    numbers = np.zeros(count, dtype=np.int64)
    numbers[~small] = np.arange(1, 1 + (~small).sum())
    return np.where(inside, numbers[seeds[tuple(where)]], 0), int((~small).sum())


def _creases(grid: Grid, inside: np.ndarray) -> np.ndarray:
    """[h,w] bool: points in a concave crease."""
    reach = int(np.clip(round(_PATCH / max(float(np.median(grid.pitch[inside])), 1e-6)), 2, 8))
    normals = _normals(grid, inside, reach)
    points = np.where(inside[..., None], grid.points, np.nan)
    crease = np.zeros(inside.shape, dtype=bool)
    k = reach + 1
    for dy, dx in ((0, k), (k, 0), (k, k), (k, -k)):
        n1, n2 = _shifted(normals, -dy, -dx), _shifted(normals, dy, dx)
        gap = _shifted(points, dy, dx) - _shifted(points, -dy, -dx)
        with np.errstate(invalid="ignore"):
            bend = (n1 * n2).sum(axis=-1) < _BEND
            hollow = ((n2 - n1) * gap).sum(axis=-1) < 0
            near = np.linalg.norm(gap, axis=-1) < 8 * k * grid.pitch
        crease |= bend & hollow & near
    return crease & inside


def _shifted(image: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """``image[y + dy, x + dx]``, NaN beyond the border."""
    out = np.full_like(image, np.nan)
    h, w = image.shape[:2]
    out[max(-dy, 0) : h - max(dy, 0), max(-dx, 0) : w - max(dx, 0)] = image[
        max(dy, 0) : h - max(-dy, 0), max(dx, 0) : w - max(-dx, 0)
    ]
    return out


def _normals(grid: Grid, inside: np.ndarray, reach: int) -> np.ndarray:
    """[h,w,3] unit normals towards the camera, from planes fitted to patches; NaN outside."""
    points = np.where(inside[..., None], grid.points - grid.points[inside].mean(axis=0), 0.0)
    size = (2 * reach + 1, 2 * reach + 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(
            cv2.boxFilter(np.ascontiguousarray(values, dtype=np.float64), -1, size, borderType=cv2.BORDER_CONSTANT)
        )

    weight = mean(inside.astype(np.float64))
    enough = inside & (weight > 0.3)
    middle = np.stack([mean(points[..., i]) for i in range(3)], axis=-1)[enough] / weight[enough, None]
    scatter = np.empty((int(enough.sum()), 3, 3))
    for i in range(3):
        for j in range(i, 3):
            value = mean(points[..., i] * points[..., j])[enough] / weight[enough] - middle[:, i] * middle[:, j]
            scatter[:, i, j] = scatter[:, j, i] = value
    normals = np.full(grid.points.shape, np.nan)
    found = np.linalg.eigh(scatter)[1][:, :, 0] if len(scatter) else np.zeros((0, 3))
    away = (found * grid.points[enough]).sum(axis=1) > 0
    normals[enough] = np.where(away[:, None], -found, found)
    return normals
