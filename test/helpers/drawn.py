"""Hypothesis in the place of a random generator: it chooses, it shrinks; bulk comes from a seed it chose."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

_FRACTIONS = st.integers(0, 999)
_SEEDS = st.integers(0, 2**32 - 1)


class DrawnGenerator:
    """What the hostile messages use of ``numpy.random.Generator``, drawn by hypothesis.

    Args:
        draw: Of ``st.data()``.
    """

    def __init__(self, draw) -> None:
        self._draw = draw
        self._bulk = np.random.default_rng(draw(_SEEDS))

    def integers(self, low, high=None, size=None, dtype=np.int64):
        """One is drawn; many come from the seed."""
        low, high = (0, low) if high is None else (low, high)
        if size is not None:
            return self._bulk.integers(low, high, size, dtype=dtype)
        return np.dtype(dtype).type(self._draw(st.integers(int(low), int(high) - 1)))

    def random(self, size=None):
        """In [0, 1), in thousandths."""
        return self._draw(_FRACTIONS) / 1000 if size is None else self._bulk.random(size)

    def choice(self, among, size=None, replace=True):
        """One, or a few without replacement; arrays from the seed."""
        if size is None:
            return among[self._draw(st.integers(0, len(among) - 1))]
        if not replace:
            return self.permutation(list(among))[: int(size)]
        return self._bulk.choice(among, size)

    def permutation(self, items):
        """All of them in an order of its choice."""
        return self._draw(st.permutations(list(items)))

    def normal(self, size=None):
        """Bulk."""
        return self._bulk.normal(size=size)

    def bytes(self, length):
        """A few are drawn, many come from the seed."""
        return self._draw(st.binary(min_size=length, max_size=length)) if length <= 16 else self._bulk.bytes(length)
