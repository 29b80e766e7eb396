"""The launch file through ROS' launch where that is installed: arguments, namespaces, autostart, an orderly end."""

import importlib
import importlib.util
import os
import signal
import subprocess
import sys
from functools import partial
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
        command,
        env=environment,
        cwd=prefix,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=partial(
            signal.signal, signal.SIGINT, signal.SIG_DFL
        ),  # ignored where the tests run in the background
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

    from gsn_perception.ros import interface
    from gsn_perception.ros.recordings import reading

    graph.subscribe(interface.MESH)
    reading.record(tmp_path / "bag", [observation(10**9 + i * 10**8) for i in range(3)], namespace="camera")
    words = (f"bag:={tmp_path / 'bag'}", "rate:=0.2", "wait:=200", "settle:=200", "device:=cpu")
    run = launched(prefix, domain, "replay.launch.py", *words, "params_file:=" + str(typo(tmp_path)))
    try:
        output, _ = run.communicate(timeout=500)
    finally:
        run.kill()
    assert run.returncode == 0, output
    assert graph.received["mesh"], output  # a result, with its objects or empty, for the recording's stamps
    assert all(m.markers[0].header.stamp.sec == 1 for m in graph.received["mesh"]), output
    last = graph.received["mesh"][-1].markers[0].header.stamp
    assert last.nanosec == 2 * 10**8, f"the last frame was not waited for\n{output}"
    assert output.count("cleanup done") == 2, output
    assert "has no parameter max_object, which is ignored; did you mean max_objects?" in output
    assert "still at work" not in output


def typo(folder: Path) -> Path:
    path = folder / "params.yaml"
    path.write_text("/**/reconstruction: {ros__parameters: {max_object: 3, min_mask_pixels: 20}}\n")
    return path


def ended(prefix, domain, *words: str) -> str:
    """What a launch that must not start printed; it ended by itself, not with 0, and left no process."""
    run = launched(prefix, domain, *words)
    try:
        output, _ = run.communicate(timeout=200)  # also waits for whoever holds its output
    finally:
        run.kill()
    assert run.returncode != 0, output
    assert output.count("Caught exception in launch") == 1, output
    assert "Traceback" not in output
    return output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("gsn.launch.py", "rviz:=true"), "rviz:=true needs rviz2: install it with"),
        (("gsn.launch.py", "rviz:=ture"), "rviz is 'ture'; give true or false"),
        (("gsn.launch.py", "params_file:=/no/such.yaml"), "there is no file '/no/such.yaml'; check params_file:="),
        (("replay.launch.py",), "needs a recording: bag:=FOLDER"),
        (("replay.launch.py", "bag:=/no/such/bag"), "there is no recording '/no/such/bag'; check bag:="),
    ],
)
def test_what_cannot_be_started_is_one_sentence(domain, prefix, words, sentence):
    output = ended(prefix, domain, *words)
    assert sentence in output
    assert "process started" not in output


def test_a_topic_the_bag_lacks_and_parameters_that_are_refused_end_everything(domain, prefix, tmp_path):
    from conftest import observation

    from gsn_perception.ros.recordings import reading

    reading.record(tmp_path / "bag", [observation(10**9)], namespace="camera")
    words = ("replay.launch.py", f"bag:={tmp_path / 'bag'}", "device:=cpu", "grasps:=false")
    output = ended(prefix, domain, *words, "depth:=/camera/dept")
    assert "holds no /camera/dept; choose among its topics: " in output
    assert "/camera/depth" in output
    assert "the recording was not played" in output
    (tmp_path / "params.yaml").write_text("/**/reconstruction: {ros__parameters: {max_objects: 0}}\n")
    output = ended(prefix, domain, *words, f"params_file:={tmp_path / 'params.yaml'}")
    assert "max_objects" in output
    assert "refused its parameters" in output


def test_interrupting_a_replay_is_no_failure(graph, domain, prefix, tmp_path):
    from conftest import observation

    from gsn_perception.ros.recordings import reading

    reading.record(tmp_path / "bag", [observation(10**9 + i * 10**8) for i in range(3)], namespace="camera")
    words = (f"bag:={tmp_path / 'bag'}", "loop:=true", "wait:=200", "device:=cpu", "grasps:=false", "imgae:=/x")
    run = launched(prefix, domain, "replay.launch.py", *words)
    try:
        until(lambda: graph.node.count_publishers("/camera/image"), timeout=180)
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=100)
    finally:
        run.kill()
    assert run.returncode == 0, output
    assert "was not played" not in output
    assert "there is no launch argument 'imgae', which is ignored; did you mean 'image'?" in output


def test_rviz_starts_in_the_frame_of_the_results(graph, domain, prefix, tmp_path):
    """A program of that name notes how it was started."""
    share = prefix / "share/ament_index/resource_index/packages"
    (share / "rviz2").touch()
    (prefix / "lib/rviz2").mkdir()
    said = tmp_path / "said.txt"
    program = prefix / "lib/rviz2/rviz2"
    program.write_text(f'#!/bin/sh\necho "$@" > {said}.part; mv {said}.part {said}\n')
    program.chmod(0o755)
    (tmp_path / "params.yaml").write_text("/**: {ros__parameters: {target_frame: base_link}}\n")
    for words, frame in (((), "base_link"), (("target_frame:=table",), "table")):
        chosen = ("rviz:=true", "grasps:=false", "autostart:=false", f"params_file:={tmp_path / 'params.yaml'}")
        run = launched(prefix, domain, "gsn.launch.py", *chosen, *words)
        try:
            until(lambda: said.exists() and "reconstruction" in graph.node.get_node_names(), timeout=180)
            run.send_signal(signal.SIGINT)
            run.communicate(timeout=100)
        finally:
            run.kill()
        assert f"gsn.rviz -f {frame} " in said.read_text()
        said.unlink()
        until(lambda: "reconstruction" not in graph.node.get_node_names(), timeout=60)
