"""Which of ``config/fastdds*.xml`` fits the shared memory there is. Imports nothing heavy: launch files use it, too.

Fast DDS allocates its shared-memory segment in full when a process starts. Where that fails (containers: Docker's
/dev/shm has 64 MB) it falls back to UDP, where a large image seldom arrives whole.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DDS_CHOICES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_BUILTIN_TRANSPORTS")
"""Environment variables by which the user chooses; the first two name the profile to Fast DDS."""

SHARED_MEMORY = Path("/dev/shm")
_MB = 2**20
_SEGMENTS = ((64, "fastdds.xml"), (8, "fastdds_8mb.xml"))  # MB, largest first
_PROCESSES = 4  # both nodes, a camera or player, and who listens
_OVERHEAD = 1.06  # a segment's file beyond what it is asked to hold
_CURE = "start the container with --shm-size=1g or --ipc=host"


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """A profile of ``config/`` and what the user should know of it.

    Attributes:
        file: Its name.
        sentence: What is short and how to get more; empty where nothing is.
    """

    file: str
    sentence: str = ""


def choose_profile(free: int | None) -> ProfileChoice:
    """The profile for ``free`` bytes of shared memory; None: it can't be written."""
    if free is None:
        why = f"{SHARED_MEMORY} can't be written"
        return ProfileChoice("fastdds_tcp.xml", _by_tcp(why))
    full = _SEGMENTS[0][0]
    for size, file in _SEGMENTS:
        if free >= size * _MB * _OVERHEAD * _PROCESSES:
            short = f"{SHARED_MEMORY} has only {round(free / _MB)} MB free: shared-memory segments of {size} MB instead of {full}"
            return ProfileChoice(file, "" if size == full else f"{short} (config/{file}); {_CURE}")
    return ProfileChoice("fastdds_tcp.xml", _by_tcp(f"{SHARED_MEMORY} has only {round(free / _MB)} MB free"))


def free_shared_memory(folder: Path = SHARED_MEMORY) -> int | None:
    """Bytes that can still be allocated there; None where it is missing or can't be written."""
    if not sys.platform.startswith("linux"):
        return sys.maxsize  # not a folder there
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    if found.f_flag & os.ST_RDONLY or not os.access(folder, os.W_OK | os.X_OK):
        return None
    return found.f_bavail * found.f_frsize


def is_chosen(environment: Mapping[str, str]) -> bool:
    """Whether the user chose a profile, transports or another middleware than Fast DDS."""
    middleware = environment.get("RMW_IMPLEMENTATION") or "rmw_fastrtps_cpp"
    return "fastrtps" not in middleware or any(environment.get(name) for name in DDS_CHOICES)


def use_dds_profile() -> None:
    """Let Fast DDS load the ``config/fastdds*.xml`` that fits /dev/shm, unless the user chose a profile or transports.

    Call it before rclpy initialises: the middleware reads the variable once. Without a profile a 640x480 image does
    not fit into the shared-memory segment and falls back to UDP fragments. One sentence on stderr where /dev/shm is short;
    processes started from here inherit the choice and say nothing.
    """
    if is_chosen(os.environ):
        return
    from gsn_perception.geometry.errors import InputError
    from gsn_perception.ros.resources import share_file

    choice = choose_profile(free_shared_memory())
    try:
        path = str(share_file(f"config/{choice.file}"))
    except InputError:
        return
    if choice.sentence:
        print(choice.sentence, file=sys.stderr, flush=True)
    for name in DDS_CHOICES[:2]:
        os.environ[name] = path


def _by_tcp(why: str) -> str:
    return f"{why}: large messages go by TCP (config/fastdds_tcp.xml), slower, and lost to who has no such profile; {_CURE}"
