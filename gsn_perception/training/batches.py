"""Draws the objects of training batches from several datasets, and prepares batches ahead in a thread."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic
from typing import TypeVar

import numpy as np

from gsn_perception.training.dataset_folder import DatasetFolder

D = TypeVar("D", bound=DatasetFolder)
T = TypeVar("T")


def shape_weights(shapes: Sequence[str]) -> np.ndarray:
    """Sampling probabilities [O] halfway (in logarithm) between uniform over objects and uniform over shape classes."""
    _, index, counts = np.unique(np.asarray(shapes), return_inverse=True, return_counts=True)
    weights = 1.0 / np.sqrt(counts[index])
    return weights / weights.sum()


class ObjectSampler(Generic[D]):
    """Draws one of several datasets in proportion to the square root of its size, then objects by :func:`shape_weights`.

    Args:
        datasets: At least one.
    """

    def __init__(self, datasets: Sequence[D]) -> None:
        self._datasets = datasets
        sizes = np.sqrt([len(d) for d in datasets])
        self._chances = sizes / sizes.sum()
        self._weights = [shape_weights(d.shapes) for d in datasets]

    def draw(self, count: int, rng: np.random.Generator, *, repeat: bool = False) -> tuple[D, np.ndarray]:
        """A dataset and the indices [count] of its objects.

        Args:
            count: Number of objects.
            rng: Random generator.
            repeat: Whether objects may repeat even if the dataset has enough of them.
        """
        which = int(rng.choice(len(self._datasets), p=self._chances))
        data = self._datasets[which]
        objects = rng.choice(len(data), size=count, p=self._weights[which], replace=repeat or len(data) < count)
        return data, objects


def prefetched(jobs: Iterator[Callable[[], T]]) -> Iterator[T]:
    """The results of ``jobs`` (endless) in order; while one is used, the next is computed in a thread."""
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(next(jobs))
        while True:
            ready, pending = pending, pool.submit(next(jobs))
            yield ready.result()
