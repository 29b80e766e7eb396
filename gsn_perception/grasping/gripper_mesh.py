"""Converts a gripper's collision mesh to boxes that cover it."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.mesh_repair import repair_mesh
from gsn_perception.grasping.collision.boxes import boxes_touch
from gsn_perception.grasping.tree.bounding_tree import bounding_tree
from gsn_perception.surface.fields.winding_number import WindingNumber

_MOST_CELLS = 200_000
_MOST_BOXES = 96
_LARGEST = 1.0  # metres: largest gripper
_INSIDE = 0.45  # winding number from which on a point is inside; at the rim of a hole it is about 0.5


def covering_boxes(mesh: Mesh, cell: float) -> list[np.ndarray]:
    """Boxes [2,3] (lower and upper corner) that together contain every point of a solid.

    Cells of a grid that the surface touches (exact test) or that lie inside are merged greedily into boxes, and cut to
    the mesh's own bounds. Parts may overlap or face inwards, and the mesh may have holes.

    Args:
        mesh: Surface, metres.
        cell: Side of a cell, metres: the boxes extend at most this far beyond the solid.

    Raises:
        InputError: the mesh is empty or too large for a gripper, or the cell is so small that there would be too many
            boxes.
    """
    if not len(mesh.faces) or not np.isfinite(mesh.vertices).all():
        raise InputError("the collision mesh has no surface; give a closed mesh in metres")
    mesh = repair_mesh(mesh)[0]
    if not len(mesh.faces):
        raise InputError("the collision mesh has no surface; give a closed mesh in metres")
    low, high = mesh.vertices.min(axis=0).astype(np.float64), mesh.vertices.max(axis=0).astype(np.float64)
    if (high - low).max() > _LARGEST:
        raise InputError(f"the collision mesh is {(high - low).max():.3g} m long; give its unit, e.g. unit: mm")
    shape = np.maximum(np.ceil((high - low) / cell - 1e-9).astype(int), 1)
    if shape.prod() > _MOST_CELLS:
        raise InputError(f"a cell of {cell} m makes {shape.prod()} cells of the collision mesh; give a larger one")
    filled = _filled(mesh, low, cell, tuple(shape))
    boxes = [np.clip(low + cell * box, low, high) for box in merged_boxes(filled)]
    if len(boxes) > _MOST_BOXES:
        raise InputError(f"a cell of {cell} m makes {len(boxes)} boxes of the collision mesh; give a larger one")
    return boxes


def _filled(mesh: Mesh, low: np.ndarray, cell: float, shape: tuple[int, ...]) -> np.ndarray:
    """[X,Y,Z] bool: cells that the surface touches or that lie inside."""
    centers = low + cell * (np.indices(shape).reshape(3, -1).T + 0.5)
    cells = np.stack([centers - 0.5 * cell, centers + 0.5 * cell], axis=1)
    inside = boxes_touch(cells, bounding_tree(mesh.triangles))
    inside[~inside] = WindingNumber(mesh)(centers[~inside]) > _INSIDE
    return inside.reshape(shape)


def merged_boxes(filled: np.ndarray) -> list[np.ndarray]:
    """Disjoint boxes [2,3] of cell indices (upper end exclusive) that contain exactly the true cells of [X,Y,Z]."""
    left = filled.copy()
    boxes = []
    for start in np.argwhere(filled):
        if not left[tuple(start)]:
            continue
        end = start + 1
        for axis in range(3):
            while end[axis] < left.shape[axis]:
                wider = np.stack([start, end], axis=1)
                wider[axis] = end[axis], end[axis] + 1
                if not left[tuple(slice(a, b) for a, b in wider)].all():
                    break
                end[axis] += 1
        left[tuple(slice(a, b) for a, b in zip(start, end, strict=True))] = False
        boxes.append(np.stack([start, end]).astype(np.float64))
    return boxes
