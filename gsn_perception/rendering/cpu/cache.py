"""Invalidates numba's cache on disk when a source file changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def drop_stale(kernel: Any) -> None:
    """Delete cached kernels that are older than any source file of this folder.

    Numba compares a cached kernel with its own file only, but kernels inline functions of other files. Without this, an
    edit of such a file would have no effect.

    Args:
        kernel: Any cached kernel of this folder; all share one cache folder.
    """
    here = Path(__file__).parent
    newest = max(source.stat().st_mtime for source in (here.parent / "conventions.py", *here.glob("*.py")))
    for index in Path(kernel.stats.cache_path).glob("*.nbi"):
        try:
            if index.stat().st_mtime < newest:
                index.unlink()
        except OSError:  # another process was faster, or the folder is read-only
            continue
