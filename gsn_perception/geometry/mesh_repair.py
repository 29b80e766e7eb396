"""Mesh repair: welds vertices, removes duplicate faces, orients faces outwards; remarks say what was found."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gsn_perception.geometry.mesh import Mesh
from gsn_perception.geometry.remark import Remark

_WELD = 1e-5  # of the extent: distance of corners that a text format rounded differently
_SAMPLES = 24  # faces of a part that are tested for which side is outside
_FEWEST = 3  # least number of faces of a part that has an outside
_MOST_PARTS = 64  # with more parts, parts inside parts are not searched


def repair_mesh(mesh: Mesh) -> tuple[Mesh, tuple[Remark, ...]]:
    """The mesh with welded vertices, without duplicate faces, and with the faces of each part oriented outwards.

    A part inside another (the wall of a cavity) keeps its orientation relative to the outer part. Holes are not filled.

    Returns:
        The mesh (without colours and normals) and remarks; no remark for a closed, consistently oriented mesh.
    """
    mesh = _welded(mesh)
    if not len(mesh.faces):
        return mesh, ()
    mesh, remarks = _once(mesh)
    edges = _Edges.of(mesh.faces)
    parts, turn = _wound(len(mesh.faces), edges)
    uneven = int(turn.sum())
    mesh = replace(mesh, faces=_turned(mesh.faces, turn))
    inverted = _inverted(mesh, parts, np.unique(parts[turn]))
    mesh = replace(mesh, faces=_turned(mesh.faces, inverted))
    if inverted.any():
        text = f"{int(inverted.sum())} of {len(inverted)} faces of the mesh pointed inwards (inside-out or mirrored)"
        remarks.append(Remark("mesh_inside_out", f"{text} and were flipped; export it with outward normals"))
    elif uneven:
        text = f"{uneven} of {len(turn)} faces of the mesh were oriented against their neighbours and were flipped"
        remarks.append(Remark("mesh_winding", f"{text}; recalculate its normals"))
    return mesh, (*remarks, *_holes(edges))


def winding_number(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """[M] generalised winding number at points [M,3]: 1 inside, 0 outside, -1 inside an inverted mesh.

    The sum of the faces' signed solid angles over the full angle (van Oosterom and Strackee 1983); an open mesh gives
    values in between.
    """
    corners = mesh.triangles.astype(np.float64)
    answer = np.zeros(len(points))
    for index, point in enumerate(np.asarray(points, dtype=np.float64)):
        a, b, c = (corners[:, i] - point for i in range(3))
        la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
        volume = np.einsum("ij,ij->i", a, np.cross(b, c))
        spread = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
        answer[index] = 2 * np.arctan2(volume, spread).sum()
    return answer / (4 * np.pi)


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Directed edges of faces [F,3], grouped by undirected edge.

    Attributes:
        faces: [3F] face of each directed edge, sorted by edge.
        forward: [3F] bool, whether it runs from the lower to the higher vertex.
        ends: [3F,2] its vertices, lower first.
        starts: [E] where each undirected edge begins.
        counts: [E] faces at it.
    """

    faces: np.ndarray
    forward: np.ndarray
    ends: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, faces: np.ndarray) -> _Edges:
        directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
        ends = np.sort(directed, axis=1)
        order = np.lexsort((ends[:, 1], ends[:, 0]))
        ends, forward = ends[order], (directed[:, 0] < directed[:, 1])[order]
        new = np.ones(len(ends), dtype=bool)
        new[1:] = (ends[1:] != ends[:-1]).any(axis=1)
        starts = np.flatnonzero(new)
        return cls(np.tile(np.arange(len(faces)), 3)[order], forward, ends, starts, np.diff([*starts, len(ends)]))

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Faces [P] and faces [P] that share an edge with no other face, and [P] whether their windings agree."""
        at = self.starts[self.counts == 2]
        return self.faces[at], self.faces[at + 1], self.forward[at] != self.forward[at + 1]


def _welded(mesh: Mesh) -> Mesh:
    """Merges vertices at the same place; drops degenerate faces and unused vertices."""
    exact = _merged(mesh, mesh.vertices)
    if (_Edges.of(exact.faces).counts != 1).all():
        return exact
    extent = float(np.ptp(exact.vertices, axis=0).max()) if len(exact.vertices) else 0.0
    close = cKDTree(exact.vertices).query_pairs(extent * _WELD, output_type="ndarray")
    count = len(exact.vertices)
    graph = coo_matrix((np.ones(len(close)), (close[:, 0], close[:, 1])), shape=(count, count))
    near = _merged(exact, connected_components(graph, directed=False)[1][:, None])
    open_edges = [(_Edges.of(m.faces).counts == 1).sum() for m in (exact, near)]
    return near if len(near.faces) and open_edges[1] < open_edges[0] else exact


def _merged(mesh: Mesh, places: np.ndarray) -> Mesh:
    _, first, inverse = np.unique(places, axis=0, return_index=True, return_inverse=True)
    faces = first[inverse.reshape(-1)][mesh.faces].reshape(-1, 3)
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    used, index = np.unique(faces, return_inverse=True)
    confidence = None if mesh.confidence is None else mesh.confidence[used]
    return Mesh(mesh.vertices[used], index.reshape(-1, 3), confidence=confidence)


def _once(mesh: Mesh) -> tuple[Mesh, list[Remark]]:
    """Duplicate faces: kept once, or both removed where two opposite ones form a wall without thickness."""
    ordered = np.sort(mesh.faces, axis=1)
    _, first, group, counts = np.unique(ordered, axis=0, return_index=True, return_inverse=True, return_counts=True)
    twice = len(mesh.faces) - len(first)
    if not twice:
        return mesh, []
    group = group.reshape(-1)
    start = mesh.faces[np.arange(len(mesh.faces)), (np.argmin(mesh.faces, axis=1) + 1) % 3]
    sides = np.bincount(group, np.where(start == ordered[:, 1], 1, -1))  # a pair back to back: 0
    once, walls_gone = np.sort(first), np.sort(first[(counts == 1) | (sides != 0)])
    flaws = [int((_Edges.of(mesh.faces[kept]).counts != 2).sum()) for kept in (once, walls_gone)]
    gone = len(walls_gone) > len(once) / 2 and flaws[1] < flaws[0]
    what = "those back to back were left out" if gone else "each was kept once"
    text = (
        f"{twice} faces of the mesh lie on another one (it is two-sided, holds parts twice or walls without thickness)"
    )
    faces = mesh.faces[walls_gone if gone else once]
    return replace(mesh, faces=faces), [Remark("mesh_faces_twice", f"{text}; {what}")]


def _turned(faces: np.ndarray, which: np.ndarray) -> np.ndarray:
    return np.where(which[:, None], faces[:, ::-1], faces)


def _wound(count: int, edges: _Edges) -> tuple[np.ndarray, np.ndarray]:
    """Part [F] of each face, and [F] bool which faces to flip so that neighbours agree: the minority of each part."""
    one, other, alike = edges.pairs()
    graph = coo_matrix((np.ones(len(one)), (one, other)), shape=(count, count)).tocsr()
    _, parts = connected_components(graph, directed=False)
    turn = np.zeros(count, dtype=bool)
    if alike.all():
        return parts, turn
    pairs = zip(one.tolist(), other.tolist(), alike.tolist(), strict=True)
    agree = {key: same for a, b, same in pairs for key in ((a, b), (b, a))}
    graph = (graph + graph.T).tocsr()
    for part in np.unique(parts[one[~alike]]):
        members = np.flatnonzero(parts == part)
        order, before = breadth_first_order(graph, members[0], directed=False)
        for face in order[1:]:
            turn[face] = turn[before[face]] ^ (not agree[int(before[face]), int(face)])
        if turn[members].mean() > 0.5:
            turn[members] ^= True
    return parts, turn


def _inverted(mesh: Mesh, parts: np.ndarray, mended_parts: np.ndarray) -> np.ndarray:
    """[F] bool: faces that belong to a part oriented inwards."""
    order = np.argsort(parts, kind="stable")
    groups = np.split(mesh.faces[order], np.flatnonzero(np.diff(parts[order])) + 1)
    pieces = [replace(mesh, faces=faces, confidence=None) for faces in groups]
    count = len(pieces)
    inverted = np.array([_side(piece) < -1e-3 for piece in pieces])
    if 1 < count <= _MOST_PARTS:
        inside = {part: _container(part, pieces) for part in range(count) if part not in mended_parts}
        for part, outer in inside.items():
            if (
                outer is not None
            ):  # e.g. a cavity is correctly oriented inwards; it is flipped together with the part around it
                inverted[part] = inverted[outer]
    return inverted[parts]


def _side(piece: Mesh) -> float:
    """Mean winding number on both sides of a part's faces: positive if they face outwards, about 0 for a flat sheet."""
    if len(piece.faces) < _FEWEST:
        return 0.0
    chosen = np.linspace(0, len(piece.faces) - 1, min(_SAMPLES, len(piece.faces))).astype(int)
    middle = piece.triangles[chosen].mean(axis=1, dtype=np.float64)
    corners = piece.vertices[np.unique(piece.faces)]
    step = 1e-3 * float(np.ptp(corners, axis=0).max()) * piece.face_normals()[chosen]
    areas = piece.areas()[chosen]
    numbers = winding_number(piece, middle - step) + winding_number(piece, middle + step)
    return float((areas * numbers).sum() / max(areas.sum(), 1e-30))


