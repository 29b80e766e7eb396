"""Arguments of the two launch files: name to default and description. Imports neither ROS nor numpy."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping

GSN = {
    "namespace": ("", "namespace of both nodes"),
    "image": ("image", "colour image topic"),
    "camera_info": ("camera_info", "topic of its intrinsics"),
    "depth": ("depth", "depth topic, registered to the colour image"),
    "mask": ("mask", "instance mask topic"),
    "scene": ("scene", "the depth camera's point cloud, which grasps keep clear of"),
    "tf": ("/tf", "topic of transforms; tf: the one in the namespace, as Nav2's robots have it"),
    "tf_static": ("/tf_static", "topic of static transforms; tf_static: the one in the namespace"),
    "target_frame": ("", "frame of the results and of RViz; empty: the parameter file's"),
    "params_file": ("", "parameter file on top of the package's defaults"),
    "checkpoint": ("", "weights: a file or a shipped name; empty: the parameter file's"),
    "device": ("", "auto, cpu or cuda; empty: the parameter file's"),
    "autostart": ("true", "configure and activate without a lifecycle manager"),
    "grasps": ("true", "start the grasp node, too"),
    "rviz": ("false", "start RViz with the package's display"),
    "use_sim_time": ("false", "take the time from /clock"),
    "log_level": ("info", "debug, info, warn or error"),
}
"""Arguments of ``gsn.launch.py``."""

REPLAY_OWN = {
    "bag": ("", "folder of a rosbag2 recording, or an .mcap, .db3 or ROS 1 .bag file"),
    "rate": ("1.0", "speed of playing"),
    "loop": ("false", "start again at the end"),
    "wait": ("120.0", "longest wait for the nodes to subscribe, seconds"),
    "settle": ("60.0", "longest wait for idle nodes once it has been played, seconds"),
    "shutdown": ("true", "end everything then"),
}
"""Arguments of ``replay.launch.py`` that it does not pass on to ``gsn.launch.py``."""

_SET_BY_REPLAY = ("tf", "tf_static", "autostart", "use_sim_time")
_BAG_TOPICS = {
    "image": "/camera/image",
    "camera_info": "/camera/camera_info",
    "depth": "/camera/depth",
    "mask": "/camera/mask",
    "scene": "/camera/depth/points",
}
REPLAY = REPLAY_OWN | {
    name: (_BAG_TOPICS.get(name, default), description)
    for name, (default, description) in GSN.items()
    if name not in _SET_BY_REPLAY
}
"""Arguments of ``replay.launch.py``; the topics are those that ``gsn bag make`` writes."""


def values(configurations: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The values of declared arguments, from the ``launch_configurations`` of a launch context."""
    return {name: configurations[name] for name in names}
