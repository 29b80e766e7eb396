"""Reconstruction and grasps: `ros2 launch gsn_perception gsn.launch.py image:=/camera/color/image_rect ...`."""

import os
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument
from launch.actions import OpaqueFunction
from launch.actions import SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.actions import Node

from launch import LaunchContext
from launch import LaunchDescription

PACKAGE = "gsn_perception"
SHARE = Path(get_package_share_directory(PACKAGE))

ARGUMENTS = {  # name: default, description
    "namespace": ("", "namespace of both nodes"),
    "image": ("image", "colour image topic"),
    "camera_info": ("camera_info", "topic of its intrinsics"),
    "depth": ("depth", "depth topic, registered to the colour image"),
    "mask": ("mask", "instance mask topic"),
    "scene": ("scene", "the depth camera's point cloud, which grasps keep clear of"),
    "tf": ("/tf", "topic of transforms; tf: the one in the namespace, as Nav2's robots have it"),
    "tf_static": ("/tf_static", "topic of static transforms; tf_static: the one in the namespace"),
    "params_file": ("", "parameter file on top of the package's defaults"),
    "checkpoint": ("", "weights: a file or a shipped name; empty: the parameter file's"),
    "device": ("", "auto, cpu or cuda; empty: the parameter file's"),
    "autostart": ("true", "configure and activate without a lifecycle manager"),
    "grasps": ("true", "start the grasp node, too"),
    "rviz": ("false", "start RViz with the package's display"),
    "use_sim_time": ("false", "take the time from /clock"),
    "log_level": ("info", "debug, info, warn or error"),
}
DDS_CHOICES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_BUILTIN_TRANSPORTS")


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("1", "true", "yes", "on")


def _nodes(context: LaunchContext) -> list[LifecycleNode]:
    """The nodes, once the arguments are known: an empty argument must not overrule a parameter file."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    common = {"autostart": _is_true(given["autostart"]), "use_sim_time": _is_true(given["use_sim_time"])}
    weights = {name: given[name] for name in ("checkpoint", "device") if given[name]}
    inputs = [(name, given[name]) for name in ("image", "camera_info", "depth", "mask")]
    inputs.append(("image/compressed", f"{given['image']}/compressed"))
    inputs += [(f"depth/{kind}", f"{given['depth']}/{kind}") for kind in ("compressedDepth", "compressed")]

    def lifecycle(name: str, extra: dict[str, Any], remappings: list[tuple[str, str]]) -> LifecycleNode:
        files = [str(SHARE / "config" / f"{name}.yaml"), *filter(None, [given["params_file"]])]
        return LifecycleNode(
            package=PACKAGE,
            executable=f"{name}_node",
            name=name,
            namespace=given["namespace"],
            parameters=[*files, {**common, **extra}],
            remappings=[*remappings, *((f"/{name}", given[name]) for name in ("tf", "tf_static"))],
            arguments=["--ros-args", "--log-level", given["log_level"]],
            output="screen",
        )

    nodes = [lifecycle("reconstruction", weights, inputs)]
    if _is_true(given["grasps"]):
        nodes.append(lifecycle("grasp", {}, [("scene", given["scene"])]))
    return nodes


def generate_launch_description() -> LaunchDescription:
    actions = [DeclareLaunchArgument(n, default_value=v, description=d) for n, (v, d) in ARGUMENTS.items()]
    if not any(os.environ.get(name) for name in DDS_CHOICES):
        profile = str(SHARE / "config" / "fastdds.xml")
        actions += [SetEnvironmentVariable(name, profile) for name in DDS_CHOICES[:2]]
    actions.append(OpaqueFunction(function=_nodes))
    actions.append(
        Node(
            package="rviz2",
            executable="rviz2",
            namespace=LaunchConfiguration("namespace"),
            arguments=["-d", str(SHARE / "config" / "gsn.rviz")],
            condition=IfCondition(LaunchConfiguration("rviz")),
        )
    )
    return LaunchDescription(actions)
