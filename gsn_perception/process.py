"""What a process sets for itself: waiting of threads, garbage collection, memory of freed arrays, imports ahead of use."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_M_ARENA_MAX = -8  # of glibc's malloc.h
_ARENAS = 2


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection inside: importing large libraries makes few cycles, but triggers many collections."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def wait_passively() -> None:
    """Let OpenMP's threads sleep at barriers, unless OMP_WAIT_POLICY is set; to be called before torch is imported.

    Threads that spin there are very slow while another process uses a core: 1.5 s in place of 0.05 s for one frame.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def limit_arenas() -> bool:
    """Let glibc keep the memory of at most two arenas instead of eight per core; MALLOC_ARENA_MAX has precedence.

    Every thread that allocates gets an arena, and each keeps what its thread needed at most.

    Returns:
        Whether it was set; False with another C library.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, _ARENAS))


def trim_memory() -> bool:
    """Give freed memory back to the system; takes milliseconds, without the GIL.

    Returns:
        Whether some was given back; False with another C library.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def free_memory() -> None:
    """Collect garbage, and give cached memory of torch back to the GPU where torch is loaded and uses one."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def import_ahead(*modules: str) -> threading.Thread:
    """Import modules, torch among them, in a thread, while the caller waits for something else; see :func:`wait_passively`.

    An error is left to the import where the module is used.
    """
    wait_passively()

    def work() -> None:
        with collector_paused():
            for module in modules:
                try:
                    importlib.import_module(module)
                except Exception:
                    return

    thread = threading.Thread(target=work, name="imports", daemon=True)
    thread.start()
    return thread
