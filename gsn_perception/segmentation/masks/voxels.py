"""Connected components of occupied voxels, compiled."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def labelled_voxels(space: np.ndarray) -> tuple[np.ndarray, int]:
    """Components of voxels that share a face, an edge or a corner.

    Args:
        space: [X,Y,Z] bool.

    Returns:
        [X,Y,Z] int64 labels from 1 in the order of each component's first voxel, 0 where ``space`` is False; their number.
    """
    X, Y, Z = space.shape
    labels = np.zeros((X, Y, Z), dtype=np.int64)
    stack = np.empty((np.count_nonzero(space), 3), dtype=np.int64)
    count = 0
    for x0, y0, z0 in np.argwhere(space):
        if labels[x0, y0, z0] != 0:
            continue
        count += 1
        labels[x0, y0, z0] = count
        stack[0] = x0, y0, z0
        waiting = 1
        while waiting > 0:
            waiting -= 1
            x, y, z = stack[waiting]
            for i in range(max(x - 1, 0), min(x + 2, X)):
                for j in range(max(y - 1, 0), min(y + 2, Y)):
                    for k in range(max(z - 1, 0), min(z + 2, Z)):
                        if space[i, j, k] and labels[i, j, k] == 0:
                            labels[i, j, k] = count
                            stack[waiting] = i, j, k
                            waiting += 1
    return labels, count
