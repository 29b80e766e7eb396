"""Marching cubes for displacement fields (unsigned: no inside and outside); open surfaces stay open.

The idea is MeshUDF's (Guillard et al., ECCV 2022, from the paper alone): where the field's directions at two corners
oppose each other, the surface runs between them, so the corners of each cell fall on two local sides. The method to find
the sides is different. An edge of the grid is classified as crossed or not once for all cells that share it, so the
triangles of neighbouring cells always meet:

1. *Evidence* per edge, from the directions at its two ends and from the tangent planes that they define.
2. *Belief propagation*. Where the crossed edges of a cell do not divide its corners into two sides, that cell and those
   around it rate the 128 divisions of eight corners and send messages to their edges.
3. Cells whose edges then divide the corners are triangulated; in the others the surface ends, or is ambiguous.
4. Triangles with a vertex far from the surface are dropped (they reach beyond a rim); the vertices are moved onto it.
"""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.surface.extraction.band import CORNERS
from gsn_perception.surface.extraction.band import Band
from gsn_perception.surface.extraction.band import narrow_band
from gsn_perception.surface.extraction.cell_polygons import EDGES
from gsn_perception.surface.extraction.cell_polygons import FACE_EDGES
from gsn_perception.surface.extraction.cell_polygons import cell_triangles
from gsn_perception.surface.extraction.face_orientation import oriented
from gsn_perception.surface.fields.displacement import snap
from gsn_perception.surface.fields.field import DisplacementField

_UNSURE = 0.03  # of a cell: the direction of a shorter displacement is not used
_PLANES = 2.0  # weight of the tangent planes relative to the directions
_RINGS = 2  # steps from an undivided cell: cells so near send messages, too
_MAX_MESSAGE = 1.0  # limit of a message from one cell to an edge
_ROUNDS = 8
_BEYOND = 1.0  # of a cell: vertices farther from the surface than this are not on it

# the 128 divisions of eight corners into two sides (the last corner always on the first side): 1 = edge crossed, -1 = not
_SIDES = 1.0 - 2.0 * (np.arange(128)[:, None] >> np.arange(8) & 1)  # [128,8]
_DIVIDED = (-_SIDES[:, EDGES[:, 0]] * _SIDES[:, EDGES[:, 1]]).astype(np.float32)  # [128,12]


def directed_marching(
    field: DisplacementField,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    resolution: int = 64,
    seeds: np.ndarray | None = None,
    steps: int = 2,
) -> Mesh:
    """The surface of a displacement field inside a box, open where the field's surface is.

    Args:
        field: Displacements to the nearest surface.
        lower: [3] corner of the box.
        upper: [3] opposite corner.
        resolution: Cells along the longest side; sheets closer than two cells may merge.
        seeds: [S,3] points on the surface whose cells are always searched.
        steps: How often vertices follow their displacement at the end.

    Returns:
        A mesh without cracks between cells; connected faces have consistent orientation, closed parts face outwards.

    Raises:
        InputError: the box is empty, or no surface was found in it.
    """
    band = narrow_band(field, lower, upper, resolution=resolution, seeds=seeds)
    vertices, faces = _triangles(band)
    if len(vertices):
        length = np.linalg.norm(field(vertices.astype(np.float32)), axis=1)
        faces = faces[(length[faces] <= _BEYOND * band.cell).all(axis=1)]
    if not len(faces):
        raise InputError(
            "the displacement field has no surface in the box; check the box, or raise the resolution above "
            f"{resolution}"
        )
    used, faces = np.unique(faces, return_inverse=True)
    mesh = Mesh(vertices[used], oriented(vertices[used], faces.reshape(-1, 3)))
    return snap(mesh, field, steps=steps, limit=_BEYOND * band.cell)


