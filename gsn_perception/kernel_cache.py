"""Where numba keeps compiled kernels if the package's own folder can't be written, e.g. in a container.

Numba keeps them in ``__pycache__`` beside the source, and passes over a folder that it can't write, with all kernels
that were compiled into it before. Then this module gives it a folder of the user (``NUMBA_CACHE_DIR``) and copies those
kernels there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
_KERNELS = ("*.nbc", "*.nbi")  # machine code, then the index that names it


def choose_kernel_cache(package: Path, environment: Mapping[str, str]) -> Path | None:
    """The folder for numba's cache, filled with the package's kernels; None to leave the choice to numba.

    Args:
        package: Folder of the package.
        environment: Of the process.
    """
    if VARIABLE in environment or _writable(package):
        return None
    home = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    own = f"gsn_perception-{os.getuid()}"
    for folder in (Path(home) / "gsn_perception", Path(tempfile.gettempdir()) / own):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.stat().st_uid == os.getuid() and _writable(folder):
                _copy_kernels(package, folder)
                return folder
        except OSError:
            continue
    return None


def use_kernel_cache() -> None:
    """Set ``NUMBA_CACHE_DIR`` for this process and its children, where it is needed; before numba is imported."""
    folder = choose_kernel_cache(Path(__file__).parent, os.environ)
    if folder is not None:
        os.environ[VARIABLE] = str(folder)


def cache_folder_of(source: Path, cache: Path) -> Path:
    """The folder below ``cache`` in which numba looks for the kernels of a source folder."""
    place = os.path.abspath(source)
    return cache / f"{os.path.basename(place)}_{hashlib.sha1(place.encode()).hexdigest()}"


def _copy_kernels(package: Path, cache: Path) -> None:
    """Copy compiled kernels that the cache lacks or has from an older package; each file appears as a whole."""
    for compiled in package.rglob("__pycache__"):
        target = cache_folder_of(compiled.parent, cache)
        for kernel in (path for pattern in _KERNELS for path in compiled.glob(pattern)):
            copied = target / kernel.name
            if copied.exists() and copied.stat().st_mtime >= kernel.stat().st_mtime:
                continue
            target.mkdir(parents=True, exist_ok=True)
            part = target / f".{kernel.name}.{os.getpid()}"
            shutil.copyfile(kernel, part)
            part.replace(copied)


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
