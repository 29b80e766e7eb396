from __future__ import annotations

import json
import math

import numpy as np
import pytest

from gsn_perception.cli.eval import grasp
from gsn_perception.evaluation.grasps.fitting import fit_extruded
from gsn_perception.evaluation.grasps.fitting import fit_score
from gsn_perception.evaluation.grasps.fitting import regress
from gsn_perception.evaluation.grasps.rows import Key
from gsn_perception.evaluation.grasps.rows import append_rows
from gsn_perception.evaluation.grasps.rows import read_rows
from gsn_perception.evaluation.grasps.summary import counted
from gsn_perception.evaluation.grasps.summary import failures
from gsn_perception.evaluation.grasps.summary import success
from gsn_perception.evaluation.reports.statistics import auroc
from gsn_perception.evaluation.reports.statistics import brier_skill
from gsn_perception.evaluation.reports.statistics import mcnemar
from gsn_perception.evaluation.reports.statistics import reliability
from gsn_perception.evaluation.reports.statistics import wilson
from gsn_perception.geometry import InputError
from gsn_perception.grasping import PlannerSettings
from gsn_perception.grasping.scoring import score
from gsn_perception.grasping.scoring.features import FEATURES
from gsn_perception.grasping.scoring.score import ScoreModel


@pytest.mark.parametrize(("k", "n"), [(0, 10), (5, 10), (47, 50), (50, 50)])
def test_wilson_by_its_formula(k, n):
    z, p = 1.959963984540054, k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = wilson(k, n)
    assert low == pytest.approx(max(middle - half, 0), abs=1e-9)
    assert high == pytest.approx(min(middle + half, 1), abs=1e-9)


def test_mcnemar_counts_only_where_they_differ():
    first = np.array([1] * 8 + [0] * 2 + [1] * 50, dtype=bool)
    second = np.array([0] * 8 + [1] * 2 + [1] * 50, dtype=bool)
    by_hand = 2 * sum(math.comb(10, k) for k in range(3)) / 2**10
    assert mcnemar(first, second) == pytest.approx(by_hand)
    assert mcnemar(first, first) == 1.0


def test_auroc_and_brier_by_brute_force():
    rng = np.random.default_rng(0)
    scores, outcomes = np.round(rng.random(60), 1), rng.random(60) < 0.6
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[outcomes] for b in scores[~outcomes]]
    assert auroc(scores, outcomes) == pytest.approx(np.mean(pairs))
    base = outcomes.mean()
    expected = 1 - ((scores - outcomes) ** 2).mean() / ((base - outcomes) ** 2).mean()
    assert brier_skill(scores, outcomes) == pytest.approx(expected)
    assert brier_skill(outcomes.astype(float), outcomes) == 1
    assert math.isnan(auroc(scores, np.ones(60, bool)))


def test_reliability_of_a_calibrated_score_lies_on_the_diagonal():
    rng = np.random.default_rng(1)
    scores = rng.random(20000)
    bins = reliability(scores, rng.random(20000) < scores)
    assert sum(b.count for b in bins) == 20000
    assert max(abs(b.score - b.success) for b in bins) < 0.03
    assert all(b.low <= b.success <= b.high for b in bins)


def test_a_fit_finds_the_weights_outcomes_were_drawn_with():
    rng = np.random.default_rng(2)
    figures = rng.random((6000, len(FEATURES)))
    truth = np.array([3.0, 0.3, 2.0, 0.3, 0.3, 1.0, 0.3, 0.3, 2.0, 0.3, 0.3])
    held = rng.random(6000) < 1 / (1 + np.exp(-(figures @ truth - 4)))
    model = regress(figures, held, ridge=1e-3)
    np.testing.assert_allclose(model.weights, truth, atol=0.35)
    assert model.bias == pytest.approx(-4, abs=0.4)
    rows = [
        {"features": list(f), "held": bool(h), "object": str(i % 40)}
        for i, (f, h) in enumerate(zip(figures, held, strict=True))
    ]
    fitted, quality = fit_score(rows)
    assert quality["auroc"] > 0.7
    assert quality["brier_skill"] > 0.1
    assert min(fitted.weights) >= 0.2
    with pytest.raises(InputError, match="20 that held and failed"):
        fit_score(rows[:15])
    with pytest.raises(InputError, match="another set of features"):
        fit_score([*rows, {**rows[0], "features": [0.5] * 8}])


