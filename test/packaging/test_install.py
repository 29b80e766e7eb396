"""What lands where: ``colcon build`` (ros2 run, ros2 launch) and a pip wheel, from a copy of the sources."""

import os
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODES = ("reconstruction_node", "grasp_node", "bag_play", "bringup")
FOLDERS = ("gsn_perception", "launch", "config", "resource")
FILES = ("setup.py", "setup.cfg", "package.xml", "pyproject.toml", "README.md", "LICENSE", "NOTICE")


def _copy_sources(target):
    target.mkdir(parents=True)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc"))
    for name in FILES:
        shutil.copy(ROOT / name, target / name)
    return target


def _run(words, folder, **env):
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def _names(folder):
    return {path.name for path in (ROOT / folder).iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A colcon workspace with the package built and installed."""
    pytest.importorskip("colcon_ros", reason="colcon-ros is not installed; make setup installs it")
    root = tmp_path_factory.mktemp("ws")
    _copy_sources(root / "src" / "gsn_perception")
    home = {"COLCON_HOME": str(root / "home"), "HOME": str(root / "home")}
    _run([sys.executable, "-m", "colcon", "build"], root, **home)
    return root


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from the sources."""
    root = tmp_path_factory.mktemp("wheel")
    source = _copy_sources(root / "source")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", root, source]
    _run(pip, root)
    return next(root.glob("*.whl"))


def test_colcon_puts_executables_where_ros2_run_looks(workspace):
    folder = workspace / "install" / "gsn_perception" / "lib" / "gsn_perception"
    for name in (*NODES, "gsn"):
        assert os.access(folder / name, os.X_OK), name
    site = next((workspace / "install" / "gsn_perception" / "lib").glob("python3.*/site-packages"))
    shown = _run([folder / "gsn", "--help"], workspace, PYTHONPATH=str(site))
    assert "usage: gsn COMMAND" in shown


def test_colcon_puts_files_where_ros2_launch_looks(workspace):
    share = workspace / "install" / "gsn_perception" / "share"
    assert (share / "ament_index" / "resource_index" / "packages" / "gsn_perception").is_file()
    assert (share / "gsn_perception" / "package.xml").is_file()
    for folder in ("launch", "config"):
        there = {path.name for path in (share / "gsn_perception" / folder).iterdir()}
        assert there == _names(folder)
        assert there, f"{folder}/ is empty"


def test_colcon_sets_the_paths_that_ros2_reads(workspace):
    script = (
        ". install/setup.sh && echo $AMENT_PREFIX_PATH && python3 -c 'import gsn_perception as g; print(g.__file__)'"
    )
    prefix, module = _run(["sh", "-c", script], workspace, AMENT_PREFIX_PATH="", PYTHONPATH="").split()
    assert Path(prefix.rstrip(":")) == workspace / "install" / "gsn_perception"
    assert Path(module).is_relative_to(workspace / "install")


def test_a_wheel_holds_the_package_its_data_and_its_commands(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "gsn_perception"
    expected = {str(p.relative_to(ROOT)) for p in package.rglob("*.py")}
    expected |= {str(p.relative_to(ROOT)) for p in (package / "grasping" / "grippers").glob("*.yaml")}
    expected |= {str(p.relative_to(ROOT)) for p in (package / "weights").iterdir() if p.is_file()}
    expected |= {"gsn_perception/py.typed", "gsn_perception/grasping/score.json"}
    assert expected - names == set()
    shared = {name.split("/data/share/")[1] for name in names if "/data/share/" in name}
    assert "ament_index/resource_index/packages/gsn_perception" in shared
    assert {f"gsn_perception/{d}/{n}" for d in ("launch", "config") for n in _names(d)} <= shared
    assert not any(name.startswith("test/") for name in names)
    assert any(name.endswith("LICENSE") for name in names)


def test_pip_puts_the_commands_on_the_path(wheel, tmp_path):
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--prefix",
        tmp_path,
        "--ignore-installed",
    ]
    _run([*pip, wheel], tmp_path)
    assert {*NODES, "gsn"} <= {path.name for path in (tmp_path / "bin").iterdir()}
    site = next(tmp_path.glob("lib/python3.*/site-packages"))
    assert "0.1.0" in _run([tmp_path / "bin" / "gsn", "--version"], tmp_path, PYTHONPATH=str(site))


def test_the_weights_stay_small():
    sizes = [path.stat().st_size for path in (ROOT / "gsn_perception" / "weights").rglob("*") if path.is_file()]
    assert sum(sizes) < 40e6


def test_versions_agree_everywhere():
    import gsn_perception

    xml = ET.parse(ROOT / "package.xml").getroot()
    assert xml.findtext("version") == gsn_perception.__version__
    assert f'version="{gsn_perception.__version__}"' in (ROOT / "setup.py").read_text()
    assert f"version: {gsn_perception.__version__}" in (ROOT / "CITATION.cff").read_text()
    assert gsn_perception.__version__ in (ROOT / "CHANGELOG.md").read_text()


def test_requirements_pin_everything_setup_py_needs():
    text = (ROOT / "requirements.txt").read_text()
    pinned = {line.split("==")[0].split("[")[0].lower() for line in text.splitlines() if "==" in line}
    setup = (ROOT / "setup.py").read_text()
    needed = {word.split(">=")[0] for word in setup.split('"""')[1].split()}
    assert {name.lower() for name in needed} <= pinned


@pytest.mark.parametrize("name", ["ros", "ros-kilted"])
def test_the_ros_wheels_are_those_of_the_extra(name):
    extra = (ROOT / f"requirements-{name}.txt").read_text().splitlines()
    import runpy
    from unittest import mock

    with mock.patch("setuptools.setup") as setup:
        runpy.run_path(str(ROOT / "setup.py"))
    assert {line for line in extra if "==" in line} == set(setup.call_args.kwargs["extras_require"][name])


def test_tool_settings_parse():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert {"ruff", "mypy", "pytest"} <= set(settings["tool"])
