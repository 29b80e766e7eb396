"""Contact patches of the two pads when the gripper closes, by ray casting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface

_GRID = (3, 4)  # rays over a pad, along x and z
_MISS = 0.02  # metres; depth of a ray without a hit


@dataclass(frozen=True, slots=True, eq=False)
class PadContacts:
    """Contact patches of the pads at +y and -y, in this order.

    Attributes:
        points: [P,2,3] middle of each patch, metres.
        normals: [P,2,3] mean outward normal of the surface over it, unit (zero without contact).
        fill: [P,2] share of the pad in contact.
        width: [P] opening at which both pads touch, metres (inf without contact).
        spread: [P,2] mean depth of the surface behind the first contact over the pad, metres; a miss counts 2 cm.
        faces: [P,2,R] triangles hit by the rays, -1 where they are not in contact.
        spots: [P,2,R,3] end points of the rays, metres; undefined where they are not in contact.
    """

    points: np.ndarray
    normals: np.ndarray
    fill: np.ndarray
    width: np.ndarray
    spread: np.ndarray
    faces: np.ndarray
    spots: np.ndarray


def pad_contacts(poses: Poses, gripper: Gripper, surface: Surface, *, tolerance: float) -> PadContacts:
    """Close both pads on the surface, with a grid of rays per pad.

    Args:
        poses: P candidates at their openings, clear of the object.
        gripper: Its pads are used.
        surface: The object.
        tolerance: Compliance of the pads, metres: rays that end at most this deep behind the first are in contact.
    """
    x = (np.arange(_GRID[0]) + 0.5) / _GRID[0] * gripper.pad_width - gripper.pad_width / 2
    length = gripper.pad_back + gripper.pad_front
    z = (np.arange(_GRID[1]) + 0.5) / _GRID[1] * length - gripper.pad_back
    grid = np.stack(np.meshgrid(x, [0.0], z, indexing="ij"), axis=-1).reshape(-1, 3)  # [R, 3]
    sides = np.array([1.0, -1.0])
    local = grid + 0.5 * (poses.widths[:, None] * sides)[:, :, None, None] * np.array([0, 1.0, 0])  # [P, 2, R, 3]
    origins = np.einsum("pij,psrj->psri", poses.rotations, local) + poses.centers[:, None, None]
    inward = -sides[:, None] * poses.rotations[:, None, :, 1]  # [P, 2, 3]
    directions = np.broadcast_to(inward[:, :, None], origins.shape)
    distance, faces = surface.cast(origins.reshape(-1, 3), directions.reshape(-1, 3))
    distance, faces = distance.reshape(origins.shape[:3]), faces.reshape(origins.shape[:3])

    distance = np.where(distance < poses.widths[:, None, None], distance, np.inf)
    first = distance.min(axis=2)
    touching = np.isfinite(distance) & (distance <= first[..., None] + tolerance)  # [P, 2, R]
    share = touching / np.maximum(touching.sum(axis=2, keepdims=True), 1)
    depth = np.where(touching, distance, 0.0)
    spots = origins + depth[..., None] * directions
    points = (share[..., None] * spots).sum(axis=2)
    normals = (share[..., None] * surface.normals[faces]).sum(axis=2)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-30)
    width = poses.widths - first.sum(axis=1)
    width = np.where(np.isfinite(width), width, np.inf)
    behind = np.minimum(
        np.where(np.isfinite(distance), distance, np.inf) - np.where(np.isfinite(first), first, 0)[..., None], _MISS
    )
    spread = behind.mean(axis=2)
    return PadContacts(points, normals, touching.mean(axis=2), width, spread, np.where(touching, faces, -1), spots)
