"""What the launch files check before they start anything."""

import subprocess
import sys
from pathlib import Path

import pytest

from gsn_perception.ros.processes import launch_arguments
from gsn_perception.ros.processes import launch_checks

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), (" On ", True), ("1", True), ("False", False), ("", False)]
)
def test_flags(text, value):
    assert launch_checks.is_true("rviz", text) is value


def test_a_flag_that_is_neither_is_refused():
    with pytest.raises(launch_checks.LaunchError, match="rviz is 'ture'; give true or false"):
        launch_checks.is_true("rviz", "ture")


def test_misspelt_arguments_are_named_and_strangers_left_alone():
    known = launch_arguments.GSN
    (sentence,) = launch_checks.misspelt([*known, "imgae", "map", "robot_name"], known)
    assert sentence == "there is no launch argument 'imgae', which is ignored; did you mean 'image'?"


def test_arguments_of_the_two_files_are_not_taken_for_each_other():
    """The replay file includes the other one, which sees its arguments."""
    plain, replay, own = launch_arguments.GSN, launch_arguments.REPLAY, launch_arguments.REPLAY_OWN
    assert launch_checks.misspelt(own, plain) == []
    assert launch_checks.misspelt([name for name in plain if name not in replay], own) == []
    assert len(launch_checks.misspelt(["setle"], own)) == 1


def test_missing_files_are_a_sentence(tmp_path):
    with pytest.raises(launch_checks.LaunchError, match=r"there is no recording '/no/such/bag'; check bag:="):
        launch_checks.check_file("bag", "/no/such/bag", folder=True)
    with pytest.raises(launch_checks.LaunchError, match="there is no file"):
        launch_checks.check_file("params_file", str(tmp_path))
    launch_checks.check_file("bag", str(tmp_path), folder=True)
    with pytest.raises(launch_checks.LaunchError, match=r"there is no file '/no/such.yaml'; check params_file:="):
        launch_checks.read_params("/no/such.yaml")
    assert launch_checks.read_params("") == {}


@pytest.mark.parametrize("text", ["a: [", "\tb: 1", "- one", "words"])
def test_a_parameter_file_that_is_none_is_a_sentence(tmp_path, text):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(launch_checks.LaunchError, match=r"params_file .*(mend it|begin it with)") as caught:
        launch_checks.read_params(str(path))
    assert "\n" not in str(caught.value)


def test_the_shipped_files_have_nothing_misspelt():
    for name in launch_checks.NODES:
        params = launch_checks.read_params(str(ROOT / "config" / f"{name}.yaml"))
        assert launch_checks.misspelt_nodes(params) == []
        assert launch_checks.fixed_frame(params) == ""


def test_nodes_and_frames_of_a_parameter_file(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(
        "/**/reconstuction: {ros__parameters: {target_frame: wrong}}\n"
        "/left/reconstruction: {ros__parameters: {target_frame: base_link}}\n"
        "bt_navigator: {ros__parameters: {target_frame: map}}\n"
    )
    params = launch_checks.read_params(str(path))
    (sentence,) = launch_checks.misspelt_nodes(params)
    assert "no node is called '/**/reconstuction'" in sentence
    assert "did you mean 'reconstruction'?" in sentence
    assert launch_checks.fixed_frame(params) == "base_link"


def test_it_loads_nothing_heavy():
    heavy = {"numpy", "torch", "rclpy", "yaml"}
    modules = [f"gsn_perception.ros.processes.{name}" for name in ("launch_checks", "launch_arguments")]
    script = f"import sys, {', '.join(modules)}; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
