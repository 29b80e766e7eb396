"""Chooses the Fast DDS profile in ``config/`` that fits the free shared memory. No heavy imports: launch files use it.

Fast DDS allocates its whole shared-memory segment when a process starts. Where that fails (Docker's /dev/shm has 64 MB)
it falls back to UDP, by which large images are often lost.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DDS_CHOICES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_BUILTIN_TRANSPORTS")
"""Environment variables of Fast DDS by which the user chooses; the first two name the profile."""

SHARED_MEMORY = Path("/dev/shm")
_MB = 2**20
_SEGMENTS = ((64, "fastdds.xml"), (32, "fastdds_32mb.xml"), (8, "fastdds_8mb.xml"))  # MB, largest first
_PROCESSES = 4  # both nodes, a camera or player, and one subscriber
_OVERHEAD = 1.06  # size of the segment's file relative to the segment
_CURE = "start the container with --shm-size=1g or --ipc=host"


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """A profile in ``config/`` and a warning about it.

    Attributes:
        file: File name.
        sentence: Warning that shared memory is short, and how to get more; else empty.
    """

    file: str
    sentence: str = ""


def choose_profile(free: int | None, need: int = 64) -> ProfileChoice:
    """The profile of a process.

    Args:
        free: Free bytes of shared memory; None: it can't be written.
        need: MB that the process's own messages need at most; a larger segment is not chosen.
    """
    if free is None:
        why = f"{SHARED_MEMORY} can't be written"
        return ProfileChoice("fastdds_tcp.xml", _by_tcp(why))
    fitting = [(size, file) for size, file in _SEGMENTS if size <= need]
    full = fitting[0][0]
    for size, file in fitting:
        if free >= size * _MB * _OVERHEAD * _PROCESSES:
            short = f"{SHARED_MEMORY} has only {round(free / _MB)} MB free: shared-memory segments of {size} MB instead of {full}"
            return ProfileChoice(file, "" if size == full else f"{short} (config/{file}); {_CURE}")
    return ProfileChoice("fastdds_tcp.xml", _by_tcp(f"{SHARED_MEMORY} has only {round(free / _MB)} MB free"))


def free_shared_memory(folder: Path = SHARED_MEMORY) -> int | None:
    """Free bytes of shared memory; None where the folder is missing or can't be written."""
    if not sys.platform.startswith("linux"):
        return sys.maxsize  # other systems have no such folder
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


def use_dds_profile(need: int = 64) -> None:
    """Set the profile of Fast DDS by environment variables, unless the user chose a profile or transports.

    ``need`` is that of :func:`choose_profile`: Fast DDS touches the whole segment, which counts as resident memory. It
    holds only what this process sends, so a process of small messages takes a smaller one than its parent chose.

    To be called before rclpy.init: the middleware reads the variables once. Without a profile a 640x480 image does not
    fit into the shared-memory segment and is sent in UDP fragments. Prints one warning on stderr where /dev/shm is
    short. Child processes inherit the choice and print nothing.
    """
    from gsn_perception.geometry.errors import InputError
    from gsn_perception.ros.resources import share_file

    if is_chosen(os.environ) and not (need < _SEGMENTS[0][0] and _is_full(os.environ)):
        return
    choice = choose_profile(free_shared_memory(), need)
    try:
        path = str(share_file(f"config/{choice.file}"))
    except InputError:
        return
    if choice.sentence:
        print(choice.sentence, file=sys.stderr, flush=True)
    for name in DDS_CHOICES[:2]:
        os.environ[name] = path


def _is_full(environment: Mapping[str, str]) -> bool:
    """Whether the profile of the environment is the largest of this package, as a launch file or a parent chose it."""
    from gsn_perception.geometry.errors import InputError
    from gsn_perception.ros.resources import share_file

    named = {environment[name] for name in DDS_CHOICES if environment.get(name)}
    try:
        own = share_file(f"config/{_SEGMENTS[0][1]}").read_bytes()
        return bool(named) and all(Path(name).read_bytes() == own for name in named)
    except (OSError, InputError):
        return False


def _by_tcp(why: str) -> str:
    effect = "large messages go by TCP (config/fastdds_tcp.xml): slower, and not to processes without this profile"
    return f"{why}: {effect}; {_CURE}"
