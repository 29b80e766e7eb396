"""A shaded picture of a mesh by ray casting."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Mesh
from gsn_perception.grasping.tree.bounding_tree import bounding_tree
from gsn_perception.grasping.tree.rays import first_hits


def mesh_view(mesh: Mesh, camera: Camera, supersample: int = 2) -> np.ndarray:
    """A mesh lit from the camera, on white, [H,W,3] in [0, 1]."""
    fine = camera.resized(camera.width * supersample, camera.height * supersample)
    rays = (fine.pixel_rays() @ fine.world_from_camera[:3, :3].T).reshape(-1, 3)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    eye = fine.world_from_camera[:3, 3]
    distance, face = first_hits(bounding_tree(mesh.triangles), np.broadcast_to(eye, rays.shape), rays)
    out = np.ones(rays.shape, dtype=np.float32)
    hit = face >= 0
    face, toward = face[hit], rays[hit]
    cosine = np.abs(np.einsum("nc,nc->n", mesh.face_normals()[face], toward))
    weights = _barycentric(mesh.triangles[face], eye + distance[hit, None] * toward)
    out[hit] = _colors(mesh, face, weights) * (0.35 + 0.65 * cosine[:, None])
    image = out.reshape(fine.height, fine.width, 3)
    return cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA)


def _barycentric(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[N,3] weights of the corners [N,3,3] of triangles at points [N,3] in their planes."""
    corners = corners.astype(np.float64)
    a, b, p = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], points - corners[:, 0]
    normal = np.cross(a, b)
    area = np.maximum((normal * normal).sum(1), 1e-30)
    second = (np.cross(p, b) * normal).sum(1) / area
    third = (np.cross(a, p) * normal).sum(1) / area
    return np.clip(np.stack([1 - second - third, second, third], axis=1), 0, 1)


def _colors(mesh: Mesh, face: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if mesh.colors is None:
        return np.full((len(face), 3), 0.7)
    return np.einsum("nk,nkc->nc", weights, mesh.colors[mesh.faces[face]])
