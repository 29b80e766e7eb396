"""Mesh decimation that keeps a mesh strictly closed: quadric edge collapse, repeated without the regions that failed."""

from __future__ import annotations

import fast_simplification
import numba
import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.extraction.extract import outer_surface
from gsn_perception.surface.watertight.connectivity import select_faces
from gsn_perception.surface.watertight.connectivity import single_faces
from gsn_perception.surface.watertight.self_intersections import crossing_and_closed
from gsn_perception.surface.watertight.untangling import untangled

_ATTEMPTS = ((1.0, 7), (1.0, 5), (0.97, 5), (0.93, 6), (0.9, 3))  # share of the budget, aggressiveness
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
    for share, aggressiveness in _ATTEMPTS:
        small, faulty = _attempt(mesh, kept, int(share * max_triangles), aggressiveness)
        if small is not None and faulty.any() and safe is not None and not kept.any():
            near = _around(small, faulty, mesh.vertices)
            tangled, mesh = mesh, untangled(mesh, safe, near[mesh.faces].any(axis=1))
            if mesh is not tangled:
                small, faulty = _attempt(mesh, kept, int(share * max_triangles), aggressiveness)
        if small is None:
            break
        if faulty.any():
            kept |= _around(small, faulty, mesh.vertices)
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


def _around(small: Mesh, faulty: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """[V] bool: vertices of a mesh near faulty faces of its decimated copy."""
    corners = small.triangles[faulty].astype(np.float64)
    edge = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    return _within(vertices, corners.mean(axis=1), _REACH * edge)


@numba.njit(nogil=True, cache=True)
def _within(points: np.ndarray, centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """[P] bool: points [P,3] in any of the balls with centres [B,3] and radii [B]."""
    out = np.zeros(len(points), np.bool_)
    for b in range(len(centres)):
        x, y, z, squared = centres[b, 0], centres[b, 1], centres[b, 2], radii[b] * radii[b]
        for p in range(len(points)):
            u, v, w = points[p, 0] - x, points[p, 1] - y, points[p, 2] - z
            out[p] |= u * u + v * v + w * w <= squared
    return out


def _attempt(mesh: Mesh, kept: np.ndarray, target: int, aggressiveness: int) -> tuple[Mesh | None, np.ndarray]:
    """The decimated mesh, None where too few faces are left to collapse, and its faulty faces."""
    small = _collapsed(mesh, kept, target, aggressiveness)
    return small, np.zeros(0, dtype=bool) if small is None else faulty_faces(small)


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
    order = np.lexsort(vertices.T[::-1])
    new = _starts_of_groups(vertices[order])
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    return Mesh(vertices[order[new]], number[faces])


def _without_fins(mesh: Mesh) -> Mesh:
    """The mesh without pairs of faces on the same three vertices, which edge collapse can produce."""
    return select_faces(mesh, single_faces(mesh.faces))


def _occurrences(rows: np.ndarray) -> np.ndarray:
    """[N] how often each row of [N,K] occurs; several times faster than np.unique along an axis."""
    order = np.lexsort(rows.T)
    group = np.cumsum(_starts_of_groups(rows[order])) - 1
    count = np.empty(len(rows), dtype=np.int64)
    count[order] = np.bincount(group)[group]
    return count


def _starts_of_groups(rows: np.ndarray) -> np.ndarray:
    """[N] bool: rows [N,K] that differ from the one before."""
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return new
