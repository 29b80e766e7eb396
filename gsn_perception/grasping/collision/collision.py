"""Collision of the gripper and its straight approach with the object, the support plane and the scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.collision.boxes import Blocks
from gsn_perception.grasping.collision.boxes import overlaps
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface

_ROUNDING = 1e-4  # metres, far above the rounding of a distance in float32


def hits_blocks(poses: Poses, gripper: Gripper, blocks: Blocks, *, margin: float, approach: float) -> np.ndarray:
    """Whether a gripper touches triangles or points anywhere on its straight approach; exact.

    Args:
        poses: P candidates at their openings.
        gripper: Its boxes are used.
        blocks: The triangles or points.
        margin: Metres by which the gripper's boxes are enlarged.
        approach: Length of the straight approach along z, metres.

    Returns:
        [P] bool.
    """
    boxes = _grown(gripper.boxes(poses.widths, swept=approach), margin)
    return overlaps(poses.rotations, poses.centers, boxes, blocks)


def lowest_height(poses: Poses, gripper: Gripper, plane: Plane, *, approach: float) -> np.ndarray:
    """[P] height of the gripper's lowest corner above the plane along its straight approach, metres."""
    boxes = gripper.boxes(poses.widths, swept=approach)  # [P, B, 2, 3]
    up = np.einsum("pij,i->pj", poses.rotations, plane.normal)  # the plane's normal in the grasp frame
    lowest = np.minimum(boxes[:, :, 0] * up[:, None], boxes[:, :, 1] * up[:, None]).sum(axis=2).min(axis=1)
    return lowest + plane.height(poses.centers)


def retreat_from_plane(
    poses: Poses, gripper: Gripper, plane: Plane, *, clearance: float, approach: float, limit: float
) -> tuple[Poses, np.ndarray]:
    """Poses moved back along their approach until they clear the plane, by at most ``limit`` metres.

    The contacts are then closer to the fingertips, as needed for flat objects.

    Returns:
        The moved poses and [P] whether they clear the plane.
    """
    missing = clearance - lowest_height(poses, gripper, plane, approach=approach)
    down = -poses.rotations[:, :, 2] @ plane.normal
    back = np.where(missing > 0, missing / np.maximum(down, 1e-3), 0.0)
    clear = back <= limit
    centers = poses.centers - np.where(clear, back, 0)[:, None] * poses.rotations[:, :, 2]
    return replace(poses, centers=centers), clear


def scene_nearby(
    scene: np.ndarray, surface: Surface, plane: Plane | None, *, reach: float, own: float, cell: float
) -> np.ndarray:
    """The scene points that the gripper can reach, subsampled.

    Args:
        scene: [M,3] metres; may contain the whole depth image.
        surface: Points closer than ``own`` to it belong to the object and are dropped.
        plane: Points at most ``own`` above it are dropped; the plane has its own test.
        reach: Largest distance of any part of the gripper from the object's centre, metres.
        own: Metres.
        cell: One point per cube of this size is kept, metres.

    Returns:
        [M',3] float64.
    """
    points = np.asarray(scene, dtype=np.float64).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    points = points[np.linalg.norm(points - surface.center, axis=1) < reach]
    if plane is not None:
        points = points[plane.height(points) > own]
    if len(points):
        x, y, z = (np.floor((points - points.min(axis=0)) / cell).astype(np.int64) + 1).T
        first = np.unique((x << 40) | (y << 20) | z, return_index=True)[1]
        points = points[np.sort(first)]
    return points[_is_apart(points, surface, own)]


def triangles_nearby(meshes: Sequence[Mesh], surface: Surface, *, reach: float, own: float) -> np.ndarray:
    """Triangles [N,3,3] float64 of other objects that the gripper can reach.

    Args:
        meshes: The other objects, in the surface's frame, metres.
        surface: Triangles with no corner farther than ``own`` from it are dropped: reconstructions of objects in contact
            overlap.
        reach: Largest distance of any part of the gripper from the object's centre, metres.
        own: Metres.
    """
    triangles = np.concatenate([mesh.triangles for mesh in meshes]).astype(np.float64)
    size = np.linalg.norm(triangles - triangles[:, :1], axis=2).max(axis=1)
    triangles = triangles[np.linalg.norm(triangles[:, 0] - surface.center, axis=1) < reach + size]
    return triangles[_is_apart(triangles.reshape(-1, 3), surface, own).reshape(-1, 3).any(axis=1)]


def _is_apart(points: np.ndarray, surface: Surface, distance: float) -> np.ndarray:
    """Whether points [N,3] are farther than ``distance`` metres from the surface, [N] bool.

    Points outside the surface's enlarged bounding box are farther without a query: a query of a far point takes long.
    """
    vertices = surface.mesh.vertices[np.unique(surface.mesh.faces)]
    spare = distance + _ROUNDING
    apart = ((points < vertices.min(axis=0) - spare) | (points > vertices.max(axis=0) + spare)).any(axis=1)
    near = np.flatnonzero(~apart)
    if len(near):
        apart[near] = surface.distance(points[near]) > distance
    return apart


def corners(boxes: np.ndarray) -> np.ndarray:
    """Corner points [...,8,3] of boxes [...,2,3]."""
    picks = [[boxes[..., i, 0], boxes[..., j, 1], boxes[..., k, 2]] for i, j, k in product((0, 1), repeat=3)]
    return np.stack([np.stack(pick, axis=-1) for pick in picks], axis=-2)


def _grown(boxes: np.ndarray, margin: float) -> np.ndarray:
    return boxes + margin * np.array([[-1.0], [1.0]])
