"""A displacement field's open surface made solid: faces turned outwards, holes bridged by winding numbers.

A displacement field knows no inside, so its surface is open wherever the cloud was. The splat's solid tells which side
of each patch is out; the winding number of the patches then is a field that is 1 inside and 0 outside, and in the gaps
crosses 0.5 on a smooth sheet.
"""

from __future__ import annotations

import numba
import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.surface.shape import ImplicitShape
from gsn_perception.surface.winding_number import WindingNumber

LEVEL = 0.5
_VOTERS = 20_000
_MARGIN = 0.05


def closed_shape(patches: Mesh, solid: Mesh) -> ImplicitShape:
    """The solid that open patches bound.

    Args:
        patches: Any triangles, e.g. of a directed marching; their orientation does not matter.
        solid: A closed mesh roughly like it, faces outwards, in the same frame.

    Returns:
        The winding number of the turned patches as a shape whose surface is at 0.5.

    Raises:
        InputError: there are no patches.
    """
    if not len(patches.faces):
        raise InputError("the displacement field has no surface near the cloud; use other weights or input")
    turned = turned_outwards(patches, solid)
    margin = _MARGIN * float(np.ptp(turned.vertices, axis=0).max())
    low, high = turned.vertices.min(axis=0) - margin, turned.vertices.max(axis=0) + margin
    return ImplicitShape(WindingNumber(turned), low, high, LEVEL, turned.vertices)


def turned_outwards(patches: Mesh, solid: Mesh) -> Mesh:
    """Every connected patch oriented alike all over, and outwards as the solid's nearest normals vote."""
    faces = patches.faces.copy()
    patch, flip = _consistent(faces, len(patches.vertices))
    faces[flip] = faces[flip][:, ::-1]
    own = Mesh(patches.vertices, faces)
    rng = np.random.default_rng(0)
    points, face = sample_surface(solid, _VOTERS, rng)
    nearest = cKDTree(points).query(own.triangles.mean(axis=1))[1]
    agree = np.einsum("ij,ij->i", own.face_normals(), solid.face_normals()[face][nearest]) * own.areas()
    against = np.bincount(patch, agree) < 0
    faces[against[patch]] = faces[against[patch]][:, ::-1]
    return Mesh(patches.vertices, faces)


def _consistent(faces: np.ndarray, vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """The patch [F] of every face and whether it has to flip [F] bool so that neighbours run along edges oppositely.

    Faces are neighbours over edges that exactly two of them share.
    """
    F = len(faces)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    owner = np.tile(np.arange(F), 3)
    key = edges.min(axis=1) * vertices + edges.max(axis=1)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    pairs = starts[np.diff(starts, append=len(key)) == 2]
    one, two = order[pairs], order[pairs + 1]
    same = edges[one, 0] == edges[two, 0]  # both run the same way: one of them has to flip
    rows, columns = np.concatenate([owner[one], owner[two]]), np.concatenate([owner[two], owner[one]])
    # 1: as it is, 2: flipped; duplicates (two faces on two common edges) must not be summed
    _, first = np.unique(rows.astype(np.int64) * F + columns, return_index=True)
    weight = np.tile(np.where(same, 2, 1), 2)
    graph = scipy.sparse.coo_matrix((weight[first], (rows[first], columns[first])), shape=(F, F)).tocsr()
    count, patch = connected_components(graph, directed=False)
    flip = np.zeros(F, dtype=bool)
    for start in np.unique(patch, return_index=True)[1] if count else []:
        nodes, before = breadth_first_order(graph, start, directed=False)
        _walk(nodes, before, graph.indptr, graph.indices, graph.data.astype(np.int64), flip)
    return patch, flip


@numba.njit(nogil=True, cache=True)
def _walk(
    nodes: np.ndarray, before: np.ndarray, starts: np.ndarray, members: np.ndarray, kinds: np.ndarray, flip: np.ndarray
) -> None:
    """Flips along a breadth-first tree."""
    for n in range(1, len(nodes)):
        node, parent = nodes[n], before[nodes[n]]
        for e in range(starts[node], starts[node + 1]):
            if members[e] == parent:
                flip[node] = flip[parent] != (kinds[e] == 2)
                break
