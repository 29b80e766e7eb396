"""Thread pool for kernels that release the GIL.

Plain threads instead of OpenMP: they do not compete with torch's own pool by busy waiting, any thread may render at any
time, and a forked child process starts its own pool.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_pools: dict[int, ThreadPoolExecutor] = {}

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)


def thread_count() -> int:
    """Threads a kernel may use: NUMBA_NUM_THREADS, or torch's number; without torch OMP_NUM_THREADS, or all cores."""
    torch = sys.modules.get("torch")  # not imported for this: the grasp node has none
    for name in ("NUMBA_NUM_THREADS",) if torch is not None else ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        wanted = os.environ.get(name, "")
        if wanted.isdigit() and int(wanted) > 0:
            return int(wanted)
    return int(torch.get_num_threads()) if torch is not None else len(os.sched_getaffinity(0))


def parallel_ranges(work: Callable[[int, int], None], count: int, grain: int = 1) -> None:
    """Call ``work(begin, end)`` over ``range(count)``, in pieces of ``grain``; idle threads take the next piece.

    The calling thread works too. The first exception of any piece is raised here.
    """
    threads = min(thread_count(), -(-count // grain))
    if threads <= 1:
        if count > 0:
            work(0, count)
        return
    pieces = iter(range(0, count, grain))  # thread-safe: under the GIL a range iterator yields each value once

    def drain() -> None:
        for begin in pieces:
            work(begin, min(begin + grain, count))

    helpers = [_pool(threads).submit(drain) for _ in range(threads - 1)]
    try:
        drain()
    finally:
        for helper in helpers:
            if not helper.cancel():  # it has started; a helper that is still queued has nothing left to do
                helper.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="rasteriser")
    return _pools[threads]
