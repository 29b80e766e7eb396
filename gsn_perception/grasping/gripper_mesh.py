"""A gripper's collision mesh as boxes that cover it."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.grasping.boxes import Blocks
from gsn_perception.grasping.boxes import overlaps

_MOST_CELLS = 200_000
_MOST_BOXES = 96


def covering_boxes(mesh: Mesh, cell: float) -> list[np.ndarray]:
    """Boxes [2,3] (lower and upper corner) that together hold every point of a solid.

    Cells of a grid that the surface touches (exactly) or that lie inside are merged into boxes, greedily, and cut to the
    mesh's own bounds.

    Args:
        mesh: Closed surface, metres.
        cell: Side of a cell, metres: the boxes reach at most this far beyond the solid.

    Raises:
        InputError: the mesh is empty, or the cell is so small that there would be too many boxes.
    """
    if not len(mesh.faces) or not np.isfinite(mesh.vertices).all():
        raise InputError("the collision mesh has no surface; give a closed mesh in metres")
    low, high = mesh.vertices.min(axis=0).astype(np.float64), mesh.vertices.max(axis=0).astype(np.float64)
    shape = np.maximum(np.ceil((high - low) / cell - 1e-9).astype(int), 1)
    if shape.prod() > _MOST_CELLS:
        raise InputError(f"a cell of {cell} m makes {shape.prod()} cells of the collision mesh; give a larger one")
    filled = _filled(mesh, low, cell, tuple(shape))
    boxes = [np.clip(low + cell * box, low, high) for box in merged(filled)]
    if len(boxes) > _MOST_BOXES:
        raise InputError(f"a cell of {cell} m makes {len(boxes)} boxes of the collision mesh; give a larger one")
    return boxes


def _filled(mesh: Mesh, low: np.ndarray, cell: float, shape: tuple[int, ...]) -> np.ndarray:
    """[X,Y,Z] bool: cells that the surface touches or that lie inside."""
    import open3d

    centers = low + cell * (np.indices(shape).reshape(3, -1).T + 0.5)
    half = np.tile(0.5 * cell * np.array([[-1.0] * 3, [1.0] * 3]), (len(centers), 1, 1, 1))
    axes = np.tile(np.eye(3), (len(centers), 1, 1))
    touched = overlaps(axes, centers, half, Blocks.of(mesh.triangles))
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(*(open3d.core.Tensor.from_numpy(a) for a in (mesh.vertices, mesh.faces.astype(np.uint32))))
    inside = scene.compute_occupancy(centers.astype(np.float32)).numpy() > 0.5
    return (touched | inside).reshape(shape)


def merged(filled: np.ndarray) -> list[np.ndarray]:
    """Boxes [2,3] of cell indices (upper end exclusive) that hold the cells of [X,Y,Z] and no others, none twice."""
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
