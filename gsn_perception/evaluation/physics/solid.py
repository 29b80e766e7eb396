"""The solid that a mesh bounds: welded, faces oriented outwards, holes closed by fans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.fields.winding_number import WindingNumber


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A mesh as a solid.

    Attributes:
        outward: The mesh's own triangles, facing outwards (those of a cavity into the cavity).
        closed: The same with a fan over every hole; it has no open edge.
        lid: Share of the fans in the closed surface.
    """

    outward: Mesh
    closed: Mesh
    lid: float


def solid_of(mesh: Mesh) -> Solid:
    """The solid that a mesh bounds.

    Triangles inconsistent with their neighbours are flipped, and pieces that face inwards without being inside another
    piece; vertices at one position and duplicate triangles (two-sided ones) are merged. A closed mesh with faces outwards
    is returned as it is, also where more than two triangles meet at an edge.
    """
    if not len(mesh.faces):
        return Solid(mesh, mesh, 0.0)
    if not len(open_edges(mesh.faces)) and _piecewise_positive(mesh):
        return Solid(mesh, mesh, 0.0)
    plain = _consistent(_welded(mesh))
    if not len(plain.faces):
        return Solid(mesh, mesh, 0.0)
    vertices, lids = _lids(plain)
    label = _pieces(plain)
    of_face = np.concatenate([label[plain.faces[:, 0]], label[lids[:, 0]]])
    whole = Mesh(vertices, np.concatenate([plain.faces, lids]))
    turned = _facing(whole, of_face)
    count = len(plain.faces)
    areas = turned.areas()
    lid = float(areas[count:].sum() / max(areas.sum(), 1e-30))
    return Solid(Mesh(plain.vertices, turned.faces[:count]), turned, lid)


def open_edges(faces: np.ndarray) -> np.ndarray:
    """[E,2] directed edges that the triangles [F,3] use more often in one direction than in the other."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    forward = edges[:, 0] < edges[:, 1]
    unique, index = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    excess = np.bincount(index.reshape(-1), weights=np.where(forward, 1, -1), minlength=len(unique)).astype(int)
    along = np.where(excess[:, None] > 0, unique, unique[:, ::-1])
    return np.repeat(along, np.abs(excess), axis=0)


def _welded(mesh: Mesh) -> Mesh:
    """The mesh with vertices at one position merged, without degenerate and duplicate triangles."""
    vertices, index = np.unique(mesh.vertices, axis=0, return_inverse=True)
    faces = index.reshape(-1)[mesh.faces]
    real = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[real]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return Mesh(vertices, faces[np.sort(first)])


def _consistent(mesh: Mesh) -> Mesh:
    """The mesh with consistent orientation of neighbours."""
    import trimesh

    made: Any = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    if made.is_winding_consistent:
        return mesh
    trimesh.repair.fix_winding(made)
    return Mesh(mesh.vertices, made.faces)


def _lids(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V+H,3] with the centre of every hole added, and fans [L,3] around these centres."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = open_edges(mesh.faces)
    if not len(edges):
        return mesh.vertices, np.zeros((0, 3), dtype=np.int64)
    used, index = np.unique(edges, return_inverse=True)
    ends = index.reshape(-1, 2)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(used), len(used)))
    count, hole = connected_components(graph, directed=False)
    starts, stops = mesh.vertices[edges[:, 0]].astype(np.float64), mesh.vertices[edges[:, 1]].astype(np.float64)
    length = np.linalg.norm(stops - starts, axis=1)
    which = hole[ends[:, 0]]
    weights = np.bincount(which, weights=length, minlength=count)
    sums = [np.bincount(which, weights=length * (starts + stops)[:, k] / 2, minlength=count) for k in range(3)]
    middles = np.stack(sums, axis=1) / np.maximum(weights, 1e-30)[:, None]
    fans = np.stack([edges[:, 1], edges[:, 0], len(mesh.vertices) + which], axis=1)
    return np.concatenate([mesh.vertices, middles.astype(np.float32)]), fans


def _pieces(mesh: Mesh) -> np.ndarray:
    """[V] number of the connected piece of every vertex."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(mesh.vertices)
    a, b = mesh.faces[:, [0, 1]].reshape(-1), mesh.faces[:, [1, 2]].reshape(-1)
    return np.asarray(connected_components(coo_matrix((np.ones(len(a)), (a, b)), shape=(count, count)))[1])


def _piecewise_positive(mesh: Mesh) -> bool:
    return bool((_volumes(mesh, _pieces(mesh)[mesh.faces[:, 0]]) > 0).all())


def _volumes(mesh: Mesh, of_face: np.ndarray) -> np.ndarray:
    """Signed volumes of the pieces that have triangles."""
    middle = mesh.vertices.mean(axis=0, dtype=np.float64)
    a, b, c = (mesh.triangles[:, i].astype(np.float64) - middle for i in range(3))
    sums = np.bincount(of_face, weights=np.einsum("ij,ij->i", a, np.cross(b, c)) / 6)
    return sums[np.unique(of_face)]


def _facing(mesh: Mesh, of_face: np.ndarray) -> Mesh:
    """The mesh with closed pieces oriented outwards, largest first; a piece inside another flips with the outer one.

    A cavity is a piece inside another with opposite orientation; where the outer piece is flipped, the cavity is, too.
    """
    faces = mesh.faces.copy()
    numbers = np.unique(of_face)
    volumes = dict(zip(numbers.tolist(), _volumes(mesh, of_face).tolist(), strict=True))
    done: list[tuple[int, Mesh, bool]] = []  # number, oriented piece, whether it was flipped
    for number in sorted(volumes, key=lambda n: -abs(volumes[n])):
        mine = of_face == number
        around = [(n, m, turned) for n, m, turned in done if _inside(mesh.vertices[faces[mine][0]].mean(axis=0), m)]
        turn = around[-1][2] if around else volumes[number] < 0
        if turn:
            faces[mine] = faces[mine][:, ::-1]
        done.append((number, Mesh(mesh.vertices, faces[mine]), turn))
    return Mesh(mesh.vertices, faces)


def _inside(point: np.ndarray, mesh: Mesh) -> bool:
    """Whether a closed mesh encloses a point [3], for either orientation."""
    corners = mesh.triangles.reshape(-1, 3)
    if (point < corners.min(axis=0)).any() or (point > corners.max(axis=0)).any():
        return False
    return bool(abs(WindingNumber(mesh)(point[None])[0]) > 0.5)
