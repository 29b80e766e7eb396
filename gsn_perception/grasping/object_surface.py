"""The object's mesh prepared for grasp planning: smoothed normals, centre of mass, bounding tree."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.grasping.tree.bounding_tree import BoundingTree
from gsn_perception.grasping.tree.bounding_tree import bounding_tree
from gsn_perception.grasping.tree.distances import distances
from gsn_perception.grasping.tree.face_values import averaged_normals
from gsn_perception.grasping.tree.face_values import face_values
from gsn_perception.grasping.tree.face_values import mass_moments
from gsn_perception.grasping.tree.nearest import nearest_items
from gsn_perception.grasping.tree.rays import first_hits

_PATCH = 0.004  # metres
_MOST_STEPS = 8


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
        tree: Over the triangles, for rays, distances and collisions.
        confidence: [F] mean of the vertices' confidence, or None.
    """

    mesh: Mesh
    normals: np.ndarray
    areas: np.ndarray
    center: np.ndarray
    radius: float
    tree: BoundingTree
    confidence: np.ndarray | None

    @classmethod
    def of(cls, mesh: Mesh) -> Surface:
        """Prepare a mesh.

        Raises:
            InputError: it has no faces, no area, or a vertex that is not finite.
        """
        areas, normals, edges = face_values(*_arrays(mesh))
        if not np.isfinite(mesh.vertices).all() or not np.isfinite(areas).all():
            raise InputError("the mesh has vertices that are not finite; repair it before planning grasps")
        if areas.sum() <= 0:
            raise InputError("the mesh has no surface; give a mesh with triangles")
        center = _center(mesh, areas)
        reach = np.square(mesh.vertices - center).sum(axis=1)
        radius = float(np.sqrt(reach[used_vertices(mesh)].max()))
        edge = float((areas * edges).sum() / areas.sum())
        steps = min(int((_PATCH / edge) ** 2), _MOST_STEPS)  # diffusion: the radius grows with the root of the steps
        if steps:
            normals = averaged_normals(_arrays(mesh)[1], len(mesh.vertices), normals, areas, steps)
        confidence = None
        if mesh.confidence is not None:
            a, b, c = (mesh.confidence[mesh.faces[:, i]] for i in range(3))
            confidence = (a + b + c) / np.float32(3)
        return cls(mesh, normals, areas, center, radius, bounding_tree(mesh.triangles), confidence)

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First hits of rays.

        Args:
            origins: [N,3] metres.
            directions: [N,3] unit.

        Returns:
            Distances [N] (inf without a hit) and faces [N] (-1 without a hit).
        """
        return first_hits(self.tree, origins, directions)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Unsigned distances [M] of points [M,3] to the surface, metres."""
        return distances(self.tree, points)

    def farther(self, points: np.ndarray, limit: float) -> np.ndarray:
        """Whether [M] points [M,3] are farther than ``limit`` metres from the surface; faster than the distance."""
        return distances(self.tree, points, limit=2 * limit + 1e-9) > limit


def used_vertices(mesh: Mesh) -> np.ndarray:
    """[V] whether a face has the vertex."""
    used = np.zeros(len(mesh.vertices), dtype=bool)
    used[mesh.faces.ravel()] = True
    return used


def center_of_mass(mesh: Mesh) -> np.ndarray:
    """Centre [3] of the enclosed solid; of the surface where the mesh encloses no volume."""
    return _center(mesh, face_values(*_arrays(mesh))[0])


def _center(mesh: Mesh, areas: np.ndarray) -> np.ndarray:
    middle, volume, moment = mass_moments(*_arrays(mesh), areas)
    # a closed ball has V = (A / 6) * sqrt(A / pi); far below that the sum is noise of an open sheet
    if abs(volume) < 1e-3 * areas.sum() ** 1.5 / 10.6:
        return middle
    return np.asarray(middle + moment / volume)


def _arrays(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces, writable in the eyes of the compiler: read-only arrays would compile everything again."""
    return tuple(a if a.flags.writeable else a.copy() for a in (mesh.vertices, mesh.faces))  # type: ignore[return-value]


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
    nearest = nearest_items(bounding_tree(points.xyz[:, None]), mesh.vertices)
    return replace(mesh, confidence=points.confidence[nearest])
