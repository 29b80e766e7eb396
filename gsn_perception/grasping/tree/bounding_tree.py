"""A balanced tree of bounding boxes over triangles or points; compiled.

Every level halves the items at the median along the longest side of the node's cell. The nodes form a heap: children of
node i are 2 i and 2 i + 1, so that a traversal needs neither pointers nor a stack: after a node and all below it comes
the sibling, or that of the nearest parent which is a left child (node + 1, halved while it is even).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

_LEAF = 8  # most items per leaf
_PAD = 1e-12  # of the largest coordinate; no box is flat, so that rays within a face meet it


class BoundingTree(NamedTuple):
    """Triangles (or points, K = 1) with the bounding boxes of nested groups.

    Kernels take its arrays, not the tuple: the compiler's cache on disk would name the class, and fail when it moves.

    Attributes:
        corners: [N,K,3] float64, ordered by leaf.
        items: [N] int64 index of each in the input.
        bounds: [2 L,6] float64 lower and upper corners of the nodes 1 .. 2 L - 1. Of the L leaves, leaf j (node L + j)
            holds the rows from N j // L to N (j + 1) // L.
    """

    corners: np.ndarray
    items: np.ndarray
    bounds: np.ndarray

    def __bool__(self) -> bool:
        """Whether it holds anything."""
        return len(self.items) > 0


def bounding_tree(corners: np.ndarray) -> BoundingTree:
    """The tree over triangles [N,3,3] or points [N,1,3], all finite."""
    given = np.ascontiguousarray(corners, dtype=np.float64)
    leaves = 1
    while leaves * _LEAF < len(given):
        leaves *= 2
    bounds = np.zeros((2 * leaves, 6))
    items = np.arange(len(given))
    ordered = np.empty_like(given)
    if len(given):
        _split(given.sum(axis=1) if given.shape[1] > 1 else given[:, 0].copy(), items, bounds)
        _enclose(given, items, ordered, bounds)
    return BoundingTree(ordered, items, bounds)


@njit(cache=True, nogil=True)
def _split(middles, items, bounds):  # noqa: ANN001, ANN202  # pragma: no cover
    """Order ``items`` by leaf; ``bounds`` holds the nodes' cells meanwhile."""
    N, leaves = len(items), len(bounds) // 2
    keys = np.empty(N)
    for a in range(3):
        bounds[1, a], bounds[1, 3 + a] = middles[:, a].min(), middles[:, a].max()
    first, parts = 1, leaves  # of the level: its first node, and leaves per node
    while parts > 1:
        for node in range(first, 2 * first):
            cell = bounds[node]
            axis = 0
            for a in range(1, 3):
                if cell[3 + a] - cell[a] > cell[3 + axis] - cell[axis]:
                    axis = a
            begin, end = N * (node - first) * parts // leaves, N * (node - first + 1) * parts // leaves
            middle = N * (2 * (node - first) + 1) * (parts // 2) // leaves
            for i in range(begin, end):
                keys[i] = middles[items[i], axis]
            _partition(keys, items, begin, end, middle)
            bounds[2 * node], bounds[2 * node + 1] = cell, cell
            bounds[2 * node, 3 + axis] = bounds[2 * node + 1, axis] = keys[middle]
        first, parts = 2 * first, parts // 2


@njit(cache=True, nogil=True)
def _partition(keys, items, begin, end, middle):  # noqa: ANN001, ANN202  # pragma: no cover
    """Order rows ``begin`` to ``end`` so that none before ``middle`` has a larger key than any after it (quickselect)."""
    while end - begin > 1:
        a, b, c = keys[begin], keys[(begin + end) // 2], keys[end - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        split = _smaller_first(keys, items, begin, end, pivot, False)
        if middle < split:
            end = split
            continue
        begin = split
        split = _smaller_first(keys, items, begin, end, pivot, True)
        if middle < split:  # among keys equal to the pivot
            return
        begin = split


@njit(cache=True, nogil=True)
def _smaller_first(keys, items, begin, end, pivot, equal):  # noqa: ANN001, ANN202  # pragma: no cover
    """Move keys below the pivot (or ``equal`` to it) to the front, and return where they end; without branches."""
    split = begin
    for i in range(begin, end):
        key, item = keys[i], items[i]
        keys[i], items[i] = keys[split], items[split]
        keys[split], items[split] = key, item
        split += (key < pivot) | (equal & (key == pivot))
    return split


@njit(cache=True, nogil=True)
def _enclose(corners, items, ordered, bounds):  # noqa: ANN001, ANN202  # pragma: no cover
    """Copy the corners in the order of ``items`` and bound every node."""
    N, K, leaves = len(items), corners.shape[1], len(bounds) // 2
    for leaf in range(leaves):
        box = bounds[leaves + leaf]
        box[:3], box[3:] = np.inf, -np.inf
        for i in range(N * leaf // leaves, N * (leaf + 1) // leaves):
            for k in range(K):
                for a in range(3):
                    value = corners[items[i], k, a]
                    ordered[i, k, a] = value
                    box[a] = min(box[a], value)
                    box[3 + a] = max(box[3 + a], value)
    for node in range(leaves - 1, 0, -1):
        for a in range(3):
            bounds[node, a] = min(bounds[2 * node, a], bounds[2 * node + 1, a])
            bounds[node, 3 + a] = max(bounds[2 * node, 3 + a], bounds[2 * node + 1, 3 + a])
    pad = _PAD * np.abs(bounds[1]).max()
    bounds[1:, :3] -= pad
    bounds[1:, 3:] += pad
