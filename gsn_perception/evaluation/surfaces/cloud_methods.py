"""Surface reconstruction from whole clouds: learned fields, and Open3D's Poisson and ball pivoting on the same points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open3d as o3d

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import make_transform

CloudMethod = Callable[[np.ndarray], Mesh]
"""From points [P,3] in any units to a mesh in the same frame."""


@dataclass(frozen=True, slots=True)
class PoissonSettings:
    """Screened Poisson reconstruction (Kazhdan and Hoppe 2013); choose by `gsn eval surface --tune` on dev.

    Attributes:
        depth: Of the octree.
        neighbours: For the estimated normals.
        trim: Quantile of the sampling density below which vertices are removed; 0 keeps the surface closed.
    """

    depth: int = 8
    neighbours: int = 12
    trim: float = 0.02


@dataclass(frozen=True, slots=True)
class PivotingSettings:
    """Ball pivoting (Bernardini et al. 1999); choose by `gsn eval surface --tune` on dev.

    Attributes:
        radii: Of the balls, in mean distances between neighbours.
        neighbours: For the estimated normals.
    """

    radii: tuple[float, ...] = (1.0, 2.0, 4.0)
    neighbours: int = 12


POISSON_GRID = tuple(PoissonSettings(d, k, t) for d in (6, 7, 8) for k in (12, 24) for t in (0.0, 0.02))
PIVOTING_GRID = tuple(PivotingSettings(r, k) for r in ((1.0, 2.0), (1.0, 2.0, 4.0), (2.0, 4.0)) for k in (12, 24))
"""The settings that `gsn eval surface --tune` tries."""


def poisson(points: np.ndarray, settings: PoissonSettings | None = None) -> Mesh:
    """The screened Poisson surface of points [P,3] with estimated normals.

    Raises:
        InputError: no surface was found.
    """
    settings = settings or PoissonSettings()
    cloud = _oriented(points, settings.neighbours)
    mesh, density = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=settings.depth, n_threads=1)
    if settings.trim > 0:
        values = np.asarray(density)
        mesh.remove_vertices_by_mask(values < np.quantile(values, settings.trim))
    return _mesh(mesh, "Poisson reconstruction")


def ball_pivoting(points: np.ndarray, settings: PivotingSettings | None = None) -> Mesh:
    """The ball-pivoting surface of points [P,3] with estimated normals.

    Raises:
        InputError: no surface was found.
    """
    settings = settings or PivotingSettings()
    cloud = _oriented(points, settings.neighbours)
    spacing = float(np.asarray(cloud.compute_nearest_neighbor_distance()).mean())
    radii = o3d.utility.DoubleVector([factor * spacing for factor in settings.radii])
    return _mesh(o3d.geometry.TriangleMesh.create_from_point_cloud_ball_pivoting(cloud, radii), "ball pivoting")


def convonet_method(weights: str = "", *, resolution: int = 96) -> CloudMethod:
    """A Convolutional Occupancy Network, from shipped weights or a file.

    Raises:
        InputError: the weights are missing or damaged.
    """
    from gsn_perception.surface.extraction.implicit_shape import closed_mesh
    from gsn_perception.surface.learned.fields import cloud_shape
    from gsn_perception.surface.learned.weights import load_convonet
    from gsn_perception.surface.learned.weights import shipped_weights
    from gsn_perception.surface.solid.completion import Cloud

    network, info = load_convonet(Path(weights) if weights else shipped_weights("convonet"))

    def reconstruct(unit: np.ndarray) -> Mesh:
        shape = cloud_shape(network, info, Cloud(unit, np.ones(len(unit), bool)))
        return closed_mesh(shape, resolution=resolution, max_triangles=200_000)

    return in_unit_frame(reconstruct)


def peif_method(weights: str = "", *, resolution: int = 192) -> CloudMethod:
    """PEIF with directed marching and an open surface, from shipped weights or a file.

    Raises:
        InputError: the weights are missing or damaged.
    """
    from gsn_perception.surface.extraction.directed_marching import directed_marching
    from gsn_perception.surface.learned.weights import shipped_weights
    from gsn_perception.surface.peif import PeifField
    from gsn_perception.surface.peif import load_peif

    network, _ = load_peif(Path(weights) if weights else shipped_weights("peif"))

    def reconstruct(unit: np.ndarray) -> Mesh:
        corner = np.full(3, 0.55)
        return directed_marching(PeifField(network, unit), -corner, corner, resolution=resolution, seeds=unit)

    return in_unit_frame(reconstruct)


def in_unit_frame(reconstruct: CloudMethod) -> CloudMethod:
    """A method for clouds in any frame, from one for clouds in their unit frame (float32 points)."""

    def anywhere(points: np.ndarray) -> Mesh:
        T = unit_of_cloud(points)
        return reconstruct(((points - T[:3, 3]) / T[0, 0]).astype(np.float32)).transform(T)

    return anywhere


def unit_of_cloud(points: np.ndarray) -> np.ndarray:
    """[4,4] similarity from the cloud's unit frame (box centred at the origin, longest side 1) to its own."""
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    return make_transform(np.eye(3), 0.5 * (low + high), float((high - low).max()))


def _oriented(points: np.ndarray, neighbours: int) -> o3d.geometry.PointCloud:
    """The cloud with normals estimated from its points, as classical methods get no information about the outside."""
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.astype(np.float64)))
    cloud.estimate_normals(o3d.geometry.KDTreeSearchParamKNN(neighbours))
    cloud.orient_normals_consistent_tangent_plane(neighbours)
    return cloud


def _mesh(mesh: o3d.geometry.TriangleMesh, what: str) -> Mesh:
    """The mesh with faces outwards by the sign of its volume."""
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.triangles)
    if not len(faces):
        raise InputError(f"{what} found no surface in the cloud; give more points")
    made = Mesh(vertices, faces)
    return Mesh(vertices, faces[:, ::-1]) if made.volume() < 0 else made
