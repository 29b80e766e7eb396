"""The web viewer serves a page for an output folder; what it draws is where the files say."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from viewer_made import CENTRE
from viewer_made import PLANE
from viewer_made import UP
from viewer_made import grasp_from
from viewer_made import write_folder
from waiting import LIMIT

from gsn_perception.cli.main import main
from gsn_perception.geometry import InputError
from gsn_perception.grasping import Gripper
from gsn_perception.viewer.panel import figures_html
from gsn_perception.viewer.panel import notes_html
from gsn_perception.viewer.results import Results
from gsn_perception.viewer.scene import confidence_color
from gsn_perception.viewer.scene import in_turn
from gsn_perception.viewer.scene import score_color
from gsn_perception.viewer.server import start_viewer


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def serve():
    servers = []

    def start(results):
        servers.append(start_viewer(results, Gripper.named("panda"), port=_free_port()))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def test_the_page_is_served_and_everything_is_in_the_scene(folder, serve):
    server = serve(Results.load(folder))
    with urllib.request.urlopen(f"http://127.0.0.1:{server.get_port()}/", timeout=LIMIT) as answer:
        page = answer.read().decode()
    assert answer.status == 200
    assert "<html" in page.lower()
    shown = {}
    for name in ("/mesh/colour", "/mesh/confidence", "/measured/colour", "/completed/colour", "/splat/colour", "/grid"):
        handle = server.scene.get_handle_by_name(name)
        assert handle is not None, name
        shown[name] = handle.visible
    assert [name for name, visible in shown.items() if visible] == ["/mesh/colour", "/grid"]
    assert server.scene.get_handle_by_name("/grasps/1") is not None


@pytest.mark.parametrize("missing", ["gaussians.ply", "points.ply", "mesh.ply", "grasps.json", "report.json"])
def test_a_folder_without_one_of_the_files_is_shown_all_the_same(folder, serve, missing):
    (folder / missing).unlink()
    server = serve(Results.load(folder))
    assert np.linalg.norm(server.initial_camera.look_at - CENTRE) < 0.02


def test_the_cameras_axes_stand_beside_the_line_of_sight_and_are_small(folder, serve):
    server = serve(Results.load(folder))
    eye, target = server.initial_camera.position, server.initial_camera.look_at
    to_object, to_camera = target - eye, -eye
    cosine = to_object @ to_camera / np.linalg.norm(to_object) / np.linalg.norm(to_camera)
    assert np.rad2deg(np.arccos(cosine)) > 15
    assert server.scene.get_handle_by_name("/camera").axes_length <= 0.02


def test_the_grid_lies_in_the_support_plane_and_up_is_its_normal(folder, serve):
    from scipy.spatial.transform import Rotation

    server = serve(Results.load(folder))
    grid = server.scene.get_handle_by_name("/grid")
    assert abs(PLANE.height(np.asarray(grid.position))) < 0.001
    normal = Rotation.from_quat(np.asarray(grid.wxyz)[[1, 2, 3, 0]]).apply([0, 0, 1])
    np.testing.assert_allclose(normal, UP, atol=1e-6)
    np.testing.assert_allclose(server.initial_camera.up, UP)


def test_covariances_of_thin_gaussians_survive_the_way_to_the_browser(folder, serve):
    results = Results.load(folder)
    results.gaussians.scales[:] = 0.0002  # metres; float16 in metres keeps nothing of it
    splat = serve(results).scene.get_handle_by_name("/splat/colour")
    np.testing.assert_allclose(splat.centers * splat.scale, results.gaussians.means, atol=1e-6)
    drawn = splat.covariances * splat.scale**2
    np.testing.assert_allclose(drawn, results.gaussians.covariances(), atol=0.0002**2 * 1e-2)


def test_a_connection_that_a_browser_closes_unused_is_no_error(serve, folder):
    records, handler = [], logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger("websockets.server")
    server = serve(Results.load(folder))
    logger.addHandler(handler)
    try:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", server.get_port())):
                pass
        urllib.request.urlopen(f"http://127.0.0.1:{server.get_port()}/").read()  # after the three were handled
    finally:
        logger.removeHandler(handler)
    assert [record.getMessage() for record in records] == []


def test_a_port_that_is_taken_gives_the_next_and_an_impossible_one_a_sentence(folder, serve):
    first = serve(Results.load(folder))
    second = start_viewer(Results.load(folder), Gripper.named("panda"), port=first.get_port())
    try:
        assert second.get_port() != first.get_port()
    finally:
        second.stop()
    for host, port in (("127.0.0.1", 70000), ("127.0.0.1", -1), ("no.such.host.invalid", 8080), ("192.0.2.7", 8080)):
        with pytest.raises(InputError, match=r"cannot serve on|there is no port"):
            start_viewer(Results.load(folder), Gripper.named("panda"), host=host, port=port)


def test_the_command_stops_by_itself_when_told_to(folder, capsys):
    assert main(["view", str(folder), "--port", "18080", "--seconds", "0.2"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("open http://127.0.0.1:")
    assert printed.count("\n") == 1  # nothing of the library's own


def test_ctrl_c_ends_the_command_without_a_traceback(folder):
    words = [sys.executable, "-m", "gsn_perception.cli.main", "view", str(folder), "--port", str(_free_port())]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout.readline().startswith("open http://")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert errors == ""


def test_the_gripper_of_the_report_is_drawn_unless_it_is_gone(folder, capsys):
    from gsn_perception.cli.view import _gripper

    assert _gripper("", Results.load(folder).gripper).name == "robotiq_2f85"
    assert _gripper("panda", "robotiq_2f85").name == "panda"
    assert _gripper("", "/gone/hand.yaml").name == "panda"
    assert "drawing panda" in capsys.readouterr().err


def test_good_grasps_are_green_and_poor_ones_red():
    np.testing.assert_allclose([score_color(s) for s in (0, 0.5, 1)], [[1, 0, 0], [1, 1, 0], [0, 1, 0]])
    completed, measured = confidence_color(np.array([0.0, 1.0]))
    assert completed[0] > completed[2]
    assert measured[2] > measured[0]


def test_the_slider_takes_the_best_of_each_object_in_turn():
    grasps = [grasp_from(-UP, label=label) for label in (1, 1, 2, 1, 2)]
    assert in_turn(grasps) == [0, 2, 1, 4, 3]
    assert in_turn([]) == []


def test_folders_without_results_get_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        Results.load(tmp_path / "nothing")
    with pytest.raises(InputError, match="holds none of"):
        Results.load(tmp_path)


@pytest.mark.parametrize("name", ["gaussians.ply", "points.ply", "mesh.ply", "grasps.json", "report.json"])
@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_damaged_files_get_one_sentence(folder, capsys, name, damage):
    content = (folder / name).read_bytes()
    spoilt = {"cut": content[: len(content) // 2], "empty": b"", "text": b"hello\n"}[damage]
    (folder / name).write_bytes(spoilt)
    assert main(["view", str(folder), "--seconds", "0"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert name in printed


def test_grasps_that_are_not_finite_and_reports_of_another_kind_get_a_sentence(folder):
    text = (folder / "grasps.json").read_text()
    (folder / "grasps.json").write_text(text.replace('"width": 0.07', '"width": NaN', 1))
    with pytest.raises(InputError, match="not finite"):
        Results.load(folder)
    (folder / "grasps.json").write_text(text)
    for content in ("[]", '{"objects": [{"label": 1, "support_plane": [0, 0, 0, 1]}]}', '{"objects": 3}'):
        (folder / "report.json").write_text(content)
        with pytest.raises(InputError, match=r"report\.json is damaged"):
            Results.load(folder)


def test_refusals_and_remarks_are_told_in_the_panel(folder):
    report = json.loads((folder / "report.json").read_text())
    report["objects"][0]["remarks"] = [{"code": "far", "text": "It is <far> away."}]
    report["objects"].append({"label": 7, "refused": "its mask is empty", "remarks": []})
    (folder / "report.json").write_text(json.dumps(report))
    text = notes_html(Results.load(folder))
    assert "It is &lt;far&gt; away." in text
    assert "object 7" in text
    assert "refused: its mask is empty" in text
    assert "60 x 60 x 60 mm, scale from depth" in text


def test_the_figures_table_holds_each_value():
    text = figures_html("grasp 1 of 2", [("score", "0.90")], {"friction": 0.5})
    for part in ("grasp 1 of 2", "score", "0.90", "friction", "0.50", "width:3.00em"):
        assert part in text
