import json

import numpy as np
import pytest
import torch
import trimesh

from gsn_perception.cli.eval import command as eval_module
from gsn_perception.cli.main import main
from gsn_perception.evaluation.views.cases import surface_case
from gsn_perception.evaluation.views.protocol import Protocol
from gsn_perception.gsn import CONFIGS
from gsn_perception.gsn import GSN
from gsn_perception.gsn.weights import save_gsn
from gsn_perception.io import write_camera
from gsn_perception.io import write_depth
from gsn_perception.io import write_image
from gsn_perception.scenes.loader import load_mesh


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_gsn(path, GSN(CONFIGS["tiny"]), {})
    return str(path)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    for name, size in (("flat", (0.10, 0.08, 0.03)), ("tall", (0.06, 0.05, 0.12))):
        box = trimesh.creation.box(size)
        box.visual.vertex_colors = np.tile(np.uint8([200, 90, 40, 255]), (len(box.vertices), 1))
        box.export(folder / f"{name}.ply")
    return folder


def test_eval_gsn_writes_figures_and_a_sheet(weights, objects, tmp_path, capsys):
    words = ["eval", "gsn", "--objects", str(objects), "--train", str(objects), "--checkpoint", weights]
    words += ["--budget", "smoke", "--json", str(tmp_path / "gsn.json"), "--out", str(tmp_path / "sheet")]
    assert main(words) == 0
    found = json.loads((tmp_path / "gsn.json").read_text())
    assert set(found["summary"]) == {"gsn", "gsn, before refinement", "gsn, depth", "mean object", "card", "white"}
    overall = found["summary"]["gsn"]["all"]
    assert overall["objects"] == 2
    assert {"psnr", "ssim", "psnr_inside", "iou", "input_psnr", "dead", "roll_psnr", "ecd"} <= set(overall)
    rows = found["objects"]["gsn"]
    assert {r["name"] for r in rows} == {"flat", "tall"}
    assert overall["psnr"] == pytest.approx(np.mean([r["psnr"] for r in rows]))
    assert found["options"]["seed"] == 0
    assert (tmp_path / "sheet" / "contact_sheet.png").stat().st_size > 1000
    assert (tmp_path / "sheet" / "worst.png").stat().st_size > 1000
    printed = capsys.readouterr().out
    assert "mean object" in printed
    assert "gsn / box" in printed


def test_eval_geometry_scores_both_scales(weights, objects, tmp_path, capsys):
    words = ["eval", "geometry", "--objects", str(objects), "--checkpoint", weights]
    assert main([*words, "--budget", "smoke", "--json", str(tmp_path / "geometry.json")]) == 0
    found = json.loads((tmp_path / "geometry.json").read_text())
    assert set(found["summary"]) == {"gsn, true scale", "gsn, estimated scale", "visible hull", "truth"}
    assert found["summary"]["truth"]["all"]["f_score"] == 1
    assert found["summary"]["truth"]["all"]["chamfer_l1"] < 1e-6
    assert "visible hull" in capsys.readouterr().out


def test_eval_frames_draws_each_frame(weights, objects, tmp_path, capsys):
    case = surface_case(load_mesh(objects / "tall.ply"), Protocol(seed=3))
    folder = tmp_path / "frames" / "tall"
    folder.mkdir(parents=True)
    write_image(folder / "color.png", case.observation.image)
    write_depth(folder / "depth.png", case.depth)
    write_image(folder / "mask.png", (case.observation.mask > 0).astype(np.uint8))
    write_camera(folder / "camera.json", case.observation.camera)
    words = ["eval", "frames", "--frames", str(folder.parent), "--checkpoint", weights]
    assert main([*words, "--out", str(tmp_path / "pictures"), "--json", str(tmp_path / "f.json")]) == 0
    figures = json.loads((tmp_path / "f.json").read_text())["frames"]["tall"]
    assert figures["before_iou"] == pytest.approx(figures["after_iou"], abs=0.02)
    assert figures["after_median_mm"] < 40
    assert (tmp_path / "pictures" / "tall.png").is_file()
    assert "tall" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["eval", "gsn", "--objects", "nowhere"], "no folder nowhere"),
        (["eval", "geometry", "--objects", "nowhere"], "no folder nowhere"),
        (["eval", "frames", "--frames", "nowhere"], "no frame in nowhere"),
        (["eval", "frames", "--frames", "nowhere", "--checkpoint", "nowhere.safetensors"], "nowhere"),
    ],
)
def test_bad_input_is_one_sentence(words, sentence, weights, capsys):
    if "--checkpoint" not in words:
        words = [*words, "--checkpoint", weights]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.strip().splitlines()) == 1


def test_an_unwritable_json_is_one_sentence_before_the_work(weights, objects, tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(eval_module, "_geometry", lambda options: pytest.fail("the work began"))
    words = ["eval", "geometry", "--objects", str(objects), "--checkpoint", weights, "--budget", "smoke"]
    assert main([*words, "--json", str(tmp_path / "file" / "below.json")]) == 2
    assert "below.json" in capsys.readouterr().err


@pytest.mark.long
def test_eval_grasp_runs_resumes_and_draws(weights, objects, tmp_path, capsys):
    pytest.importorskip("mujoco")
    words = ["eval", "grasp", "--objects", str(objects), "--checkpoint", weights, "--poses", "1", "--cameras", "1"]
    words += ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "parts"), "--json", str(tmp_path / "g.json")]
    assert main([*words, "--processes", "1"]) == 0
    found = json.loads((tmp_path / "g.json").read_text())
    success = found["top-1 success"]
    assert success["true mesh"]["held"] == 1
    assert {"RGB-D", "top-down", "random antipodal"} <= set(success)
    assert (tmp_path / "run" / "verdicts.png").stat().st_size > 1000
    lines = (tmp_path / "run" / "trials.jsonl").read_text().splitlines()
    kept = lines[:-1]
    (tmp_path / "run" / "trials.jsonl").write_text("\n".join(kept) + '\n{"torn')
    assert main([*words, "--processes", "1"]) == 0
    again = (tmp_path / "run" / "trials.jsonl").read_text().splitlines()
    assert again[: len(kept)] == kept
    assert len(again) == len(lines)
    assert "top-1 success" in capsys.readouterr().out
    assert main([*words, "--seed", "4"]) == 2
    assert "another seed" in capsys.readouterr().err
