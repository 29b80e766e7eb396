"""Visibility of the fingers' positions from the camera, and of a mesh from a viewpoint."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.grasping.tree.rays import blocked

_FACING = 0.7  # least share of the observed surface that faces its viewpoint; noise turns some faces away


def finger_visibility(poses: Poses, gripper: Gripper, surface: Surface, viewpoint: np.ndarray | None) -> np.ndarray:
    """Share [P] of the fingers' boxes whose centre the object does not hide from the camera; 1 without a viewpoint.

    Space behind the object is free only if the completion of its unseen side is right.

    Args:
        poses: P candidates at their openings.
        gripper: Its fingers are used.
        surface: The object.
        viewpoint: [3] the camera's centre in the frame of the poses, metres, or None.
    """
    if viewpoint is None or not len(poses):
        return np.ones(len(poses))
    middles = gripper.boxes(poses.widths)[:, : 2 * len(gripper.fingers)].mean(axis=2)  # [P, B, 3]
    places = np.einsum("pij,pbj->pbi", poses.rotations, middles) + poses.centers[:, None]
    origins = np.broadcast_to(np.asarray(viewpoint, dtype=np.float64), places.shape)
    return 1 - blocked(surface.tree, origins.reshape(-1, 3), places.reshape(-1, 3)).reshape(places.shape[:2]).mean(
        axis=1
    )


def visible_from(mesh: Mesh, viewpoint: np.ndarray) -> bool:
    """Whether the observed part of a mesh faces a point [3], as it does if a camera there saw the mesh.

    For meshes with unknown camera position. False where the mesh has no confidence or nothing was observed.
    """
    if mesh.confidence is None or not len(mesh.faces):
        return False
    observed = mesh.areas() * (mesh.confidence[mesh.faces].min(axis=1) > 0.5)
    looks = ((viewpoint - mesh.triangles.mean(axis=1)) * mesh.face_normals()).sum(axis=1) > 0
    return bool(observed.sum() > 0 and (observed * looks).sum() > _FACING * observed.sum())
