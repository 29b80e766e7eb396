"""Writes the files of the service ``~/save``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from std_msgs.msg import Header

from gsn_perception.geometry import InputError
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.messages.headers import stamp_to_ns

if TYPE_CHECKING:
    from gsn_perception.grasping import Gripper
    from gsn_perception.ros.results.frame_result import FrameResult
    from gsn_perception.ros.results.grasp_result import GraspResult
    from gsn_perception.ros.results.grasp_result import GraspTask


def save(result: FrameResult | None, folder: str) -> Path:
    """Write PLY files and meshes of every object; the folder is written completely or not at all.

    Args:
        result: A result with objects; None before the first frame.
        folder: Parent of the new folder, which is named after the stamp.

    Returns:
        The folder written, absolute.

    Raises:
        InputError: there is nothing to save or the folder can't be written.
    """
    if result is None:
        raise InputError("nothing was reconstructed yet; wait for a frame")
    if not result.objects:
        raise InputError("there is no object to save; wait for a reconstruction")
    return _saved(_folder(result.header, folder), lambda place: _write(result, place))


def save_grasps(last: tuple[GraspTask, GraspResult, Gripper] | None, folder: str) -> Path:
    """Write ``grasps.json``, and for every object its mesh and its grasps as an isaac_grasp file.

    Args:
        last: Inputs, result and gripper of a plan with grasps; None before the first plan.
        folder: Parent of the new folder, which is named after the stamp.

    Returns:
        The folder written, absolute.

    Raises:
        InputError: there is no grasp or the folder can't be written.
    """
    if last is None:
        raise InputError("nothing was planned yet; wait for a plan")
    task, result, gripper = last
    if not result.grasps:
        raise InputError(f"there is no grasp to save: {result.summary}")
    target = _folder(result.header, folder)
    return _saved(target.with_name(f"{target.name}_grasps"), lambda place: _write_grasps(task, result, gripper, place))


def fill_response(response: Any, make: Callable[[], str]) -> Any:
    """Fill the response of a Trigger: what ``make`` returns, or the reason of its exception."""
    try:
        response.success, response.message = True, make()
    except Exception as error:
        response.success, response.message = False, str(error)
    return response


def _folder(header: Header, folder: str) -> Path:
    """Absolute path of the new folder, named after the stamp."""
    seconds, rest = divmod(stamp_to_ns(header.stamp), NANOSECONDS)
    name = f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d_%H%M%S}_{rest:09d}"
    return Path(folder).expanduser().absolute() / name


def _saved(target: Path, write: Callable[[Path], None]) -> Path:
    """Write into a temporary folder that is then moved to ``target``."""
    from gsn_perception.io import output_folder

    try:
        with output_folder(target) as place:
            write(place)
    except OSError as error:  # e.g. the disk is full
        raise InputError(
            f"cannot write {target} ({(error.strerror or str(error)).lower()}); choose another output_dir"
        ) from error
    return target


def _write_grasps(task: GraspTask, result: GraspResult, gripper: Gripper, place: Path) -> None:
    from gsn_perception.grasping.isaac_grasp import write_isaac_grasp
    from gsn_perception.io import write_grasps_json
    from gsn_perception.io import write_mesh_ply

    frame = result.header.frame_id
    stamp = stamp_to_ns(result.header.stamp)
    write_grasps_json(place / "grasps.json", result.grasps, frame_id=frame, stamp=stamp)
    for label in dict.fromkeys(grasp.label for grasp in result.grasps):
        own = [grasp for grasp in result.grasps if grasp.label == label]
        write_isaac_grasp(place / f"isaac_grasp_{label}.yaml", own, gripper, object_frame=frame)
        write_mesh_ply(place / f"mesh_{label}.ply", task.meshes[label])


def _write(result: FrameResult, place: Path) -> None:
    from gsn_perception.io import write_gaussians_ply
    from gsn_perception.io import write_mesh_ply
    from gsn_perception.io import write_points_ply

    for item in result.objects:
        write_gaussians_ply(place / f"gaussians_{item.label}.ply", item.gaussians)
        write_points_ply(place / f"points_{item.label}.ply", item.points)
        write_mesh_ply(place / f"mesh_{item.label}.ply", item.mesh)
