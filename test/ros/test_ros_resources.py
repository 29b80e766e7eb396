"""Files beside the code: RViz display, DDS profile, launch file, and how they are found."""

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

pytest.importorskip("rclpy")

from gsn_perception.geometry import InputError
from gsn_perception.nodes import bag_play
from gsn_perception.ros import interface
from gsn_perception.ros import resources
from gsn_perception.ros.processes import dds_profile
from gsn_perception.ros.processes import launch_arguments

ROOT = Path(__file__).parents[2]
DISPLAYS = {
    "PointCloud2": "sensor_msgs/msg/PointCloud2",
    "MarkerArray": "visualization_msgs/msg/MarkerArray",
    "PoseArray": "geometry_msgs/msg/PoseArray",
    "Polygon": "geometry_msgs/msg/PolygonStamped",
    "Image": "sensor_msgs/msg/Image",
}


def test_rviz_shows_the_topics_of_the_interface_with_their_types_and_qos():
    display = yaml.safe_load((ROOT / "config" / "gsn.rviz").read_text())["Visualization Manager"]["Displays"]
    shown = {d["Topic"]["Value"]: d for d in display if "Topic" in d}
    outputs = {t.name: t for t in (*interface.RECONSTRUCTION_OUTPUTS, interface.RENDER, *interface.GRASP_OUTPUTS)}
    outputs.pop("grasps/table")  # figures for programs, nothing to see
    assert set(shown) == set(outputs)
    for name, topic in outputs.items():
        latched = topic.qos == "latched"
        assert DISPLAYS[shown[name]["Class"].split("/")[1]] == topic.type_name
        assert shown[name]["Topic"]["Durability Policy"] == ("Transient Local" if latched else "Volatile")
        assert shown[name]["Topic"]["Reliability Policy"] == ("Reliable" if latched else "Best Effort")


def test_the_interface_is_that_of_the_readme():
    names = {t.name: t.type_name for t in (*interface.RECONSTRUCTION_INPUTS, *interface.RECONSTRUCTION_OUTPUTS)}
    assert names == {
        "image": "sensor_msgs/msg/Image",
        "camera_info": "sensor_msgs/msg/CameraInfo",
        "depth": "sensor_msgs/msg/Image",
        "mask": "sensor_msgs/msg/Image",
        "gaussians": "sensor_msgs/msg/PointCloud2",
        "points": "sensor_msgs/msg/PointCloud2",
        "mesh": "visualization_msgs/msg/MarkerArray",
        "support_plane": "geometry_msgs/msg/PolygonStamped",
    }
    assert [t.name for t in interface.GRASP_OUTPUTS] == ["grasps", "grasps/table", "grasps/markers"]


def test_the_dds_profile_has_a_large_segment_and_udp():
    space = {"f": "http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"}
    root = ElementTree.parse(ROOT / "config" / "fastdds.xml").getroot()
    transports = {t.find("f:type", space).text: t for t in root.iterfind(".//f:transport_descriptor", space)}
    assert set(transports) == {"SHM", "UDPv4"}
    assert int(transports["SHM"].find("f:segment_size", space).text) == 64 * 2**20
    assert root.find(".//f:useBuiltinTransports", space).text == "false"


def test_share_files_are_found_in_a_checkout_and_in_prefixes(tmp_path, monkeypatch):
    assert resources.share_file("config/fastdds.xml") == ROOT / "config" / "fastdds.xml"
    with pytest.raises(InputError, match="not installed"):
        resources.share_file("config/nothing.xml")
    place = tmp_path / "share" / "gsn_perception" / "config"
    place.mkdir(parents=True)
    (place / "only_here.yaml").write_text("")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    assert resources.share_file("config/only_here.yaml") == place / "only_here.yaml"


def test_the_profile_is_used_unless_the_user_chose_one(monkeypatch):
    names = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_BUILTIN_TRANSPORTS")
    for chosen in names:
        for name in names:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(chosen, "mine")
        dds_profile.use_dds_profile()
        assert {n: resources.os.environ.get(n) for n in names} == {n: "mine" if n == chosen else None for n in names}
    monkeypatch.delenv(chosen)
    dds_profile.use_dds_profile()
    for name in names[:2]:
        assert resources.os.environ[name] == str(ROOT / "config" / "fastdds.xml")
        monkeypatch.delenv(name)


def arguments_of(name: str) -> dict:
    tree = ast.parse((ROOT / "launch" / name).read_text())
    assert "generate_launch_description" in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    tables = {n.targets[0].id: ast.unparse(n.value) for n in tree.body if isinstance(n, ast.Assign)}
    return getattr(launch_arguments, tables["ARGUMENTS"].removeprefix("launch_arguments."))


def test_the_replay_file_passes_on_what_the_other_one_takes():
    replay, plain = arguments_of("replay.launch.py"), arguments_of("gsn.launch.py")
    own = {"bag", "rate", "loop", "wait", "settle", "shutdown"}
    assert set(replay) - own == set(plain) - {"use_sim_time", "autostart", "tf", "tf_static"}
    assert all(isinstance(default, str) and text for default, text in replay.values())
    assert [replay[n][0] for n in ("image", "camera_info", "depth", "mask")] == [
        f"/camera/{n}" for n in ("image", "camera_info", "depth", "mask")
    ], "the topics that gsn bag make writes"
    options = {word for action in bag_play._parser()._actions for word in action.option_strings}
    assert {"--clock", "--rate", "--wait", "--wait-for", "--expect", "--nodes", "--settle", "--loop"} <= options


def test_the_launch_file_has_the_promised_arguments_and_starts_what_is_installed():
    arguments = arguments_of("gsn.launch.py")
    assert set(arguments) == {
        *("namespace", "image", "camera_info", "depth", "mask", "params_file", "checkpoint", "device", "autostart"),
        *("scene", "tf", "tf_static", "grasps", "rviz", "use_sim_time", "log_level", "target_frame"),
    }
    assert all(isinstance(default, str) and text for default, text in arguments.values())
    for name in ("reconstruction_node", "grasp_node"):
        assert importlib.util.find_spec(f"gsn_perception.nodes.{name}") is not None
    for name in ("reconstruction.yaml", "grasp.yaml", "gsn.rviz", "fastdds.xml"):
        assert (ROOT / "config" / name).is_file()


def test_the_launch_file_loads(monkeypatch):
    """Where ROS' launch is installed (a folder of that name in the checkout is not it)."""
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(ROOT))])
    sys.modules.pop("launch", None)
    launch = importlib.import_module("launch") if importlib.util.find_spec("launch") else None
    if not hasattr(launch, "LaunchDescription") or importlib.util.find_spec("launch_ros") is None:
        pytest.skip("launch and launch_ros are not installed; they come with a ROS 2 installation")
    share = importlib.import_module("ament_index_python.packages")
    monkeypatch.setattr(share, "get_package_share_directory", lambda name: str(ROOT))
    spec = importlib.util.spec_from_file_location("gsn_launch", ROOT / "launch" / "gsn.launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    description = module.generate_launch_description()
    assert len(description.get_launch_arguments()) == len(module.ARGUMENTS)
    given = {name: default for name, (default, _) in module.ARGUMENTS.items()}
    flags = {name: given[name] == "true" for name in module.FLAGS}
    assert len(module._nodes(given, flags)) == 2
    assert len(module._nodes(given, {**flags, "grasps": False})) == 1
