"""What ``~/save`` writes."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from pathlib import Path

from gsn_perception.geometry import InputError
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.node.results import FrameResult


def save(result: FrameResult, folder: str) -> Path:
    """Write PLY files and meshes of every object; the folder appears whole or not at all.

    Args:
        result: With one object or more.
        folder: A folder named after the stamp is made in it.

    Returns:
        The folder written, absolute.

    Raises:
        InputError: there is nothing to save or the folder can't be written.
    """
    if not result.objects:
        raise InputError("there is no object to save; wait for a reconstruction")
    seconds, rest = divmod(stamp_to_ns(result.header.stamp), NANOSECONDS)
    name = f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d_%H%M%S}_{rest:09d}"
    target = Path(folder).expanduser().absolute() / name
    try:
        _write(result, target)
    except OSError as error:  # the disk is full, the folder has vanished
        raise InputError(
            f"cannot write {target} ({(error.strerror or str(error)).lower()}); choose another output_dir"
        ) from error
    return target


def _write(result: FrameResult, target: Path) -> None:
    from gsn_perception.io import output_folder
    from gsn_perception.io import write_gaussians_ply
    from gsn_perception.io import write_mesh_ply
    from gsn_perception.io import write_points_ply

    with output_folder(target) as place:
        for item in result.objects:
            write_gaussians_ply(place / f"gaussians_{item.label}.ply", item.gaussians)
            write_points_ply(place / f"points_{item.label}.ply", item.points)
            write_mesh_ply(place / f"mesh_{item.label}.ply", item.mesh)
