"""Sorts the Gaussians of one view by depth (radix sort)."""

from __future__ import annotations

import numpy as np
from numba import njit

_BITS = 11
_BUCKETS = 1 << _BITS


@njit(nogil=True, cache=True)
def depth_order(depths: np.ndarray, order: np.ndarray, count: int) -> None:
    """Sort ``order[:count]`` (indices into ``depths``, all positive) by depth, stably.

    A radix sort of the float32 bit patterns, whose order for positive floats is that of the numbers; an insertion pass
    then orders values that are equal in float32.
    """
    single = np.empty(count, np.float32)
    for i in range(count):
        single[i] = depths[order[i]]
    keys = single.view(np.uint32)
    other_keys = np.empty_like(keys)
    source = order[:count].copy()
    target = np.empty_like(source)
    for digit in range(3):
        shift = np.uint32(digit * _BITS)
        starts = np.zeros(_BUCKETS + 1, np.int32)
        for i in range(count):
            starts[((keys[i] >> shift) & np.uint32(_BUCKETS - 1)) + 1] += 1
        for b in range(_BUCKETS):
            starts[b + 1] += starts[b]
        for i in range(count):
            b = (keys[i] >> shift) & np.uint32(_BUCKETS - 1)
            place = starts[b]
            starts[b] = place + 1
            target[place] = source[i]
            other_keys[place] = keys[i]
        source, target = target, source
        keys, other_keys = other_keys, keys
    for i in range(count):
        index = source[i]
        depth = depths[index]
        place = i
        while place > 0 and depths[order[place - 1]] > depth:
            order[place] = order[place - 1]
            place -= 1
        order[place] = index
