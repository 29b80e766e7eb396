"""What the part `scene` of `gsn bench ros` measures and prints, without processes."""

from pathlib import Path

import pytest

pytest.importorskip("rclpy")
from gsn_perception.ros.bench import scene
from gsn_perception.ros.bench.scene import SceneNodes


def test_every_tree_runs_in_two_processes_and_in_one():
    found = scene.arrangements([Path("/trees/before")])
    assert [(how.one_process, how.source) for how in found] == [
        (False, None),
        (True, None),
        (False, Path("/trees/before")),
        (True, Path("/trees/before")),
    ]
    assert len({how.name for how in found}) == 4


def test_figures_hold_percentiles_stages_and_what_is_between_them(monkeypatch, tmp_path):
    nodes = SceneNodes(scene.arrangements([])[0], "/scene", {}, tmp_path, 0)
    seconds = [0.1] * 18 + [0.3, 0.3]
    nodes.latencies.update({"gaussians": [0.05] * 20, "grasps/table": seconds})
    nodes.cpu = [0.2, 0.15, 0.4]
    stages = {"reconstruction: total": 60.0, "reconstruction: skin": 40.0, "grasp: total": 30.0}
    monkeypatch.setattr(nodes, "stages", lambda: stages)
    found = {figure.name.removeprefix("two processes: "): figure for figure in scene._figures(nodes)}
    assert found["image -> gaussians, p50"].value == pytest.approx(50)
    assert found["image -> grasps/table, p50"].value == pytest.approx(100)
    assert found["image -> grasps/table, p95 / p50"].value == pytest.approx(3)
    assert found["image -> grasps/table, p95 / p50"].met is False
    assert found["CPU time of the nodes from the image to the grasps, median"].value == pytest.approx(200)
    assert found["reconstruction: skin"].value == 40
    between = next(figure for name, figure in found.items() if name.startswith("outside the workers"))
    assert between.value == pytest.approx(10)
