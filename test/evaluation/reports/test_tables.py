import json
import math

import numpy as np
import pytest

from gsn_perception.evaluation.reports.contact_sheet import grid
from gsn_perception.evaluation.reports.contact_sheet import label
from gsn_perception.evaluation.reports.tables import summarise
from gsn_perception.evaluation.reports.tables import table
from gsn_perception.evaluation.reports.tables import write_json
from gsn_perception.geometry import InputError


def test_means_per_class_leave_nan_out():
    rows = [
        {"name": "a", "shape": "box", "psnr": 10.0, "inside": math.nan},
        {"name": "b", "shape": "box", "psnr": 20.0, "inside": 4.0},
        {"name": "c", "shape": "open", "psnr": 30.0, "inside": math.nan, "only": 1},
    ]
    out = summarise(rows)
    assert out["all"]["psnr"] == 20
    assert out["box"] == {"objects": 2, "psnr": 15.0, "inside": 4.0}
    assert math.isnan(out["open"]["inside"])
    assert out["all"]["only"] == 1
    assert "mid" not in out


def test_table_prints_missing_figures_as_dashes():
    text = table([("gsn", {"psnr": 17.456}), ("white", {"psnr": math.nan})], {"psnr": ".2f", "dead": ".0%"}, "who")
    lines = text.splitlines()
    assert lines[2].split() == ["gsn", "17.46", "-"]
    assert lines[3].split() == ["white", "-", "-"]
    assert len({len(line) for line in lines}) == 1


def test_json_has_no_nan_and_takes_numpy(tmp_path):
    path = tmp_path / "deep" / "figures.json"
    write_json(path, {"a": math.nan, "b": [np.float32(0.5), np.int64(3)], "c": {"d": path, "e": True}})
    assert json.loads(path.read_text()) == {"a": None, "b": [0.5, 3], "c": {"d": str(path), "e": True}}
    with pytest.raises(InputError):
        write_json(path / "below_a_file.json", {})


def test_grid_places_tiles_and_labels():
    red = np.zeros((10, 20, 3))
    red[..., 0] = 1
    sheet = grid([[red, np.ones((16, 8))], [red]])
    assert sheet.dtype == np.uint8
    assert sheet.shape == (16 + 4 + 10 + 4, 20 + 4 + 8 + 4, 3)
    assert (sheet[:10, :20] == [255, 0, 0]).all()
    assert (sheet[20:30, :20] == [255, 0, 0]).all()
    assert (sheet[12, 5] == 255).all()
    marked = label(np.zeros((40, 200, 3)), "text")
    assert 0 < (marked > 0).mean() < 0.5
    assert grid([[red]], ["a caption"]).shape[0] == 16 + 4 + 10 + 4
