"""Starts the reconstruction and grasp nodes: `ros2 launch gsn_perception gsn.launch.py image:=/camera/image_rect ...`."""

from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError
from ament_index_python.packages import get_package_prefix
from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument
from launch.actions import LogInfo
from launch.actions import OpaqueFunction
from launch.actions import RegisterEventHandler
from launch.actions import SetEnvironmentVariable
from launch.event_handlers import OnProcessExit
from launch.events.process import ProcessExited
from launch_ros.actions import LifecycleNode
from launch_ros.actions import Node

from gsn_perception.ros.processes import launch_arguments
from gsn_perception.ros.processes import launch_checks
from gsn_perception.ros.processes.dds_profile import DDS_CHOICES
from gsn_perception.ros.processes.dds_profile import choose_profile
from gsn_perception.ros.processes.dds_profile import free_shared_memory
from gsn_perception.ros.processes.dds_profile import is_chosen
from launch import LaunchContext
from launch import LaunchDescription
from launch import LaunchDescriptionEntity

PACKAGE = "gsn_perception"
SHARE = Path(get_package_share_directory(PACKAGE))
EXIT_BAD_INPUT = 2

ARGUMENTS = launch_arguments.GSN
FLAGS = ("autostart", "grasps", "rviz", "use_sim_time")


def _actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """All actions, after the arguments are checked: nothing starts where one is wrong."""
    given = launch_arguments.values(context.launch_configurations, ARGUMENTS)
    flags = {name: launch_checks.is_true(name, given[name]) for name in FLAGS}
    params = launch_checks.read_params(given["params_file"])
    if flags["rviz"]:
        _check_rviz()
    told = launch_checks.misspelt(context.launch_configurations, ARGUMENTS) + launch_checks.misspelt_nodes(params)
    nodes = _nodes(given, flags)
    ends = [RegisterEventHandler(OnProcessExit(target_action=node, on_exit=_end_on_bad_input)) for node in nodes]
    rviz = [_rviz(given, params)] if flags["rviz"] else []
    return [*map(_warning, told), *_dds(context), *ends, *nodes, *rviz]


def _nodes(given: dict[str, str], flags: dict[str, bool]) -> list[LifecycleNode]:
    """The nodes; an empty argument does not override the parameter file."""
    common = {name: flags[name] for name in ("autostart", "use_sim_time")}
    chosen = {name: given[name] for name in ("checkpoint", "device", "target_frame") if given[name]}
    inputs = [(name, given[name]) for name in ("image", "camera_info", "depth", "mask")]
    inputs.append(("image/compressed", f"{given['image']}/compressed"))
    inputs += [(f"depth/{kind}", f"{given['depth']}/{kind}") for kind in ("compressedDepth", "compressed")]

    def lifecycle(name: str, extra: dict[str, Any], remappings: list[tuple[str, str]]) -> LifecycleNode:
        user = [str(Path(given["params_file"]).expanduser())] if given["params_file"] else []
        return LifecycleNode(
            package=PACKAGE,
            executable=f"{name}_node",
            name=name,
            namespace=given["namespace"],
            parameters=[str(SHARE / "config" / f"{name}.yaml"), *user, {**common, **extra}],
            remappings=[*remappings, *((f"/{name}", given[name]) for name in ("tf", "tf_static"))],
            arguments=["--ros-args", "--log-level", given["log_level"]],
            output="screen",
        )

    nodes = [lifecycle("reconstruction", chosen, inputs)]
    if flags["grasps"]:
        nodes.append(lifecycle("grasp", {}, [("scene", given["scene"])]))
    return nodes


def _rviz(given: dict[str, str], params: dict[str, Any]) -> Node:
    """RViz with the frame of the results as fixed frame; without TF it shows nothing in another frame."""
    frame = given["target_frame"] or launch_checks.fixed_frame(params)
    return Node(
        package="rviz2",
        executable="rviz2",
        namespace=given["namespace"],
        remappings=[(f"/{name}", given[name]) for name in ("tf", "tf_static")],
        parameters=[{"use_sim_time": launch_checks.is_true("use_sim_time", given["use_sim_time"])}],
        arguments=["-d", str(SHARE / "config" / "gsn.rviz"), *(["-f", frame] if frame else [])],
    )


def _check_rviz() -> None:
    try:
        get_package_prefix("rviz2")
    except PackageNotFoundError:
        sentence = "rviz:=true needs rviz2: install it with `sudo apt install ros-$ROS_DISTRO-rviz2`, or leave out rviz"
        raise launch_checks.LaunchError(sentence) from None


def _dds(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Environment of the DDS profile that fits /dev/shm, unless the user chose one."""
    if is_chosen(context.environment):
        return []
    choice = choose_profile(free_shared_memory())
    path = str(SHARE / "config" / choice.file)
    told = [_warning(choice.sentence)] if choice.sentence else []
    return [*told, *(SetEnvironmentVariable(name, path) for name in DDS_CHOICES[:2])]


def _end_on_bad_input(event: ProcessExited, context: LaunchContext) -> None:
    """End the launch with an exit code that is not 0 where a node refused its parameters."""
    if event.returncode == EXIT_BAD_INPUT and not context.is_shutdown:
        raise launch_checks.LaunchError(
            f"{event.process_name} refused its parameters and ended; its last line says why"
        )


def _warning(sentence: str) -> LogInfo:
    return LogInfo(msg=f"warning: {sentence}")


def generate_launch_description() -> LaunchDescription:
    actions = [DeclareLaunchArgument(n, default_value=v, description=d) for n, (v, d) in ARGUMENTS.items()]
    return LaunchDescription([*actions, OpaqueFunction(function=_actions)])