def _triangles(band: Band) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V,3] on crossed edges and triangles [F,3] of any orientation."""
    edges, index = _edges(band)
    crossed = _belief(_evidence(band, edges), index) > 0
    length = np.linalg.norm(band.vectors, axis=1).astype(np.float64)
    faces = cell_triangles(crossed[index], index, length[band.cells])
    used, faces = np.unique(faces, return_inverse=True)
    begin, end = edges[used].T
    share = np.clip(length[begin] / np.maximum(length[begin] + length[end], 1e-30), 0.02, 0.98)[:, None]
    positions = band.positions()
    return (1.0 - share) * positions[begin] + share * positions[end], faces.reshape(-1, 3)


def _edges(band: Band) -> tuple[np.ndarray, np.ndarray]:
    """Distinct edges [E,2] as corners (lower one first), and the edges of each cell [C,12] in the order of ``EDGES``."""
    ends = band.cells[:, EDGES]  # [C,12,2]
    axis = np.abs(CORNERS[EDGES[:, 1]] - CORNERS[EDGES[:, 0]]).argmax(axis=1)
    keys = 3 * ends[:, :, 0] + axis
    _, first, index = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    return ends.reshape(-1, 2)[first], index.reshape(keys.shape)


def _evidence(band: Band, edges: np.ndarray) -> np.ndarray:
    """[E] positive where the surface crosses the edge, from about -3 to 3."""
    vectors = band.vectors.astype(np.float64) / band.cell
    length = np.linalg.norm(vectors, axis=1)
    direction = _directions(vectors, length, edges)
    begin, end = direction[edges[:, 0]], direction[edges[:, 1]]
    from_begin, from_end = length[edges[:, 0]], length[edges[:, 1]]
    way = (band.corners[edges[:, 1]] - band.corners[edges[:, 0]]).astype(np.float64)
    oppose = -np.einsum("ei,ei->e", begin, end)
    # how far each end lies beyond the tangent plane of the other end
    beyond = np.einsum("ei,ei->e", begin - end, way) - from_begin - from_end
    return oppose + _PLANES * beyond / (from_begin + from_end + 1.0)


def _directions(vectors: np.ndarray, length: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """[N,3] unit vectors to the surface; a corner on the surface takes the direction of its farthest neighbour."""
    direction = vectors / np.maximum(length, 1e-12)[:, None]
    begin, end = np.concatenate([edges, edges[:, ::-1]]).T
    order = np.argsort(length[end], kind="stable")
    farthest = np.arange(len(vectors))
    farthest[begin[order]] = end[order]  # the last one written is the farthest
    return np.where((length < _UNSURE)[:, None], direction[farthest], direction)


def _belief(evidence: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Belief [E] in crossed edges, from evidence [E] and the consistency of the cells with edges [C,12].

    Max-sum belief propagation over undivided cells and those near them. The message of a cell to an edge is how much
    better its best division that crosses the edge fits its other edges than the best division that does not. Messages
    are limited to ``_MAX_MESSAGE``, so that the surface may end.
    """
    cells = index[_near(_undivided(evidence > 0, index), index, len(evidence))]
    messages = np.zeros(cells.shape, dtype=np.float32)
    belief = evidence.astype(np.float32)
    for _ in range(_ROUNDS if len(cells) else 0):
        incoming = np.clip(belief[cells] - messages, -3.0, 3.0)  # [C,12] without the cell's own messages
        fit = incoming @ _DIVIDED.T  # [C,128]
        for edge in range(12):
            across = _DIVIDED[:, edge] > 0
            better = fit[:, across].max(axis=1) - fit[:, ~across].max(axis=1) - 2.0 * incoming[:, edge]
            limited = np.clip(0.5 * better, -_MAX_MESSAGE, _MAX_MESSAGE)
            messages[:, edge] = 0.5 * messages[:, edge] + 0.5 * limited
        belief = (evidence + np.bincount(cells.ravel(), messages.ravel(), len(evidence))).astype(np.float32)
    return belief


def _undivided(crossed: np.ndarray, index: np.ndarray) -> np.ndarray:
    """[C] bool: cells whose crossed edges [E] do not divide their corners into two sides."""
    odd = crossed[index][:, FACE_EDGES].sum(axis=2) % 2  # [C,6]
    return np.asarray(odd.any(axis=1))


def _near(cells: np.ndarray, index: np.ndarray, edges: int) -> np.ndarray:
    """[C] bool: the given cells and those that share an edge with them, ``_RINGS`` times."""
    for _ in range(_RINGS):
        touched = np.zeros(edges, dtype=bool)
        touched[index[cells]] = True
        cells = touched[index].any(axis=1)
    return cells
