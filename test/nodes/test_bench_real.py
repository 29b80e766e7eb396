"""`gsn bench ros --parts activations late scene`, small, with real processes; the figures are in docs/ros.md."""

import pytest

pytest.importorskip("rclpy")
from gsn_perception.ros.bench.lifecycle.activations import measure_activations
from gsn_perception.ros.bench.scene import measure_scene
from gsn_perception.ros.bench.streams.late_masks import measure_late

pytestmark = [pytest.mark.dds, pytest.mark.long]
PARAMETERS = {"mesh.resolution": 16, "min_mask_pixels": 20}


def test_activations_under_load(tmp_path, domain, tiny):
    found = measure_activations(15, {"checkpoint": tiny, **PARAMETERS}, tmp_path, domain)
    assert all(figure.met is not False for figure in found), found


def test_late_masks(tmp_path, domain, tiny):
    found = {f.name: f for f in measure_late(6.0, False, {"checkpoint": tiny, **PARAMETERS}, tmp_path, domain)}
    (share,) = [f for name, f in found.items() if name.endswith("masks used")]
    assert share.value >= 70, "of fifteen masks a starved machine may lose some; docs/ros.md has the figure"
    assert found["answers"].met
    assert found["answers about images or objects without a mask"].value == 0


def test_scene_of_three_objects(tmp_path, domain, tiny):
    found = {f.name: f.value for f in measure_scene(2, [], {"checkpoint": tiny, **PARAMETERS}, tmp_path, domain)}
    for how in ("two processes", "one process"):
        assert found[f"{how}: image -> grasps/table, p50"] > found[f"{how}: image -> gaussians, p50"] > 0
        assert found[f"{how}: grasp: plan"] > 0
        assert found[f"{how}: reconstruction: skin"] > 0
    assert "unknown parameter" not in " ".join(path.read_text() for path in tmp_path.iterdir())
