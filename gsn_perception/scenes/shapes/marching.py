"""Meshes a signed distance function: block-wise sampling, marching cubes, simplification; watertight."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.scenes.shapes.sdf import Sdf

_BLOCK = 4  # cells along a block's side


def sdf_mesh(sdf: Sdf, low: np.ndarray, high: np.ndarray, *, cells: int = 80, max_faces: int = 6000) -> Mesh:
    """The zero surface of a signed distance, simplified; its largest connected solid.

    Args:
        sdf: 1-Lipschitz signed distance.
        low: [3] lower corner of a box that contains the solid.
        high: [3] upper corner.
        cells: Grid cells along the solid's longest side.
        max_faces: Number of faces after simplification, as far as the mesh stays closed.

    Returns:
        A watertight mesh in the units of the box, faces outwards.

    Raises:
        InputError: The solid is empty or reaches out of the box.
    """
    from skimage.measure import marching_cubes

    low, high = _tight_box(sdf, np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64))
    step = float((high - low).max()) / cells
    blocks = np.ceil((high - low) / step / _BLOCK).astype(int) + 2  # one empty block on each side
    origin = (low + high) / 2 - blocks * _BLOCK * step / 2
    values = sample_blocks(sdf, origin, step, blocks)
    if values.min() >= 0:
        raise InputError("the signed distance is nowhere negative in its box; enlarge the box or the solid")
    border = np.concatenate([np.take(values, i, axis).ravel() for axis in range(3) for i in (0, -1)])
    if border.min() <= 0:
        raise InputError("the solid reaches out of its box; enlarge the box")
    values[np.abs(values) < 1e-3 * step] = 1e-3 * step  # a vertex on a grid point would give degenerate faces
    vertices, faces, _, _ = marching_cubes(values, level=0.0, gradient_direction="descent")
    mesh = largest_solid(Mesh(vertices, faces))
    mesh = simplify(mesh, max_faces)
    return Mesh(origin + mesh.vertices.astype(np.float64) * step, mesh.faces)


def _tight_box(sdf: Sdf, low: np.ndarray, high: np.ndarray, count: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """The part of a box whose coarse cells may intersect the solid.

    Raises:
        InputError: no cell intersects it.
    """
    counts = np.maximum(np.ceil((high - low) / (high - low).max() * count), 1).astype(int)
    step = (high - low) / counts
    at = np.stack(np.meshgrid(*[np.arange(n) + 0.5 for n in counts], indexing="ij"), -1).reshape(-1, 3)
    touched = at[sdf((low + at * step).astype(np.float32)) <= np.linalg.norm(step) / 2]
    if not len(touched):
        raise InputError("the signed distance is nowhere negative in its box; enlarge the box or the solid")
    return low + (touched.min(axis=0) - 0.5) * step, low + (touched.max(axis=0) + 0.5) * step


def sample_blocks(sdf: Sdf, origin: np.ndarray, step: float, blocks: np.ndarray) -> np.ndarray:
    """The distance on a grid: exact near the surface, elsewhere the value at the block's centre.

    Args:
        sdf: 1-Lipschitz signed distance.
        origin: [3] the first grid point.
        step: Grid spacing.
        blocks: [3] blocks of 4 x 4 x 4 points along x, y, z.

    Returns:
        [4 bx, 4 by, 4 bz] float32; all signs are correct.
    """
    bx, by, bz = (int(n) for n in blocks)
    corner = np.stack(np.meshgrid(np.arange(bx), np.arange(by), np.arange(bz), indexing="ij"), -1).reshape(-1, 3)
    offset = np.stack(np.meshgrid(*[np.arange(_BLOCK)] * 3, indexing="ij"), -1).reshape(-1, 3)
    corner_at = (origin + corner * (_BLOCK * step)).astype(np.float32)  # [B, 3]
    offset_at = (offset * step).astype(np.float32)  # [64, 3]
    middle = sdf(corner_at + offset_at.mean(axis=0))
    values = np.repeat(middle[:, None], _BLOCK**3, axis=1)  # [B, 64]
    reach = step * np.sqrt(3) * (_BLOCK + 1) / 2  # half a block's diagonal and one cell on: neighbours interpolate too
    near = np.flatnonzero(np.abs(middle) <= reach)
    points = (corner_at[near, None] + offset_at).reshape(-1, 3)
    values[near] = sdf(points).reshape(-1, _BLOCK**3)
    grid = values.reshape(bx, by, bz, _BLOCK, _BLOCK, _BLOCK).transpose(0, 3, 1, 4, 2, 5)
    return np.ascontiguousarray(grid.reshape(bx * _BLOCK, by * _BLOCK, bz * _BLOCK), dtype=np.float32)


def component_count(mesh: Mesh) -> int:
    """Number of connected surfaces of the mesh."""
    return 0 if not len(mesh.faces) else len(np.unique(_labels(mesh)[mesh.faces[:, 0]]))


def largest_solid(mesh: Mesh) -> Mesh:
    """The connected surface with the largest volume; drops fragments and closed cavities."""
    labels = _labels(mesh)[mesh.faces[:, 0]]
    names = np.unique(labels)
    if len(names) > 1:
        volumes = [Mesh(mesh.vertices, mesh.faces[labels == name]).volume() for name in names]
        faces = mesh.faces[labels == names[int(np.argmax(volumes))]]
    else:
        faces = mesh.faces
    used, new = np.unique(faces, return_inverse=True)
    return Mesh(mesh.vertices[used], new.reshape(-1, 3))


def simplify(mesh: Mesh, max_faces: int) -> Mesh:
    """Quadric edge collapse down to ``max_faces``, as far as the mesh stays closed and in one piece."""
    import fast_simplification

    count = len(mesh.faces)
    while max_faces < count:
        vertices, faces = fast_simplification.simplify(mesh.vertices, mesh.faces, target_count=max_faces)
        small = Mesh(vertices, faces)
        if small.is_watertight() and component_count(small) == 1 and small.volume() > 0:
            return largest_solid(small)  # drops unused vertices
        max_faces = int(max_faces * 1.4)
    return mesh


def _labels(mesh: Mesh) -> np.ndarray:
    """[V] connected component of each vertex."""
    a = np.concatenate([mesh.faces[:, 0], mesh.faces[:, 1]])
    b = np.concatenate([mesh.faces[:, 1], mesh.faces[:, 2]])
    n = len(mesh.vertices)
    return connected_components(coo_matrix((np.ones(len(a), dtype=bool), (a, b)), shape=(n, n)), directed=False)[1]
