import json

import pytest
import torch

from gsn_perception.cli.main import main
from gsn_perception.evaluation.speed.timing import draw_bars
from gsn_perception.evaluation.speed.timing import machine
from gsn_perception.evaluation.speed.timing import median_ms
from gsn_perception.gsn import CONFIGS
from gsn_perception.gsn import GSN
from gsn_perception.gsn.weights import save_gsn


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_gsn(path, GSN(CONFIGS["tiny"]), {})
    return str(path)


def test_bench_gsn_times_every_part(weights, tmp_path, capsys):
    words = ["bench", "gsn", "--checkpoint", weights, "--budget", "smoke"]
    assert main([*words, "--json", str(tmp_path / "b.json"), "--out", str(tmp_path / "b.png")]) == 0
    found = json.loads((tmp_path / "b.json").read_text())
    times = found["median_ms"]
    assert {"look at", "network", "network: encoder", "network: refiner", "total"} <= set(times)
    assert all(value > 0 for value in times.values())
    assert found["machine"]["cpu"]
    assert found["gaussians"] == 216
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")
    assert found["machine"]["torch"] in capsys.readouterr().out


def test_bench_chain_reaches_the_grasps(weights, tmp_path, capsys):
    words = ["bench", "chain", "--checkpoint", weights, "--budget", "smoke", "--json", str(tmp_path / "c.json")]
    assert main(words) == 0
    times = json.loads((tmp_path / "c.json").read_text())["median_ms"]
    assert {"look_at", "sculpt", "scale", "skin", "grasps", "total"} <= set(times)
    assert times["total"] >= times["grasps"]
    assert "total" in capsys.readouterr().out


def test_bench_peif_times_stages_and_measures_equivariance(tmp_path, capsys):
    words = ["bench", "peif", "--config", "tiny", "--points", "600", "--budget", "smoke"]
    assert main([*words, "--json", str(tmp_path / "p.json")]) == 0
    found = json.loads((tmp_path / "p.json").read_text())
    times = found["median_ms"]
    assert {"patch search", "pose", "of it eigen", "network", "total", "torch.linalg.svd"} <= set(times)
    assert all(value > 0 for value in times.values())
    assert found["eigen"]["times eigh"] == pytest.approx(times["torch.linalg.eigh"] / times["of it eigen"])
    for name in ("sphere", "box", "lattice cube"):
        error = found["equivariance"][name]
        assert error["p95"] < 1e-4
        assert 0 <= error["degenerate"] < 1
        assert error["frames"] >= 1
    assert "lattice cube" in capsys.readouterr().out


def test_median_ignores_the_warm_up():
    calls = []
    assert median_ms(lambda: calls.append(0), 4, warm_up=2) >= 0
    assert len(calls) == 6


def test_the_machine_is_named(tmp_path):
    here = machine()
    assert here.cores >= 1
    assert here.cpu in here.sentence
    draw_bars(tmp_path / "deep" / "bars.png", {"a": 1.0, "b": 20.0}, "title", here.sentence)
    assert (tmp_path / "deep" / "bars.png").stat().st_size > 2000


def test_bench_surface_compares_mise_and_times_methods(tmp_path, capsys):
    assert main(["bench", "surface", "--budget", "smoke", "--json", str(tmp_path / "f.json")]) == 0
    figures = json.loads((tmp_path / "f.json").read_text())
    assert all(f["same"] and f["share"] < 0.6 for f in figures["mise"].values())
    assert set(figures["median_ms"]) == {"gaussians", "onet", "convonet", "peif"}
    assert all(ms > 0 for ms in figures["median_ms"].values())
    assert "MISE against dense" in capsys.readouterr().out


def test_bench_growth_fits_exponents(weights, tmp_path, capsys):
    words = ["bench", "growth", "--parts", "candidates", "resolution", "--checkpoint", weights, "--budget", "smoke"]
    assert main([*words, "--json", str(tmp_path / "g.json"), "--out", str(tmp_path / "g.png")]) == 0
    curves = json.loads((tmp_path / "g.json").read_text())["curves"]
    assert curves["candidates"][0]["sizes"] == [128, 512]
    assert curves["cells along an edge"][0]["sizes"] == [32, 48]
    assert all(seconds > 0 for rows in curves.values() for row in rows for seconds in row["wall"])
    assert {"value", "lower", "upper", "last"} == set(curves["candidates"][0]["cpu_exponent"])
    assert "| mesh to grasps | candidates | 128 | 512 |" in capsys.readouterr().out
    assert (tmp_path / "g.png").is_file()
