"""The nearest point of a bounding tree; compiled. The tree of scipy would add 38 MB to the grasp node."""

from __future__ import annotations

import numpy as np
from numba import njit

from gsn_perception.grasping.tree.bounding_tree import BoundingTree
from gsn_perception.grasping.tree.distances import to_box
from gsn_perception.rendering.cpu.pool import parallel_ranges

_QUERIES = 512  # per thread and piece
_DEPTH = 64  # nodes that can wait: one per level


def nearest_items(tree: BoundingTree, queries: np.ndarray) -> np.ndarray:
    """Indices [Q] int64, in the tree's input, of the points nearest to queries [Q,3]; the tree is of points, one or more."""
    places = np.ascontiguousarray(queries, dtype=np.float64)
    found = np.zeros(len(places), np.int64)

    def work(begin: int, end: int) -> None:
        _nearest_range(tree.corners, tree.items, tree.bounds, places, found, begin, end)

    parallel_ranges(work, len(places), _QUERIES)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest_range(corners, items, bounds, queries, found, begin, end):  # noqa: ANN001, ANN202  # pragma: no cover
    """Enter the nearest points of some queries; the nearer child of a node comes first."""
    N, leaves = len(corners), len(bounds) // 2
    waiting, far = np.empty(_DEPTH, np.int64), np.empty(_DEPTH)
    for q in range(begin, end):
        point, best = queries[q], np.inf
        waiting[0], far[0], count = 1, to_box(bounds[1], point), 1
        while count:
            count -= 1
            node = waiting[count]
            if far[count] >= best:
                continue
            if node >= leaves:
                leaf = node - leaves
                for i in range(N * leaf // leaves, N * (leaf + 1) // leaves):
                    x, y, z = corners[i, 0, 0] - point[0], corners[i, 0, 1] - point[1], corners[i, 0, 2] - point[2]
                    square = x * x + y * y + z * z
                    if square < best:
                        best, found[q] = square, items[i]
                continue
            one, two = to_box(bounds[2 * node], point), to_box(bounds[2 * node + 1], point)
            nearer = 0 if one <= two else 1
            waiting[count], far[count] = 2 * node + 1 - nearer, max(one, two)
            waiting[count + 1], far[count + 1] = 2 * node + nearer, min(one, two)
            count += 2
