"""`gsn eval robust` and `gsn fit --what confidence` from end to end on two boxes and a network of chance."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from gsn_perception.cli.eval.sculptors import before_refinement
from gsn_perception.cli.main import main
from gsn_perception.evaluation.surfaces.geometry import TRUE
from gsn_perception.geometry import Camera
from gsn_perception.geometry import Observation
from gsn_perception.gsn import CONFIGS
from gsn_perception.gsn import GSN
from gsn_perception.gsn.visibility import VisibilityModel
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.gsn.weights import save_gsn
from gsn_perception.pipeline import Reconstructor


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_gsn(path, GSN(CONFIGS["tiny"]), {"solid": {"opacity_gain": 4.0, "level": 0.0, "votes": 3}})
    return str(path)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    for name, size in (("flat", (0.10, 0.08, 0.03)), ("tall", (0.06, 0.05, 0.12))):
        box = trimesh.creation.box(size)
        box.apply_translation([0, 0, size[2] / 2])
        box.visual.vertex_colors = np.tile(np.uint8([200, 90, 40, 255]), (len(box.vertices), 1))
        box.export(folder / f"{name}.ply")
    return folder


def test_before_refinement_is_the_sculpted_cube(weights):
    """Of shipped networks the first stage, on any frame."""
    network, _ = load_gsn(Path(weights))
    torch.nn.init.normal_(network.refiner.network[-1].weight, std=0.5)
    reconstructor = Reconstructor(network, torch.device("cpu"))
    (plain,) = before_refinement(reconstructor).values()
    rng = np.random.default_rng(0)
    mask = np.zeros((120, 160), np.uint8)
    mask[30:90, 50:110] = 1
    camera = Camera.from_fov(1.0, 160, 120)
    frame = Observation(image=rng.integers(0, 255, (120, 160, 3)).astype(np.uint8), camera=camera, mask=mask)
    view, found = plain(frame, 1)
    crop = reconstructor.prepare(replace(frame, size_hint=0.1)).crops[1]
    with torch.no_grad():
        sculpted, refined = reconstructor.network.stages(*crop.tensors(torch.device("cpu")))
    assert view.theta == crop.view.theta
    torch.testing.assert_close(found.means, sculpted.means[0])
    assert (found.means - refined.means[0]).abs().max() > 1e-3


def measured(words, tmp_path):
    assert main(["eval", "robust", *words, "--budget", "smoke", "--json", str(tmp_path / "r.json")]) == 0
    return json.loads((tmp_path / "r.json").read_text())


def test_rolls_occlusion_and_hue(weights, objects, tmp_path, capsys):
    words = ["--objects", str(objects), "--checkpoint", weights, "--parts", "roll", "occlusion", "hue"]
    found = measured([*words, "--angles", "4", "--out", str(tmp_path / "pictures")], tmp_path)
    assert set(found["roll"]["objects"]) == {"auto", "moments", "off", "quarters"}
    summary = found["roll"]["summary"]
    assert summary["auto"]["objects"] == 2
    # by quarter turns: brought to one roll first, or averaged over all, the answer turns along
    assert summary["auto"]["agree_worst"] > summary["off"]["agree_worst"] - 0.5
    assert summary["quarters"]["agree_worst"] > 25
    curves = found["occlusion"]["curves"]
    assert {"crop around what is seen", "crop around the whole", "crop around what is seen / box"} <= set(curves)
    assert [float(share) for share in curves["crop around the whole"]] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert (tmp_path / "pictures" / "occlusion.png").stat().st_size > 5000
    assert -1 <= found["hue"]["summary"]["all"]["chroma_visible"] <= 1
    assert found["options"]["angles"] == 4
    printed = capsys.readouterr().out
    assert "PSNR by occlusion" in printed
    assert "chroma_visible" in printed


@pytest.mark.long
def test_depth_and_confidence(weights, objects, tmp_path, capsys):
    words = ["--objects", str(objects), "--checkpoint", weights, "--parts", "depth", "confidence"]
    found = measured([*words, "--out", str(tmp_path / "pictures")], tmp_path)
    depth = found["depth"]["summary"]
    assert depth["colour, true scale"]["chamfer_ratio"] == pytest.approx(1.0)
    assert depth["with depth, estimated scale"]["mesh_mm"] < 10  # measured depth is fused into the mesh
    assert set(found["confidence"]) == {"colour", "with depth"}
    assert 0 <= found["confidence"]["with depth"]["auroc"] <= 1
    assert (tmp_path / "pictures" / "confidence.png").stat().st_size > 5000
    assert "auroc" in capsys.readouterr().out


def test_size_hints_and_closed_meshes(weights, objects, tmp_path, capsys):
    words = ["--objects", str(objects), "--checkpoint", weights, "--parts", "size", "closed", "--views", "1"]
    found = measured(words, tmp_path)
    assert len(found["size"]["views"]) == 2
    every = found["size"]["summary"]["all"]
    errors = [row["error"] for row in found["size"]["views"]]
    assert every["median_error"] == pytest.approx(np.median(errors))
    assert every["error_90"] == pytest.approx(np.quantile(errors, 0.9))
    for who in ("with depth", "colour"):
        assert found["closed"]["summary"][who]["open3d"] == found["closed"]["summary"][who]["strict"] == 1.0
    assert "strictly closed" in capsys.readouterr().out


def test_the_fitted_rule_is_stored_beside_the_weights(weights, objects, tmp_path, capsys):
    path = tmp_path / "own.safetensors"
    save_gsn(path, load_gsn(Path(weights))[0], {"note": "kept"})
    words = ["fit", "--what", "confidence", "--objects", str(objects), "--checkpoint", str(path), "--budget", "smoke"]
    assert main([*words, "--write", "--json", str(tmp_path / "fit.json")]) == 0
    _, info = load_gsn(path)
    assert info["note"] == "kept"
    rule = VisibilityModel.fitted(info)
    assert rule != VisibilityModel()
    assert json.loads((tmp_path / "fit.json").read_text())["rule"]["middle"] == pytest.approx(rule.middle)
    assert Reconstructor.from_pretrained(path).seen_rule == rule
    assert "AUROC" in capsys.readouterr().out


def test_the_skins_numbers_are_fitted_on_the_splats_own_solid(weights, objects, tmp_path, monkeypatch):
    measured = []

    def evaluate(cases, trial, **_):
        measured.append((trial.settings.mesh_method, trial.solid.level))
        return {TRUE: [{"f_score": trial.solid.level, "chamfer_l1": 0.1, "volume_ratio": 1.0}]}

    monkeypatch.setattr("gsn_perception.evaluation.surfaces.geometry.evaluate_geometry", evaluate)
    words = ["fit", "--objects", str(objects), "--checkpoint", weights, "--budget", "smoke"]
    assert main([*words, "--levels", "0.0", "0.02", "--json", str(tmp_path / "fit.json")]) == 0
    assert {method for method, _ in measured} == {"gaussians"}
    assert json.loads((tmp_path / "fit.json").read_text())["best"]["level"] == 0.02


def test_bad_input_is_one_sentence(weights, capsys):
    assert main(["eval", "robust", "--objects", "nowhere", "--checkpoint", weights]) == 2
    assert "no folder nowhere" in capsys.readouterr().err
    assert main(["experiment", "ecd", "--dev", "nowhere"]) == 2
    assert "gsn data" in capsys.readouterr().err


def test_eval_scale_compares_both_rules_and_says_what_error_it_told_them(weights, objects, tmp_path, capsys):
    words = ["eval", "scale", "--objects", str(objects), "--checkpoint", weights, "--views", "2"]
    assert main([*words, "--plane-error", "2,0.5", "--json", str(tmp_path / "scale.json")]) == 0
    found = json.loads((tmp_path / "scale.json").read_text())
    assert {"learned", "quantile", "learned, size hint", "quantile, size hint", "learned / box"} <= set(
        found["summary"]
    )
    assert found["summary"]["learned"]["views"] == 4
    assert 0 < found["summary"]["quantile"]["median"] < 1
    assert found["options"]["plane_error"] == "2,0.5"
    assert "quantile / box" in capsys.readouterr().out
    assert main([*words, "--plane-error", "2"]) == 2
    assert "give mm,deg" in capsys.readouterr().err
    assert main([*words, "--plane-error", "2,-1"]) == 2
    assert "is negative" in capsys.readouterr().err
