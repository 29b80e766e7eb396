"""The web viewer serves a page for an output folder; what it draws is where the grasp frame says."""

import socket
import urllib.request

import numpy as np
import pytest
import torch

from gsn_perception.cli.main import main
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Points
from gsn_perception.grasping import Gripper
from gsn_perception.io import write_gaussians_ply
from gsn_perception.io import write_grasps_json
from gsn_perception.io import write_mesh_ply
from gsn_perception.io import write_points_ply
from gsn_perception.viewer.results import Results
from gsn_perception.viewer.scene import score_color
from gsn_perception.viewer.scene import start_viewer


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    xyz = (rng.random((20, 3)) + np.array([0, 0, 1])).astype(np.float32)
    colors = rng.random((20, 3)).astype(np.float32)
    means = torch.from_numpy(xyz)
    quats = torch.tensor([[1.0, 0, 0, 0]]).repeat(20, 1)
    write_gaussians_ply(
        tmp_path / "gaussians.ply",
        Gaussians(means, torch.full((20, 3), 0.01), quats, torch.from_numpy(colors), torch.full((20,), 0.5)),
    )
    write_points_ply(tmp_path / "points.ply", Points(xyz, colors, np.zeros_like(xyz), np.ones(20, np.float32)))
    write_mesh_ply(tmp_path / "mesh.ply", Mesh(xyz[:4], np.array([[0, 1, 2], [1, 2, 3]]), colors[:4]))
    pose = np.eye(4)
    pose[:3, 3] = 0, 0, 1
    write_grasps_json(tmp_path / "grasps.json", [Grasp(pose, 0.06, 0.7)])
    return tmp_path


def test_the_page_is_served_and_everything_is_in_the_scene(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = start_viewer(Results.load(folder), Gripper.named("panda"), port=port)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.get_port()}/", timeout=20) as answer:
            page = answer.read().decode()
        assert answer.status == 200
        assert "<html" in page.lower()
        for name in ("/gaussians", "/points", "/mesh", "/grasps", "/camera"):
            assert server.scene.get_handle_by_name(name) is not None, name
    finally:
        server.stop()


def test_the_command_stops_by_itself_when_told_to(folder, capsys):
    assert main(["view", str(folder), "--port", "18080", "--seconds", "0.2"]) == 0
    assert "open http://127.0.0.1:" in capsys.readouterr().out


def test_good_grasps_are_green_and_poor_ones_red():
    np.testing.assert_allclose([score_color(s) for s in (0, 0.5, 1)], [[1, 0, 0], [1, 1, 0], [0, 1, 0]])


def test_folders_without_results_get_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        Results.load(tmp_path / "nothing")
    with pytest.raises(InputError, match="holds none of"):
        Results.load(tmp_path)
