"""Where config, launch and RViz files lie after colcon, after pip, and in a checkout."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from gsn_perception.geometry import InputError
from gsn_perception.ros.processes.dds_profile import DDS_CHOICES as DDS_CHOICES
from gsn_perception.ros.processes.dds_profile import choose_profile
from gsn_perception.ros.processes.dds_profile import free_shared_memory
from gsn_perception.ros.processes.dds_profile import is_chosen

PACKAGE = "gsn_perception"


def share_file(name: str) -> Path:
    """The file ``name`` (e.g. ``config/fastdds.xml``) of this package.

    Looked for in the checkout the package is imported from, then in every ament prefix, then under the
    interpreter's prefix, where pip puts data files.

    Raises:
        InputError: it lies in none of them.
    """
    for folder in _folders():
        path = folder / name
        if path.is_file():
            return path
    raise InputError(f"{name} of {PACKAGE} is not installed; install the package with pip or colcon")


def use_dds_profile() -> None:
    """Let Fast DDS load the ``config/fastdds*.xml`` that fits /dev/shm, unless the user chose a profile or transports.

    Call it before rclpy initialises: the middleware reads the variable once. Without a profile a 640x480 image does
    not fit into the shared-memory segment and falls back to UDP fragments. One sentence on stderr where /dev/shm is short;
    processes started from here inherit the choice and say nothing.
    """
    if is_chosen(os.environ):
        return
    choice = choose_profile(free_shared_memory())
    try:
        path = str(share_file(f"config/{choice.file}"))
    except InputError:
        return
    if choice.sentence:
        print(choice.sentence, file=sys.stderr, flush=True)
    for name in DDS_CHOICES[:2]:
        os.environ[name] = path


def _folders() -> list[Path]:
    checkout = Path(__file__).resolve().parents[2]
    folders = [checkout] if (checkout / "package.xml").is_file() else []
    prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    roots = [*prefixes, Path(sysconfig.get_path("data")), Path(sys.prefix)]
    return [*folders, *(root / "share" / PACKAGE for root in roots)]
