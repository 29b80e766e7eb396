"""Plays a recording to the nodes: `ros2 launch gsn_perception replay.launch.py bag:=FOLDER`.

Plays the bag with /clock and starts gsn.launch.py with use_sim_time, so that ages and TF fit the recording.
"""

from functools import partial
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument
from launch.actions import EmitEvent
from launch.actions import IncludeLaunchDescription
from launch.actions import LogInfo
from launch.actions import OpaqueFunction
from launch.actions import RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from gsn_perception.ros.processes import launch_arguments
from gsn_perception.ros.processes import launch_checks
from launch import LaunchContext
from launch import LaunchDescription
from launch import LaunchDescriptionEntity

PACKAGE = "gsn_perception"
SHARE = Path(get_package_share_directory(PACKAGE))

ARGUMENTS = launch_arguments.REPLAY
OWN = launch_arguments.REPLAY_OWN
MAY_LACK = ("depth", "mask")  # topics that a recording may lack, unless they are given


def _actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = launch_arguments.values(context.launch_configurations, ARGUMENTS)
    flags = {name: launch_checks.is_true(name, given[name]) for name in ("loop", "shutdown", "grasps")}
    if not given["bag"]:
        raise launch_checks.LaunchError("replay.launch.py needs a recording: bag:=FOLDER")
    launch_checks.check_file("bag", given["bag"], folder=True)
    told = launch_checks.misspelt([n for n in context.launch_configurations if n not in ARGUMENTS], OWN)
    passed = {name: value for name, value in given.items() if name not in OWN}
    nodes = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / "launch" / "gsn.launch.py")),
        launch_arguments={**passed, "use_sim_time": "true"}.items(),
    )
    player = Node(package=PACKAGE, executable="bag_play", arguments=_player_arguments(given, flags), output="screen")
    ended = RegisterEventHandler(OnProcessExit(target_action=player, on_exit=partial(_on_played, flags["shutdown"])))
    return [*(LogInfo(msg=f"warning: {sentence}") for sentence in told), nodes, ended, player]


def _player_arguments(given: dict[str, str], flags: dict[str, bool]) -> list[str]:
    """Command line of bag_play."""
    there = [name for name in launch_checks.NODES if flags["grasps"] or name != "grasp"]
    prefix = "/".join(["", *given["namespace"].strip("/").split("/")]).rstrip("/")
    words = [str(Path(given["bag"]).expanduser()), "--clock", "--rate", given["rate"], "--wait", given["wait"]]
    words += ["--wait-for", given["image"], given["camera_info"]]
    named = [given[name] for name in MAY_LACK if given[name] != ARGUMENTS[name][0]]
    words += ["--expect", *named] if named else []
    words += ["--nodes", *(f"{prefix}/{name}" for name in there), "--settle", given["settle"]]
    return words + (["--loop"] if flags["loop"] else [])


def _on_played(shutdown: bool, event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """End the launch; with an exit code that is not 0 where the recording was not played."""
    if context.is_shutdown:  # the player ended by the shutdown; a second one is an error of launch_ros
        return []
    if event.returncode:
        raise launch_checks.LaunchError("the recording was not played; bag_play's last line says why")
    return [EmitEvent(event=Shutdown(reason="the recording has been played"))] if shutdown else []


def generate_launch_description() -> LaunchDescription:
    actions = [DeclareLaunchArgument(n, default_value=v, description=d) for n, (v, d) in ARGUMENTS.items()]
    return LaunchDescription([*actions, OpaqueFunction(function=_actions)])
