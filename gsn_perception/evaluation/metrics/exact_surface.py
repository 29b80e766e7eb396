"""Exact distance, closest-point, visibility and ray queries on a mesh (Open3D ray casting)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import open3d as o3d

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """First hits of the rays through a camera's pixel centres.

    Attributes:
        depth: [H,W] float32 along the camera's z, NaN without a hit.
        face: [H,W] index of the triangle; undefined without a hit.
        weights: [H,W,3] barycentric coordinates in it.
    """

    depth: np.ndarray
    face: np.ndarray
    weights: np.ndarray


class Surface:
    """A mesh for queries in its own frame.

    Raises:
        InputError: the mesh has no area.
    """

    def __init__(self, mesh: Mesh) -> None:
        if not len(mesh.faces) or not mesh.areas().any():
            raise InputError("the mesh has no surface to measure; give one with a triangle of positive area")
        self.mesh = mesh
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(_tensor(mesh.vertices), _tensor(mesh.faces.astype(np.uint32)))
        self._normals = mesh.face_normals()

    def distances(self, points: np.ndarray) -> np.ndarray:
        """Unsigned distances [N] from points [N,3] to the nearest triangle."""
        return self._scene.compute_distance(_tensor(points.astype(np.float32))).numpy()

    def signed_distances(self, points: np.ndarray) -> np.ndarray:
        """Distances [N] from points [N,3], negative inside (by ray parity)."""
        return self._scene.compute_signed_distance(_tensor(points.astype(np.float32))).numpy()

    def nearest_normals(self, points: np.ndarray) -> np.ndarray:
        """[N,3] normal of the triangle nearest to each point [N,3]."""
        found = self._scene.compute_closest_points(_tensor(points.astype(np.float32)))
        return self._normals[found["primitive_ids"].numpy()]

    def nearest_points(self, points: np.ndarray) -> np.ndarray:
        """[N,3] float32 point of the surface nearest to each point [N,3]."""
        return self._scene.compute_closest_points(_tensor(points.astype(np.float32)))["points"].numpy()

    def seen_from(self, eye: np.ndarray, points: np.ndarray, tolerance: float) -> np.ndarray:
        """Whether points [N,3] of the surface are visible from ``eye`` [3].

        Args:
            eye: Metres.
            points: On the surface.
            tolerance: Metres by which a first hit may be in front of a visible point.
        """
        rays = points - eye
        length = np.linalg.norm(rays, axis=1)
        packed = np.concatenate([np.broadcast_to(eye, rays.shape), rays / length[:, None]], axis=1)
        hit = self._scene.cast_rays(_tensor(packed.astype(np.float32)))["t_hit"].numpy()
        return hit > length - tolerance

    def cast(self, camera: Camera) -> Hits:
        """First hits seen from ``camera``, whose world is the mesh's frame."""
        rays = camera.pixel_rays() @ camera.world_from_camera[:3, :3].T
        origins = np.broadcast_to(camera.world_from_camera[:3, 3], rays.shape)
        found = self._scene.cast_rays(_tensor(np.concatenate([origins, rays], axis=-1).astype(np.float32)))
        depth, uv = found["t_hit"].numpy(), found["primitive_uvs"].numpy()
        depth = np.where(np.isfinite(depth), depth, np.float32(np.nan))
        weights = np.concatenate([1 - uv.sum(axis=-1, keepdims=True), uv], axis=-1)
        return Hits(depth, found["primitive_ids"].numpy().astype(np.int64), weights)


def _tensor(array: np.ndarray) -> Any:
    return o3d.core.Tensor(array)  # type: ignore[call-overload]
