"""Supervision of surface networks: occupancy, displacement and surface samples of known meshes.

All samples are in the object's *unit frame*: its box is centred at the origin and its longest side is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

import numpy as np
import open3d as o3d

from gsn_perception.geometry import Mesh
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.surface.fields.winding_number import WindingNumber

BOX = 0.55
"""Half side of the box of uniform samples: the unit cube with a margin of a tenth (Occupancy Networks)."""


@dataclass(frozen=True, slots=True)
class SampleCounts:
    """Number of samples per object, and noise of near-surface samples.

    Attributes:
        uniform: Occupancy samples uniform in the box.
        near: Occupancy samples near the surface.
        displaced: Queries with their displacement to the surface.
        cloud: Surface points with normals.
        near_sigmas: Pairs for ``near``: standard deviation relative to the extent, and share of the samples.
        displaced_sigmas: The same for ``displaced`` (those of GeoUDF, which PEIF follows: papers.md 2.3).
    """

    uniform: int = 16384
    near: int = 16384
    displaced: int = 16384
    cloud: int = 10000
    near_sigmas: tuple[tuple[float, float], ...] = ((0.1, 0.2), (0.03, 0.4), (0.01, 0.4))
    displaced_sigmas: tuple[tuple[float, float], ...] = ((0.05, 0.1), (0.02, 0.4), (0.003, 0.5))


def unit_frame(mesh: Mesh) -> np.ndarray:
    """[4,4] similarity from the unit frame to the mesh's own."""
    low, high = mesh.vertices.min(axis=0).astype(np.float64), mesh.vertices.max(axis=0).astype(np.float64)
    return make_transform(np.eye(3), 0.5 * (low + high), float((high - low).max()))


def unit_mesh(mesh: Mesh) -> Mesh:
    """The mesh in its unit frame; faces are flipped if its volume is negative."""
    moved = Mesh(mesh.vertices, mesh.faces).transform(np.linalg.inv(unit_frame(mesh)))
    return replace(moved, faces=moved.faces[:, ::-1]) if moved.volume() < 0 else moved


def occupancy_samples(mesh: Mesh, counts: SampleCounts, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points [uniform + near,3] float16 of the unit frame and whether each lies inside, by the winding number.

    The winding number needs no closed mesh: with small holes it still separates inside from outside.
    """
    uniform = rng.uniform(-BOX, BOX, (counts.uniform, 3))
    near = np.clip(_jittered(mesh, counts.near, counts.near_sigmas, rng), -BOX, BOX)
    points = np.concatenate([uniform, near]).astype(np.float16)  # occupancy is computed at the points as stored
    return points, WindingNumber(mesh)(points) > 0.5


def displacement_samples(mesh: Mesh, counts: SampleCounts, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Queries [Q,3] float16 near the surface and the vectors [Q,3] float16 to their nearest surface points."""
    queries = _jittered(mesh, counts.displaced, counts.displaced_sigmas, rng).astype(np.float16)
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(*(o3d.core.Tensor.from_numpy(np.ascontiguousarray(a)) for a in _arrays(mesh)))
    nearest = scene.compute_closest_points(o3d.core.Tensor.from_numpy(queries.astype(np.float32)), nthreads=1)
    return queries, (nearest["points"].numpy() - queries.astype(np.float32)).astype(np.float16)


def surface_cloud(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Area-uniform points [count,3] float32 and their normals [count,3] int8 (x 127)."""
    points, face = sample_surface(mesh, count, rng)
    return points, np.round(mesh.face_normals()[face] * 127).astype(np.int8)


def _jittered(mesh: Mesh, count: int, sigmas: tuple[tuple[float, float], ...], rng: np.random.Generator) -> np.ndarray:
    """Surface points [count,3] with Gaussian noise of several standard deviations."""
    points, _ = sample_surface(mesh, count, rng)
    widths, parts = (np.array(column) for column in zip(*sigmas, strict=True))
    sigma = rng.choice(widths, size=(count, 1), p=parts / parts.sum())
    return points + sigma * rng.standard_normal((count, 3))


def _arrays(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    return mesh.vertices, mesh.faces.astype(np.uint32)
