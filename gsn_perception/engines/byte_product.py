"""Products with int8 matrices in float32 arithmetic, without unpacking the matrix into memory."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
def times_bytes(x: np.ndarray, values: np.ndarray, step: np.ndarray, bias: np.ndarray, out: np.ndarray) -> None:
    """``out = x @ (step * values).T + bias``; a row of ``values`` is read once for all rows of ``x``.

    One row of ``x`` takes the time of reading ``values``, a quarter of that of the same matrix as float32.

    Args:
        x: [R,K] float32, contiguous.
        values: [N,K] int8, contiguous.
        step: [N] float32, of the rows of ``values``.
        bias: [N] float32.
        out: [R,N] float32, written.
    """
    for n in range(values.shape[0]):
        row = values[n]
        for r in range(x.shape[0]):
            given = x[r]
            total = np.float32(0)
            for k in range(row.shape[0]):
                total += np.float32(row[k]) * given[k]
            out[r, n] = total * step[n] + bias[n]
