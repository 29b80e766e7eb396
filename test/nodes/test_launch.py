"""The launch file through ROS' launch where that is installed: arguments, namespaces, autostart, an orderly end."""

import importlib
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
from waiting import until

pytestmark = pytest.mark.dds
ROOT = Path(__file__).parents[2]
SCRIPT = f"""
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
given = [tuple(word.split(":=")) for word in sys.argv[1:]]
given, name = given[1:], given[0][0]
source = PythonLaunchDescriptionSource({str(ROOT / "launch")!r} + "/" + name)
service = LaunchService()
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(source, launch_arguments=given)]))
sys.exit(service.run())
"""


def has_launch() -> bool:
    """Whether ROS' launch is installed; a folder of that name in the working directory is not it."""
    code = "from launch import LaunchService; import launch_ros.actions"
    return not subprocess.run([sys.executable, "-c", code], cwd="/", stderr=subprocess.DEVNULL, timeout=120).returncode


@pytest.fixture
def prefix(tmp_path) -> Path:
    """An ament prefix with the package's files as colcon installs them."""
    if importlib.util.find_spec("launch_ros") is None or not has_launch():
        pytest.skip("launch and launch_ros are not installed; they come with a ROS 2 installation")
    share = tmp_path / "share"
    (share / "ament_index/resource_index/packages").mkdir(parents=True)
    (share / "ament_index/resource_index/packages/gsn_perception").touch()
    (share / "gsn_perception").mkdir()
    (share / "gsn_perception/config").symlink_to(ROOT / "config")
    binaries = tmp_path / "lib" / "gsn_perception"
    binaries.mkdir(parents=True)
    (share / "gsn_perception/launch").symlink_to(ROOT / "launch")
    for name in ("reconstruction_node", "grasp_node", "bag_play"):
        (binaries / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gsn_perception.nodes.{name} "$@"\n')
        (binaries / name).chmod(0o755)
    return tmp_path


def launched(prefix: Path, domain: int, *words: str) -> subprocess.Popen:
    search = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "AMENT_PREFIX_PATH": str(prefix), "PYTHONPATH": search, "ROS_DOMAIN_ID": str(domain)}
    command = [sys.executable, "-c", SCRIPT, *words]
    return subprocess.Popen(
        command, env=environment, cwd=prefix, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_launch_starts_active_nodes_and_ends_them(graph, domain, prefix):
    run = launched(prefix, domain, "gsn.launch.py", "namespace:=left", "image:=/camera/color", "device:=cpu")
    try:
        wanted = ("/camera/color", "/left/camera_info", "/left/points")
        until(lambda: all(graph.node.count_subscribers(name) for name in wanted), timeout=180)
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 0, output
    assert output.count("cleanup done") == 2, output


def test_replay_plays_a_bag_through_the_nodes_and_ends(graph, domain, prefix, tmp_path):
    from conftest import observation

    from gsn_perception.ros import bags
    from gsn_perception.ros import interface

    graph.subscribe(interface.MESH)
    bags.record(tmp_path / "bag", [observation(10**9 + i * 10**8) for i in range(3)], namespace="camera")
    words = (f"bag:={tmp_path / 'bag'}", "rate:=0.2", "wait:=200", "device:=cpu", "grasps:=false")
    run = launched(prefix, domain, "replay.launch.py", *words)
    try:
        output, _ = run.communicate(timeout=300)
    finally:
        run.kill()
    assert run.returncode == 0, output
    assert graph.received["mesh"], output  # a result, with its objects or empty, for the recording's stamps
    assert all(m.markers[0].header.stamp.sec == 1 for m in graph.received["mesh"]), output
    assert output.count("cleanup done") == 1, output
