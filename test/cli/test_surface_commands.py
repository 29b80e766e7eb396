"""`gsn data --what surface`, `gsn train surface` and `gsn eval surface` from the command line."""

from __future__ import annotations

import json

import pytest
import trimesh

from gsn_perception.cli.main import main


def said(capsys):
    out = capsys.readouterr()
    return out.out, out.err.strip().splitlines()


def test_data_then_training(tmp_path, capsys):
    data, out = tmp_path / "set", tmp_path / "run"
    arguments = ["data", "--what", "surface", "--out", str(data), "--own", "2", "--views", "1", "--size", "64"]
    assert main([*arguments, "--workers", "0"]) == 0
    assert "surfaces of 2 objects with 1 partial clouds each" in said(capsys)[0]
    arguments = ["train", "surface", "--config", "tiny", "--data", str(data), "--dev", str(data), "--out", str(out)]
    arguments += ["--steps", "3", "--batch", "2", "--queries", "64", "--cloud", "128", "--precision", "32-true"]
    assert main([*arguments, "--accelerator", "cpu"]) == 0
    text = said(capsys)[0]
    assert "convonet.safetensors" in text
    assert "iou_full" in text
    assert json.loads((out / "config.json").read_text())["model"] == "convonet"
    assert main([*arguments, "--accelerator", "cpu", "--resume", "--steps", "4"]) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "surface"], "--what surface"),
        (["train", "surface", "--model", "onet", "--data", "/nowhere"], "no complete dataset of surfaces"),
        (["data", "--what", "surface", "--out", "{tmp}/x"], "no objects"),
        (["eval", "surface", "--objects", "/nowhere"], "no folder"),
    ],
)
def test_bad_input_is_one_sentence(words, sentence, tmp_path, capsys):
    assert main([w.format(tmp=tmp_path) for w in words]) == 2
    _, err = said(capsys)
    assert sentence in err[-1]
    assert err[-1].startswith("gsn: ")


@pytest.fixture
def objects(tmp_path):
    folder = tmp_path / "objects"
    folder.mkdir()
    trimesh.creation.box((0.05, 0.1, 0.15)).export(folder / "brick.ply")
    return folder


def test_whole_clouds(objects, tmp_path, capsys):
    arguments = ["eval", "surface", "--objects", str(objects), "--input", "full", "--budget", "smoke"]
    arguments += ["--method", "hull", "pivoting", "--points", "1500", "--rotations", "2"]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--json", str(tmp_path / "f.json")]) == 0
    text = said(capsys)[0]
    assert "points_chamfer" in text
    assert "hull / box" in text
    figures = json.loads((tmp_path / "f.json").read_text())
    assert len(figures["objects"]["hull"]) == 2
    assert figures["summary"]["hull"]["all"]["iou"] > 0.97
    assert figures["summary"]["hull"]["all"]["chamfer"] < 0.5
    assert figures["summary"]["truth"]["all"]["chamfer"] < 1e-3
    assert (tmp_path / "out" / "contact_sheet.png").is_file()


def test_single_views_and_methods_that_do_not_go_with_them(objects, tmp_path, capsys):
    arguments = ["eval", "surface", "--objects", str(objects), "--input", "rgbd", "--budget", "smoke"]
    assert main([*arguments, "--method", "hulls", "--json", str(tmp_path / "f.json")]) == 0
    figures = json.loads((tmp_path / "f.json").read_text())["summary"]
    assert set(figures) == {
        "truth",
        *(f"{who}, {scale}" for who in ("visual hull and plane", "hull of measured points")
          for scale in ("true scale", "estimated scale")),
    }  # fmt: skip
    assert 0.2 < figures["visual hull and plane, true scale"]["all"]["iou"] <= 1
    said(capsys)
    assert main([*arguments, "--method", "poisson"]) == 2
    assert "does not go with input rgbd" in said(capsys)[1][-1]
