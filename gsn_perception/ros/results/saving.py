"""What ``~/save`` writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

from std_msgs.msg import Header

from gsn_perception.geometry import InputError
from gsn_perception.grasping import Gripper
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.node.grasp_worker import GraspResult
from gsn_perception.ros.node.grasp_worker import GraspTask
from gsn_perception.ros.results.frame_result import FrameResult


def save(result: FrameResult | None, folder: str) -> Path:
    """Write PLY files and meshes of every object; the folder appears whole or not at all.

    Args:
        result: With one object or more; None before the first.
        folder: A folder named after the stamp is made in it.

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
        last: What was planned on, the plan, with one grasp or more, and the gripper it is for; None before the first.
        folder: A folder named after the stamp is made in it.

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


def answered(response: Any, make: Callable[[], str]) -> Any:
    """A Trigger's response: what ``make`` returns, or why it raised; a service must answer."""
    try:
        response.success, response.message = True, make()
    except Exception as error:
        response.success, response.message = False, str(error)
    return response


def _folder(header: Header, folder: str) -> Path:
    """Named after the stamp, absolute."""
    seconds, rest = divmod(stamp_to_ns(header.stamp), NANOSECONDS)
    name = f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d_%H%M%S}_{rest:09d}"
    return Path(folder).expanduser().absolute() / name


def _saved(target: Path, write: Callable[[Path], None]) -> Path:
    """The folder, which appears whole or not at all."""
    from gsn_perception.io import output_folder

    try:
        with output_folder(target) as place:
            write(place)
    except OSError as error:  # the disk is full, the folder has vanished
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
