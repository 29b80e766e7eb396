"""Optional imports: Python modules that may be missing, each with a sentence that says what to install."""

from __future__ import annotations

import importlib
from types import ModuleType

from gsn_perception.geometry import InputError

_APT = "install it with `sudo apt install ros-$ROS_DISTRO-{}` and source the ROS setup file"
_OR_POSE = ", or give a fixed pose (camera_to_target, scene_to_target)"
_SENTENCES = {
    "rclpy": "rclpy is missing: source a ROS 2 installation or run `pip install 'gsn-perception[ros]'`",
    "rosbags": "reading and writing bags needs rosbags: run `pip install rosbags`",
    "mcap": "reading MCAP files needs mcap: run `pip install mcap`",
    "zstandard": "reading compressed bags needs zstandard: run `pip install zstandard`",
    "cv_bridge": "cv_bridge is missing: " + _APT.format("cv-bridge"),
    "tf2_ros": "transforms need tf2_ros: " + _APT.format("tf2-ros-py") + _OR_POSE,
    "tf2_msgs": "transforms need tf2_msgs: " + _APT.format("tf2-msgs") + _OR_POSE,
    "moveit_msgs": "{asked_by} needs moveit_msgs: " + _APT.format("moveit-msgs") + ", or set {asked_by} to false",
    "yolo_msgs": "mask_transport polygons needs yolo_msgs: build https://github.com/mgonzs13/yolo_ros in your workspace "
    "and source it, or set mask_transport to raw",
    "ament_index_python": "ament_index_python is missing: source a ROS 2 installation",
}


def find(name: str) -> ModuleType | None:
    """The module ``name``, or None where it is missing or fails to load.

    A broken module counts as missing: cv_bridge built for NumPy 1 raises AttributeError with NumPy 2.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, AttributeError):
        return None


def require(name: str, asked_by: str = "it") -> ModuleType:
    """The module ``name``, which the parameter ``asked_by`` needs.

    Raises:
        InputError: it is missing; the sentence says what to install.
    """
    module = find(name)
    if module is None:
        root = name if name in _SENTENCES else name.split(".", maxsplit=1)[0]
        sentence = _SENTENCES.get(root, f"the Python module {name} is missing: install it")
        raise InputError(sentence.replace("{asked_by}", asked_by))
    return module
