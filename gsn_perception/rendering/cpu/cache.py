"""Numba's cache on disk, kept honest."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def drop_stale(kernel: Any) -> None:
    """Forget cached kernels that are older than any source they may have been compiled from.

    Numba compares a cached kernel with its own file only, but kernels inline functions of their neighbours: without
    this an edited neighbour would go on running in its old form.

    Args:
        kernel: Any cached kernel of this folder; all of them are cached in one place.
    """
    here = Path(__file__).parent
    newest = max(source.stat().st_mtime for source in (here.parent / "conventions.py", *here.glob("*.py")))
    for index in Path(kernel.stats.cache_path).glob("*.nbi"):
        try:
            if index.stat().st_mtime < newest:
                index.unlink()
        except OSError:  # another process was faster, or the folder is read-only
            continue
