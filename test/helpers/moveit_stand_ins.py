"""Messages with the fields of moveit_msgs that are used, for machines without the package."""

from __future__ import annotations

import types

from geometry_msgs.msg import Pose
from geometry_msgs.msg import PoseStamped
from geometry_msgs.msg import Vector3Stamped
from std_msgs.msg import Header


def message(**defaults):
    """A message class: constants in capitals, defaults made anew for every message."""
    constants = {name: value for name, value in defaults.items() if name.isupper()}
    fields = {name: value for name, value in defaults.items() if not name.isupper()}

    def init(self, **values):
        assert set(values) <= set(fields), f"no such field: {set(values) - set(fields)}"
        for name, make in fields.items():
            setattr(self, name, values.get(name, make()))

    return type("StandIn", (), {"__init__": init, "__slots__": tuple(fields), **constants})


def modules() -> dict[str, types.ModuleType]:
    """``sys.modules`` entries."""
    duration = message(sec=int, nanosec=int)
    point = message(positions=list, effort=list, time_from_start=duration)
    trajectory = message(header=Header, joint_names=list, points=list)
    translation = message(direction=Vector3Stamped, desired_distance=float, min_distance=float)
    collision = message(
        ADD=b"\x00", REMOVE=b"\x01", header=Header, pose=Pose, id=str, meshes=list, mesh_poses=list, primitives=list,
        primitive_poses=list, operation=bytes,
    )  # fmt: skip
    codes = {"SUCCESS": 1, "FAILURE": 99999, "PLANNING_FAILED": -1, "UNABLE_TO_AQUIRE_SENSOR_DATA": -5}
    error = message(**codes, TIMED_OUT=-6, INVALID_OBJECT_NAME=-19, val=int, message=str, source=str)
    grasp = message(
        id=str, grasp_quality=float, grasp_pose=PoseStamped, pre_grasp_posture=trajectory, grasp_posture=trajectory,
        pre_grasp_approach=translation, post_grasp_retreat=translation, post_place_retreat=translation,
    )  # fmt: skip
    made = {name: types.ModuleType(name) for name in ("moveit_msgs", "moveit_msgs.msg", "moveit_msgs.srv")}
    made["moveit_msgs.msg"].__dict__.update(CollisionObject=collision, Grasp=grasp, MoveItErrorCodes=error)
    planning = types.SimpleNamespace(Response=message(grasps=list, error_code=error))
    made["moveit_msgs.srv"].GraspPlanning = planning  # type: ignore[attr-defined]
    made["trajectory_msgs"] = types.ModuleType("trajectory_msgs")
    made["trajectory_msgs.msg"] = types.ModuleType("trajectory_msgs.msg")
    made["trajectory_msgs.msg"].JointTrajectoryPoint = point  # type: ignore[attr-defined]
    return made
