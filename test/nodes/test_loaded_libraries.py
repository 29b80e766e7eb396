"""Which process loads which large library, read from what a real process imports until it has done its work.

A library that a process does not need costs its memory and its start. A new entry in this table is a decision.
"""

import re
import subprocess
import sys

import numpy as np
import pytest

from gsn_perception.geometry import Mesh
from gsn_perception.io import write_mesh_ply

LARGE = {
    *(
        "torch",
        "torchvision",
        "lightning_fabric",
        "tensorboard",
        "gsplat",
        "safetensors",
        "open3d",
        "trimesh",
        "networkx",
    ),
    *("numba", "scipy", "cv2", "skimage", "sklearn", "pandas", "matplotlib", "PIL", "fast_simplification", "sympy"),
    *("mujoco", "coacd", "viser", "rosbags", "mcap", "rclpy", "tyro", "yaml"),
}
RECONSTRUCTION = {"torch", "safetensors", "numba", "scipy", "cv2", "skimage", "fast_simplification", "yaml"}
PLANNING = {"numba", "scipy", "yaml"}  # numba loads the top of scipy alone
EXTRUSION = {"cv2", "skimage"}  # only where a mesh gives no grasp
MAY_LOAD = {
    "gsn --help": set(),
    "gsn --version": set(),
    "gsn reconstruct --help": {"tyro"},
    "gsn grasp --help": {"tyro"},
    "gsn view --help": {"tyro"},
    "gsn bag --help": {"tyro"},
    "gsn export --help": {"tyro"},
    "bag_play --help": set(),
    "bringup --help": set(),
    "gsn grasp": {"tyro", "trimesh", "networkx", "PIL", *PLANNING},  # trimesh reads the file
    "grasp_node": {"rclpy", *PLANNING, *EXTRUSION},
    "reconstruction_node": {"rclpy", "PIL", *RECONSTRUCTION},
}
MODULES = {"gsn": "gsn_perception.cli.main", "bag_play": "gsn_perception.nodes.bag_play"}
MODULES["bringup"] = "gsn_perception.nodes.bringup"


def loaded(printed: str) -> set[str]:
    """The large libraries among the modules that ``-X importtime`` names."""
    names = re.findall(r"^import time:.*\|\s+([\w.]+)$", printed, flags=re.MULTILINE)
    assert "gsn_perception" in names, "imports were not printed"
    return {name.split(".")[0] for name in names} & LARGE


def imports_of(*words: str) -> set[str]:
    program, *arguments = words
    command = [sys.executable, "-X", "importtime", "-m", MODULES[program], *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert ended.returncode == 0, ended.stderr.splitlines()[-1]
    return loaded(ended.stderr)


@pytest.mark.parametrize("line", [line for line in MAY_LOAD if line.endswith(("--help", "--version"))])
def test_help_is_light(line):
    assert imports_of(*line.split()) <= MAY_LOAD[line]


def test_grasps_on_a_file(tmp_path):
    low, high = np.full(3, -0.02), np.full(3, 0.02)
    bits = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [(q[0], q[i], q[i + 1]) for q in quads for i in (1, 2)]
    write_mesh_ply(tmp_path / "box.ply", Mesh(np.where(bits, high, low), np.array(faces)))
    words = ("gsn", "grasp", "--mesh", str(tmp_path / "box.ply"), "--out", str(tmp_path / "grasps.json"))
    assert imports_of(*words) <= MAY_LOAD["gsn grasp"]


@pytest.mark.dds
@pytest.mark.long
def test_both_nodes_after_a_frame(graph, bench, tmp_path, domain, monkeypatch):
    from real_processes import START
    from real_processes import begun
    from waiting import until

    from gsn_perception.ros import interface
    from gsn_perception.ros.processes.process import NodeProcess
    from gsn_perception.ros.processes.process import ros_arguments

    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    graph.subscribe(interface.GRASP_TABLE)
    words = ros_arguments({"autostart": True})
    with NodeProcess("grasp_node", words, log=tmp_path / "grasp.txt", domain=domain) as planner:
        until(lambda: graph.node.count_subscribers("/support_plane"), timeout=START, what="no grasp node")
        reconstruction, _ = begun(graph, bench)
        until(lambda: graph.received["grasps/table"], timeout=START, what="no plan")
        found = {"grasp_node": loaded(planner.printed()), "reconstruction_node": loaded(reconstruction.printed())}
    for name, libraries in found.items():
        assert libraries <= MAY_LOAD[name], f"{name} loads {sorted(libraries - MAY_LOAD[name])}"
    assert "torch" in found["reconstruction_node"]  # the test sees what is loaded late
