"""Mesh decimation that keeps a mesh strictly closed: quadric edge collapse, repeated without the regions that failed."""

from __future__ import annotations

import fast_simplification
import numpy as np
from scipy.spatial import cKDTree

from gsn_perception.geometry import Mesh
from gsn_perception.surface.extraction.connectivity import select_faces
from gsn_perception.surface.extraction.connectivity import single_faces
from gsn_perception.surface.extraction.extract import outer_surface
from gsn_perception.surface.watertight.self_intersections import crossing_and_closed
from gsn_perception.surface.watertight.untangling import untangled

_ATTEMPTS = ((1.0, 7), (1.0, 7), (1.0, 5), (0.97, 5), (0.93, 6), (0.9, 3))  # share of the budget, aggressiveness
_REACH = 1.5  # longest edges of a faulty face: the radius around it in which vertices are frozen
_VOLUME = 0.02


def decimate(mesh: Mesh, max_triangles: int, smallest: float = 1.0, safe: np.ndarray | None = None) -> Mesh:
    """The mesh with at most ``max_triangles`` faces, or the mesh itself where every attempt fails.

    An attempt fails where it opens the mesh, makes faces cross or changes the volume. The next attempt freezes the
    triangles around the faults.

    Args:
        mesh: Strictly closed, or strictly closed with its vertices at ``safe``.
        max_triangles: The budget.
        smallest: Pieces of less than this share of the largest one's volume are dropped, see :func:`outer_surface`.
        safe: [V,3] positions of its vertices at which no faces cross; used to untangle the mesh after a first failure.
            None: no faces cross.

    Returns:
        A strictly closed mesh; with more triangles than asked for where every attempt failed.
    """
    if len(mesh.faces) <= max_triangles:
        return mesh
    volume = mesh.volume()
    kept = np.zeros(len(mesh.vertices), dtype=bool)
    tree: cKDTree | None = None
    for share, aggressiveness in _ATTEMPTS:
        small = _collapsed(mesh, kept, int(share * max_triangles), aggressiveness)
        if small is None:
            break
        faulty = faulty_faces(small)
        if faulty.any() and safe is not None:
            mesh, safe = untangled(mesh, safe), None
        elif faulty.any():
            tree = cKDTree(mesh.vertices) if tree is None else tree
            kept |= _around(small, faulty, tree)
        elif len(small.faces) <= max_triangles:
            small = outer_surface(small, smallest)
            if abs(small.volume() - volume) <= _VOLUME * abs(volume):
                return small
    return mesh if safe is None else untangled(mesh, safe)


def coarse(mesh: Mesh, max_triangles: int) -> Mesh:
    """At most about ``max_triangles`` faces, for collision checking: quick, and open or crossing itself where edges collapse so."""
    if len(mesh.faces) <= max_triangles:
        return mesh
    return Mesh(*fast_simplification.simplify(mesh.vertices, mesh.faces, target_count=max_triangles))


def faulty_faces(mesh: Mesh) -> np.ndarray:
    """[F] bool: faces that cross others, or at which the mesh is not a closed surface."""
    bad, closed = crossing_and_closed(mesh)
    if not closed:
        edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]).astype(np.int64)
        bad |= (_occurrences(np.sort(edges, axis=1)) != 2).reshape(3, -1).any(axis=0)
        bad |= not bad.any()  # not visible in the edges: a vertex with two fans, or flipped faces
    return np.asarray(bad)


def _around(small: Mesh, faulty: np.ndarray, tree: cKDTree) -> np.ndarray:
    """[V] bool: vertices of the mesh in the tree near faulty faces of its decimated copy."""
    corners = small.triangles[faulty].astype(np.float64)
    edge = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    found = tree.query_ball_point(corners.mean(axis=1), _REACH * edge)
    near = np.zeros(tree.n, dtype=bool)
    near[np.concatenate([np.asarray(f, dtype=np.int64) for f in found])] = True
    return near


def _collapsed(mesh: Mesh, kept: np.ndarray, target: int, aggressiveness: int) -> Mesh | None:
    """Collapse edges, except those of kept vertices; None where too few faces are left to collapse."""
    if not kept.any():
        vertices, faces = fast_simplification.simplify(
            mesh.vertices, mesh.faces, target_count=target, agg=aggressiveness
        )
        return _without_fins(Mesh(vertices, faces))
    frozen = kept[mesh.faces].any(axis=1)
    target -= int(frozen.sum())
    if target < 4:
        return None
    loose, rest = select_faces(mesh, ~frozen), select_faces(mesh, frozen)
    vertices, faces = fast_simplification.simplify(
        loose.vertices, loose.faces, target_count=target, agg=aggressiveness, preserve_border=True
    )
    return _without_fins(_welded(Mesh(vertices, faces), rest))


def _welded(first: Mesh, second: Mesh) -> Mesh:
    """Two meshes as one; vertices at identical positions are merged."""
    vertices = np.concatenate([first.vertices, second.vertices])
    faces = np.concatenate([first.faces, second.faces + len(first.vertices)])
    _, index, inverse = np.unique(vertices, axis=0, return_index=True, return_inverse=True)
    return Mesh(vertices[index], inverse.ravel()[faces])


def _without_fins(mesh: Mesh) -> Mesh:
    """The mesh without pairs of faces on the same three vertices, which edge collapse can produce."""
    return select_faces(mesh, single_faces(mesh.faces))


def _occurrences(rows: np.ndarray) -> np.ndarray:
    """[N] how often each row of [N,K] occurs; several times faster than np.unique along an axis."""
    order = np.lexsort(rows.T)
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows[order[1:]] != rows[order[:-1]]).any(axis=1)
    group = np.cumsum(new) - 1
    count = np.empty(len(rows), dtype=np.int64)
    count[order] = np.bincount(group)[group]
    return count
