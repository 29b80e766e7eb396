"""Finds config, launch and RViz files of this package after colcon, after pip, and in a checkout."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from gsn_perception.geometry import InputError

PACKAGE = "gsn_perception"


def share_file(name: str) -> Path:
    """Path of the file ``name`` (e.g. ``config/fastdds.xml``) of this package.

    Searched in the checkout that the package is imported from, then in every ament prefix, then under the
    interpreter's prefix, where pip puts data files.

    Raises:
        InputError: it is in none of them.
    """
    for folder in _folders():
        path = folder / name
        if path.is_file():
            return path
    raise InputError(f"{name} of {PACKAGE} is not installed; install the package with pip or colcon")


def _folders() -> list[Path]:
    checkout = Path(__file__).resolve().parents[2]
    folders = [checkout] if (checkout / "package.xml").is_file() else []
    prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    roots = [*prefixes, Path(sysconfig.get_path("data")), Path(sys.prefix)]
    return [*folders, *(root / "share" / PACKAGE for root in roots)]
