"""The object's mesh prepared for grasp planning: smoothed normals, centre of mass, ray caster."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.spatial import cKDTree

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points

_PATCH = 0.004  # metres


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A mesh with the values that grasp planning needs.

    Attributes:
        mesh: The object.
        normals: [F,3] unit face normals, outwards, float64; averaged over a few millimetres, as soft pads do, where faces
            are smaller than that.
        areas: [F] m^2.
        center: [3] centre of mass of a solid of uniform density, metres.
        radius: Largest distance of a vertex from it, metres.
        caster: Open3D ``RaycastingScene``.
    """

    mesh: Mesh
    normals: np.ndarray
    areas: np.ndarray
    center: np.ndarray
    radius: float
    caster: Any

    @classmethod
    def of(cls, mesh: Mesh) -> Surface:
        """Prepare a mesh.

        Raises:
            InputError: it has no faces, no area, or a vertex that is not finite.
        """
        import open3d

        areas = mesh.areas() if len(mesh.faces) else np.zeros(0)
        if not np.isfinite(mesh.vertices).all() or not np.isfinite(areas).all():
            raise InputError("the mesh has vertices that are not finite; repair it before planning grasps")
        if areas.sum() <= 0:
            raise InputError("the mesh has no surface; give a mesh with triangles")
        caster = open3d.t.geometry.RaycastingScene(nthreads=2)
        tensor = open3d.core.Tensor.from_numpy
        caster.add_triangles(tensor(mesh.vertices), tensor(mesh.faces.astype(np.uint32)))
        center = center_of_mass(mesh)
        radius = float(np.linalg.norm(mesh.vertices[np.unique(mesh.faces)] - center, axis=1).max())
        return cls(mesh, smooth_normals(mesh, areas), areas, center, radius, caster)

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First hits of rays.

        Args:
            origins: [N,3] metres.
            directions: [N,3] unit.

        Returns:
            Distances [N] (inf without a hit) and faces [N] (-1 without a hit).
        """
        rays = np.concatenate([origins, directions], axis=1).astype(np.float32)
        answer = self.caster.cast_rays(rays)
        distance = answer["t_hit"].numpy().astype(np.float64)
        face = answer["primitive_ids"].numpy().astype(np.int64)
        return distance, np.where(np.isfinite(distance), face, -1)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Unsigned distances [M] of points [M,3] to the surface, metres."""
        return self.caster.compute_distance(np.ascontiguousarray(points, dtype=np.float32)).numpy().copy()


def smooth_normals(mesh: Mesh, areas: np.ndarray) -> np.ndarray:
    """[F,3] unit face normals, averaged with those of their neighbours over about :data:`_PATCH` metres.

    A reconstructed surface is rough at the scale of its cells; a rubber pad averages over that. Where edges are longer
    than the patch, normals are not changed.
    """
    normals = mesh.face_normals()
    a, b = mesh.triangles[:, 0].astype(np.float64), mesh.triangles[:, 1].astype(np.float64)
    edge = float((areas * np.linalg.norm(a - b, axis=1)).sum() / areas.sum())
    steps = min(int((_PATCH / edge) ** 2), 8)  # diffusion: the radius grows with the square root of the steps
    if not steps:
        return normals
    count = len(mesh.faces)
    touches = coo_matrix(
        (np.ones(3 * count), (mesh.faces.ravel(), np.repeat(np.arange(count), 3))), shape=(len(mesh.vertices), count)
    ).tocsr()
    weights = areas[:, None]
    for _ in range(steps):
        mixed = touches.T @ (touches @ (weights * normals))
        normals = mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-30)
    return normals


def center_of_mass(mesh: Mesh) -> np.ndarray:
    """Centre [3] of the enclosed solid; of the surface where the mesh encloses no volume."""
    triangles = mesh.triangles.astype(np.float64)
    areas = mesh.areas()
    middle = (areas[:, None] * triangles.mean(axis=1)).sum(axis=0) / areas.sum()
    a, b, c = (triangles[:, i] - middle for i in range(3))
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    total = volumes.sum()
    # a closed ball has V = (A / 6) * sqrt(A / pi); far below that the sum is noise of an open sheet
    if abs(total) < 1e-3 * areas.sum() ** 1.5 / 10.6:
        return middle
    return middle + (volumes[:, None] * (a + b + c) / 4).sum(axis=0) / total


def clamped_above(mesh: Mesh, plane: Plane) -> Mesh:
    """The mesh with vertices below its support plane moved up onto it."""
    depth = np.minimum(plane.height(mesh.vertices.astype(np.float64)), 0.0)
    if depth.min(initial=0.0) > -1e-6:
        return mesh
    return replace(mesh, vertices=mesh.vertices - depth[:, None] * plane.normal)


def with_confidence(mesh: Mesh, points: Points | None) -> Mesh:
    """The mesh with the confidence of the nearest point at every vertex; unchanged where it has a confidence."""
    if mesh.confidence is not None or points is None or not len(points):
        return mesh
    nearest = cKDTree(points.xyz).query(mesh.vertices)[1]
    return replace(mesh, confidence=points.confidence[nearest])
