"""What the camera saw of the room in which the fingers will stand."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface

_FACING = 0.7  # share of the observed surface that must look at a point it was seen from; noise turns some away


def sighted(poses: Poses, gripper: Gripper, surface: Surface, viewpoint: np.ndarray | None) -> np.ndarray:
    """Share [P] of the fingers' boxes whose middle the camera sees past the object; 1 without a viewpoint.

    Room behind the object is free only as far as its unseen side was made up well.

    Args:
        poses: P candidates at their openings.
        gripper: Its fingers.
        surface: The object.
        viewpoint: [3] the camera's centre in the frame of the poses, metres, or None.
    """
    if viewpoint is None or not len(poses):
        return np.ones(len(poses))
    middles = gripper.boxes(poses.widths)[:, : 2 * len(gripper.fingers)].mean(axis=2)  # [P, B, 3]
    places = np.einsum("pij,pbj->pbi", poses.rotations, middles) + poses.centers[:, None]
    rays = places - viewpoint
    far = np.linalg.norm(rays, axis=2)
    origins = np.broadcast_to(viewpoint, rays.shape).reshape(-1, 3)
    hit, _ = surface.cast(origins, (rays / np.maximum(far, 1e-9)[..., None]).reshape(-1, 3))
    return (hit.reshape(far.shape) > far).mean(axis=1)


def seen_from(mesh: Mesh, viewpoint: np.ndarray) -> bool:
    """Whether what was observed of a mesh looks at a point [3], as it does if a camera there saw it.

    For meshes of which only the frame is known. False where the mesh has no confidence or nothing was observed.
    """
    if mesh.confidence is None or not len(mesh.faces):
        return False
    observed = mesh.areas() * (mesh.confidence[mesh.faces].min(axis=1) > 0.5)
    looks = ((viewpoint - mesh.triangles.mean(axis=1)) * mesh.face_normals()).sum(axis=1) > 0
    return bool(observed.sum() > 0 and (observed * looks).sum() > _FACING * observed.sum())
