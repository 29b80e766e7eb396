"""Dockerfile and compose file, read: no Docker is needed, and nothing is built."""

import os
import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from gsn_perception.ros.processes import launch_arguments

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
NOT_IN_THE_IMAGE = {"rviz2"}  # a display; rviz:=true says what to install
NO_PACKAGE = {"python3-pytorch-pip", "python3-open3d-pip", "python3-trimesh-pip", "python3-rosbags-pip"}


def instructions():
    """(instruction, words) in order; continued lines joined, comments left out."""
    text = "\n".join(line for line in (DOCKER / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split(maxsplit=1)[0], shlex.split(line.split(maxsplit=1)[1])) for line in lines if line.strip()]


def services():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]


def arguments(name):
    return {"gsn.launch.py": launch_arguments.GSN, "replay.launch.py": launch_arguments.REPLAY}[name]


def apt_packages():
    return {word for kind, words in instructions() if kind == "RUN" and "apt-get" in words for word in words}


def test_the_base_is_a_ros_image_and_everything_is_for_its_distribution():
    kinds = [kind for kind, _ in instructions()]
    assert kinds[0] == "FROM"
    assert instructions()[0][1] == ["ros:jazzy-ros-base"]
    texts = [(DOCKER / name).read_text() for name in ("Dockerfile", "entrypoint.sh", "compose.yaml")]
    distributions = {m[1] or m[2] for text in texts for m in re.finditer(r"ros-([a-z]+)-|/opt/ros/([a-z]+)/", text)}
    assert distributions - {"base"} == {"jazzy"}


def test_every_copied_path_exists_and_all_that_colcon_installs_is_copied():
    copied = [word for kind, words in instructions() if kind == "COPY" for word in words[:-1]]
    assert [path for path in copied if not (ROOT / path).exists()] == []
    targets = {words[0]: words[-1] for kind, words in instructions() if kind == "COPY" and len(words) == 2}
    folders = {path for path in copied if (ROOT / path).is_dir()}
    assert folders == {"resource", "config", "launch", "gsn_perception"}
    assert all(targets[folder] == f"src/gsn_perception/{folder}" for folder in folders), (
        "COPY drops a folder's own name"
    )
    assert {"package.xml", "setup.py", "setup.cfg", "README.md", "LICENSE"} <= set(copied)
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().split()
    assert not set(ignored) & set(copied)


def test_the_ros_packages_are_those_of_package_xml():
    needed = {e.text for e in ET.parse(ROOT / "package.xml").getroot().iter("exec_depend")}
    needed = {key for key in needed if not key.startswith("python3-")} - NOT_IN_THE_IMAGE
    there = {
        name.removeprefix("ros-jazzy-").replace("-", "_") for name in apt_packages() if name.startswith("ros-jazzy-")
    }
    assert there == needed | {"rmw_fastrtps_cpp"}


def test_python_packages_come_from_the_requirements_and_libraries_from_the_same_list_as_elsewhere():
    runs = [" ".join(words) for kind, words in instructions() if kind == "RUN"]
    assert any("-r src/gsn_perception/requirements.txt" in run for run in runs)
    assert any("grep '^torch=='" in run or "grep ^torch==" in run for run in runs)
    assert re.search(r"^torch==", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)
    libraries = set(re.findall(r"\]=(\S+?)[\s)]", (ROOT / ".ci" / "system-packages").read_text()))
    assert libraries
    assert libraries <= apt_packages()


def test_what_ubuntu_lacks_or_has_too_old_is_in_the_requirements():
    keys = {
        e.text for e in ET.parse(ROOT / "package.xml").getroot().iter("exec_depend") if e.text.startswith("python3-")
    }
    names = {"python3-pytorch-pip": "torch", "python3-opencv": "opencv-python-headless", "python3-yaml": "pyyaml"}
    names |= {"python3-pil": "pillow", "python3-skimage": "scikit-image"}
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line
    }
    wanted = {names.get(key, key.removeprefix("python3-").removesuffix("-pip")) for key in keys}
    assert wanted <= pinned
    assert keys >= NO_PACKAGE


def test_the_entry_point_hands_signals_on():
    path = DOCKER / "entrypoint.sh"
    assert os.access(path, os.X_OK)
    assert path.read_text().splitlines()[-1] == 'exec "$@"'
    assert ("ENTRYPOINT", ["[/entrypoint.sh]"]) in instructions()
    assert ("COPY", ["docker/entrypoint.sh", "/entrypoint.sh"]) in instructions()
    assert ("STOPSIGNAL", ["SIGINT"]) in instructions()


@pytest.mark.parametrize(("service", "file"), [("robot", "gsn.launch.py"), ("replay", "replay.launch.py")])
def test_the_services_launch_what_there_is(service, file):
    found = services()[service]
    assert found["command"][:4] == ["ros2", "launch", "gsn_perception", file]
    assert (ROOT / "launch" / file).is_file()
    known = arguments(file)
    given = [word.split(":=", maxsplit=1) for word in found["command"][4:]]
    assert {name for name, _ in given} <= set(known)
    assert found["build"] == {"context": "..", "dockerfile": "docker/Dockerfile"}
    assert (DOCKER / found["build"]["context"] / found["build"]["dockerfile"]).resolve() == DOCKER / "Dockerfile"


def test_the_services_have_shared_memory_and_an_orderly_end():
    robot, replay = services()["robot"], services()["replay"]
    assert (robot["ipc"], robot["network_mode"]) == ("host", "host")
    assert replay["shm_size"] == "1g"
    assert replay["volumes"] == ["${BAG:-./bag}:/bag:ro"]
    assert "bag:=/bag" in replay["command"]
    for service in (robot, replay):
        assert (service["init"], service["stop_signal"]) == (True, "SIGINT")


def test_defaults_of_the_replay_are_those_of_its_launch_file():
    known = arguments("replay.launch.py")
    for word in services()["replay"]["command"][5:]:
        name, value = word.split(":=", maxsplit=1)
        assert re.fullmatch(r"\$\{[A-Z_]+:-(.*)\}", value)[1] == known[name][0], name
