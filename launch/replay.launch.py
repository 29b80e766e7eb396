"""A recording through the nodes: `ros2 launch gsn_perception replay.launch.py bag:=FOLDER`.

Plays the bag with /clock and starts gsn.launch.py with use_sim_time, so that ages and TF are those of the recording.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument
from launch.actions import EmitEvent
from launch.actions import IncludeLaunchDescription
from launch.actions import OpaqueFunction
from launch.actions import RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext
from launch import LaunchDescription
from launch import LaunchDescriptionEntity

PACKAGE = "gsn_perception"
SHARE = Path(get_package_share_directory(PACKAGE))

ARGUMENTS = {  # name: default, description
    "bag": ("", "folder of a rosbag2 recording, or an .mcap, .db3 or ROS 1 .bag file"),
    "rate": ("1.0", "speed of playing"),
    "loop": ("false", "start again at the end"),
    "wait": ("120.0", "longest wait for the nodes to subscribe, seconds"),
    "shutdown": ("true", "end everything once the recording has been played"),
    "namespace": ("", "namespace of both nodes"),
    "image": ("/camera/image", "colour image topic"),
    "camera_info": ("/camera/camera_info", "topic of its intrinsics"),
    "depth": ("/camera/depth", "depth topic, registered to the colour image"),
    "mask": ("/camera/mask", "instance mask topic"),
    "scene": ("/camera/depth/points", "the depth camera's point cloud, which grasps keep clear of"),
    "params_file": ("", "parameter file on top of the package's defaults"),
    "checkpoint": ("", "weights: a file or a shipped name; empty: the parameter file's"),
    "device": ("", "auto, cpu or cuda; empty: the parameter file's"),
    "grasps": ("true", "start the grasp node, too"),
    "rviz": ("false", "start RViz with the package's display"),
    "log_level": ("info", "debug, info, warn or error"),
}
OWN = ("bag", "rate", "loop", "wait", "shutdown")


def _actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    if not given["bag"]:
        raise RuntimeError("replay.launch.py needs a recording: bag:=FOLDER")
    passed = {name: value for name, value in given.items() if name not in OWN}
    nodes = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / "launch" / "gsn.launch.py")),
        launch_arguments={**passed, "use_sim_time": "true"}.items(),
    )
    words = [given["bag"], "--clock", "--rate", given["rate"], "--wait", given["wait"]]
    words += ["--wait-for", given["image"], given["camera_info"]]
    words += ["--loop"] if _is_true(given["loop"]) else []
    player = Node(package=PACKAGE, executable="bag_play", arguments=words, output="screen")
    actions = [nodes, player]
    if _is_true(given["shutdown"]):
        end = EmitEvent(event=Shutdown(reason="the recording has been played"))
        actions.append(RegisterEventHandler(OnProcessExit(target_action=player, on_exit=[end])))
    return actions


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("1", "true", "yes", "on")


def generate_launch_description() -> LaunchDescription:
    actions = [DeclareLaunchArgument(n, default_value=v, description=d) for n, (v, d) in ARGUMENTS.items()]
    return LaunchDescription([*actions, OpaqueFunction(function=_actions)])