def row(name, pose, method, *, held, shape="box", camera=0, **more):
    verdict = "held" if held else "slipped"
    return {"object": name, "shape": shape, "pose": pose, "camera": camera, "method": method, "held": held} | {
        "verdict": verdict,
        **more,
    }


def test_only_graspable_poses_count_and_pairs_are_pairs():
    rows = [
        row("a", 0, "exhaustive search", held=True, camera=-1),
        row("a", 1, "exhaustive search", held=False, camera=-1),
    ]
    rows += [row("a", p, "RGB-D", held=True) for p in (0, 1)] + [row("a", p, "top-down", held=False) for p in (0, 1)]
    rows += [row("a", 0, "RGB-D", held=False, rank=3)]
    assert {(r["pose"], r["method"]) for r in counted(rows)} == {(0, "RGB-D"), (0, "top-down")}
    table = dict(success(rows))
    assert table["RGB-D"]["trials"] == 1
    assert table["RGB-D"]["held"] == 1
    assert table["top-down"]["p"] == 1.0
    assert "p" not in table["RGB-D"]
    assert dict(failures(rows))["top-down"]["slipped"] == 1


def test_an_interrupted_file_goes_on(tmp_path):
    path = tmp_path / "trials.jsonl"
    append_rows(path, [row("a", 0, "RGB-D", held=np.bool_(True))])
    with path.open("a") as file:
        file.write('{"object": "b", "po')
    assert [Key.of(r).object for r in read_rows(path)] == ["a"]
    append_rows(path, [row("c", 0, "RGB-D", held=False)])
    assert [Key.of(r).object for r in read_rows(path)] == ["a", "c"]
    path.write_text("no json\n" + path.read_text())
    with pytest.raises(InputError, match="line 1"):
        read_rows(path)


def test_fit_stores_what_the_planner_then_uses(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    shipped, place = ScoreModel.fitted(), tmp_path / "score.json"
    figures = rng.random((400, len(FEATURES)))
    held = rng.random(400) < shipped(figures) ** 2
    rows = [
        row(f"o{i % 20}", 0, method, held=bool(h), features=list(f), rank=i)
        for i, (f, h) in enumerate(zip(figures, held, strict=True))
        for method in ("RGB-D", "true mesh")
    ]
    monkeypatch.setattr(score, "_place", lambda: place)
    line = grasp._fit(grasp.GraspOptions(objects=tmp_path / "train"), rows)
    try:
        assert ScoreModel.fitted() != shipped
        assert ScoreModel.fitted() == fit_score([r for r in rows if r["method"] == "RGB-D"])[0]
        assert PlannerSettings().model == ScoreModel.fitted()
        assert str(place) in line
        assert json.loads(place.read_text())["grasps"] == 400
    finally:
        ScoreModel.fitted.cache_clear()
        ScoreModel.fitted_extruded.cache_clear()


def test_grasps_on_extruded_points_are_calibrated_apart():
    """Half as good odds as the score says: the shift finds it, and rows on meshes have no say."""
    rng = np.random.default_rng(0)
    model = ScoreModel((0.7,) * len(FEATURES), -4.0)
    figures = rng.uniform(0.3, 1, (4000, len(model.weights)))
    logit = np.log(model(figures) / (1 - model(figures)))
    held = rng.random(4000) < 1 / (1 + np.exp(-(logit - 1.5)))
    rows = [{"features": f.tolist(), "held": bool(h), "source": "extruded"} for f, h in zip(figures, held, strict=True)]
    rows += [{"features": figures[0].tolist(), "held": True, "source": "mesh"}] * 2000
    found = fit_extruded(rows, model)
    assert found["shift"] == pytest.approx(-1.5, abs=0.25)
    assert found["slope"] == pytest.approx(1.0, abs=0.15)
    assert found["grasps"] == 4000
    with pytest.raises(InputError, match="extruded"):
        fit_extruded(rows[-5:], model)