def _container(part: int, pieces: list[Mesh]) -> int | None:
    """The smallest part that encloses the given one, or None."""
    bounds = [p.vertices[np.unique(p.faces)] for p in pieces]
    low, high = (np.array([f(b, axis=0) for b in bounds]) for f in (np.min, np.max))
    around = ((low <= low[part]) & (high >= high[part])).all(axis=1)
    around[part] = False
    spot = bounds[part][:1]
    found = [int(p) for p in np.flatnonzero(around) if abs(winding_number(pieces[p], spot)[0]) > 0.5]
    return min(found, key=lambda p: float(np.prod(high[p] - low[p])), default=None)


def _holes(edges: _Edges) -> list[Remark]:
    """Remarks about open edges (one face) and non-manifold edges (more than two faces)."""
    remarks = []
    rim = edges.ends[edges.starts[edges.counts == 1]]
    if len(rim):
        used, index = np.unique(rim, return_inverse=True)
        index = index.reshape(-1, 2)
        graph = coo_matrix((np.ones(len(rim)), (index[:, 0], index[:, 1])), shape=(len(used), len(used)))
        holes = connected_components(graph, directed=False)[0]
        text = f"the mesh is not watertight: {len(rim)} open edges around {holes} hole{'s' * (holes > 1)}"
        remarks.append(Remark("mesh_open", f"{text}; nothing is known of what is missing there: close it to be sure"))
    more = int((edges.counts > 2).sum())
    if more:
        text = f"{more} edges of the mesh are shared by more than two faces (parts touch or cross)"
        remarks.append(Remark("mesh_non_manifold", f"{text}; it was used as it is: join its parts to be sure"))
    return remarks
