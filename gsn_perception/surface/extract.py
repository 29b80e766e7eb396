"""From a sampled field to a clean, closed, coloured mesh."""

from __future__ import annotations

import fast_simplification
import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.surface.field import Field
from gsn_perception.surface.mise import Lattice

_NUDGE = 1e-4


def extract_surface(lattice: Lattice, *, level: float = 0.0, field: Field | None = None, bisections: int = 0) -> Mesh:
    """Marching cubes; the mesh is closed also where the solid reaches the border of the lattice.

    Args:
        lattice: The sampled field.
        level: The value of the surface.
        field: With it, every vertex is moved along its lattice edge to where the field really changes sign.
        bisections: Halvings of that edge.

    Raises:
        InputError: nothing is above the level.
    """
    values = lattice.values - np.float32(level)
    span = float(np.abs(values).max())
    values = np.where(np.abs(values) < _NUDGE * span, np.float32(-_NUDGE * span), values)
    if not (values > 0).any():
        raise InputError("the splat holds no solid: every point is seen past by a camera; use other weights or input")
    padded = np.pad(values, 1, constant_values=-span)
    corners, faces, _, _ = marching_cubes(padded, 0.0, gradient_direction="ascent", allow_degenerate=True)
    corners = corners.astype(np.float64) - 1.0
    if field is not None and bisections > 0:
        corners = _bisect(corners, lattice, level, field, bisections)
    return Mesh(lattice.positions(corners), faces)


def _bisect(corners: np.ndarray, lattice: Lattice, level: float, field: Field, steps: int) -> np.ndarray:
    """Vertices [V,3] in lattice units moved along the one axis in which they are fractional."""
    axis = np.abs(corners - np.round(corners)).argmax(axis=1)
    rows = np.arange(len(corners))
    low = np.round(corners)
    low[rows, axis] = np.floor(corners[rows, axis])
    high = low.copy()
    high[rows, axis] += 1.0
    inner = ((low >= 0) & (high <= np.array(lattice.values.shape) - 1)).all(axis=1)
    rising = ~_inside(lattice, low, level).reshape(-1, 1)
    inside, outside = np.where(rising, high, low), np.where(rising, low, high)
    for _ in range(steps):
        middle = 0.5 * (inside + outside)
        solid = np.greater(field(lattice.positions(middle)), level).reshape(-1, 1)
        inside, outside = np.where(solid, middle, inside), np.where(solid, outside, middle)
    # The last bracket is kept off the corners, so that no two vertices meet.
    placed = np.clip(0.5 * (inside + outside), low + 0.01 * (high - low), high - 0.01 * (high - low))
    return np.where(inner.reshape(-1, 1), placed, corners)


def _inside(lattice: Lattice, corners: np.ndarray, level: float) -> np.ndarray:
    index = np.clip(corners.astype(np.int64), 0, np.array(lattice.values.shape) - 1)
    return np.asarray(lattice.values[tuple(index.T)] > level)


def outer_surface(mesh: Mesh, smallest: float = 1.0) -> Mesh:
    """The closed part with the largest volume and those of at least ``smallest`` of it; internal cavities are dropped.

    Cavities have negative volume. What counts as one object may lie in several pieces.
    """
    if not len(mesh.faces):
        return mesh
    count = len(mesh.vertices)
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]]])
    graph = scipy.sparse.coo_matrix((np.ones(len(edges), dtype=bool), tuple(edges.T)), shape=(count, count))
    parts, part = connected_components(graph, directed=False)
    if parts == 1:
        return mesh
    a, b, c = (mesh.triangles[:, i].astype(np.float64) for i in range(3))
    volume = np.bincount(part[mesh.faces[:, 0]], np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0, parts)
    return _select_faces(mesh, (volume >= min(smallest, 1.0) * volume.max())[part[mesh.faces[:, 0]]])


def _select_faces(mesh: Mesh, keep: np.ndarray) -> Mesh:
    used, faces = np.unique(mesh.faces[keep], return_inverse=True)
    return Mesh(mesh.vertices[used], faces.reshape(-1, 3))


def smooth(mesh: Mesh, iterations: int, *, shrink: float = 0.5, inflate: float = -0.53) -> Mesh:
    """Taubin's low-pass filter (SIGGRAPH 1995): alternating steps that smooth without shrinking."""
    if iterations < 1 or not len(mesh.faces):
        return mesh
    count = len(mesh.vertices)
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    ones = np.ones(len(edges), dtype=np.float32)
    graph = scipy.sparse.coo_matrix((ones, tuple(edges.T)), shape=(count, count)).tocsr()
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1.0)
    vertices = mesh.vertices.astype(np.float64)
    for _ in range(iterations):
        for factor in (shrink, inflate):
            vertices = vertices + factor * ((graph @ vertices) / degree[:, None] - vertices)
    return Mesh(vertices, mesh.faces)


def decimate(mesh: Mesh, max_triangles: int, smallest: float = 1.0) -> Mesh:
    """At most ``max_triangles`` faces by quadric edge collapse; the mesh itself where every attempt opens it.

    Pieces of less than ``smallest`` of the largest one's volume are dropped as :func:`outer_surface` does.
    """
    if len(mesh.faces) <= max_triangles:
        return mesh
    volume = mesh.volume()
    for share, aggressiveness in ((1.0, 7), (1.0, 4), (0.97, 5), (0.93, 6), (0.9, 3)):
        target = int(share * max_triangles)
        vertices, faces = fast_simplification.simplify(
            mesh.vertices, mesh.faces, target_count=target, agg=aggressiveness
        )
        small = _without_fins(Mesh(vertices, faces))
        if len(small.faces) <= max_triangles and small.is_watertight():
            small = outer_surface(small, smallest)
            if abs(small.volume() - volume) <= 0.02 * abs(volume):
                return small
    return mesh


def _without_fins(mesh: Mesh) -> Mesh:
    """Without pairs of faces on the same three vertices, which edge collapse leaves behind."""
    _, index, count = np.unique(np.sort(mesh.faces, axis=1), axis=0, return_inverse=True, return_counts=True)
    return _select_faces(mesh, count[index.ravel()] == 1)


def paint(mesh: Mesh, gaussians: Gaussians, *, neighbours: int = 8) -> np.ndarray:
    """Vertex colours [V,3]: the nearest Gaussians' colours weighted by opacity and by their value at the vertex."""
    means = gaussians.means.numpy()
    k = min(neighbours, len(means))
    index = cKDTree(means).query(mesh.vertices, k)[1].reshape(-1, k)  # [V,k]
    size = float(gaussians.scales.max())
    covariance = gaussians.covariances().numpy().astype(np.float64) + 1e-10 * size**2 * np.eye(3)
    inverse = np.linalg.inv(covariance).astype(np.float32)[index]  # [V,k,3,3]
    offset = mesh.vertices[:, None] - means[index]
    squared = np.einsum("vki,vkij,vkj->vk", offset, inverse, offset)
    weight = np.exp(-0.5 * (squared - squared.min(axis=1, keepdims=True))) * gaussians.opacities.numpy()[index]
    weight /= weight.sum(axis=1, keepdims=True)
    colors = np.einsum("vk,vkc->vc", weight, gaussians.colors.numpy()[index])
    return np.clip(colors, 0.0, 1.0).astype(np.float32)
