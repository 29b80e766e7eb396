"""Experiments: plans, figures on answers that are known, kept runs, the command."""

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from gsn_perception.cli.main import main
from gsn_perception.geometry import InputError
from gsn_perception.gsn import GSN
from gsn_perception.gsn import named_config
from gsn_perception.scenes.datasets.views_dataset import build_dataset
from gsn_perception.scenes.objects import random_object
from gsn_perception.training.config import TrainConfig
from gsn_perception.training.data import ViewDataset
from gsn_perception.training.experiments import runs as module
from gsn_perception.training.experiments.judge import JudgeSettings
from gsn_perception.training.experiments.judge import asymmetry
from gsn_perception.training.experiments.judge import judge
from gsn_perception.training.experiments.runs import BUDGETS
from gsn_perception.training.experiments.runs import plan_runs
from gsn_perception.training.experiments.runs import run_experiment
from gsn_perception.training.experiments.runs import summarise_runs
from gsn_perception.training.experiments.variations import EXPERIMENTS
from gsn_perception.training.experiments.variations import Experiment
from gsn_perception.training.experiments.variations import Variation
from gsn_perception.training.experiments.variations import changed
from gsn_perception.training.experiments.variations import experiment


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("views")
    sources = [partial(random_object, seed) for seed in (1, 9, 4)]
    return build_dataset(sources, out, views=6, size=64, seed=0, workers=0, progress=False)


@pytest.fixture(scope="module")
def network() -> GSN:
    torch.manual_seed(0)
    return GSN(replace(named_config("tiny"), depth=False)).eval()


def test_nested_settings_are_replaced_and_unknown_ones_refused() -> None:
    config = changed(TrainConfig(), {"augment.roll": 0.7, "loss.ecd": 0.2, "steps": 3})
    assert (config.augment.roll, config.loss.ecd, config.steps) == (0.7, 0.2, 3)
    assert config.augment.mirror == TrainConfig().augment.mirror
    for wrong in ("augment.rolls", "stepps", "steps.more"):
        with pytest.raises(InputError, match=r"no setting"):
            changed(TrainConfig(), {wrong: 1})


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("budget", BUDGETS)
def test_every_experiment_can_be_planned(name: str, budget: str) -> None:
    runs = plan_runs(experiment(name), BUDGETS[budget], (Path("x"), Path("y"), Path("z")), Path("out"), 2)
    assert len(runs) == 2 * len(EXPERIMENTS[name].variations)
    judged = BUDGETS[budget].judge
    assert len({run.key(judged) for run in runs}) == len(runs)  # no two runs are the same
    assert len({run.train.out for run in runs}) == len(runs)


def test_bad_plans_are_sentences() -> None:
    with pytest.raises(InputError, match="no experiment"):
        experiment("colour")
    with pytest.raises(InputError, match="gsn data"):
        plan_runs(experiment("roll"), BUDGETS["smoke"], (), Path("out"), 1)
    with pytest.raises(InputError, match="3 folders"):
        plan_runs(experiment("mix"), BUDGETS["smoke"], (Path("x"), Path("y")), Path("out"), 1)
    with pytest.raises(InputError, match="seeds"):
        plan_runs(experiment("roll"), BUDGETS["smoke"], (Path("x"),), Path("out"), 0)


def test_a_vase_looks_alike_from_all_sides_and_a_bar_does_not() -> None:
    rng = np.random.default_rng(0)
    angle, height = rng.uniform(0, 2 * math.pi, 2048), rng.uniform(0, 1, 2048)
    radius = 0.3 + 0.1 * np.sin(5 * height)
    vase = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], 1) + [3, 1, 0]
    bar = rng.uniform(-1, 1, (2048, 3)) * [1.0, 0.1, 0.1]
    square = rng.uniform(-1, 1, (2048, 3)) * [0.5, 0.5, 0.5]
    assert asymmetry(vase) < 0.02
    assert asymmetry(vase) < asymmetry(square) < asymmetry(bar)


def test_an_answer_that_ignores_the_image_is_not_equivariant(folder: Path, network: GSN) -> None:
    """The splat of a network whose heads are zero is the cube: it agrees with itself at quarter turns only."""
    for head in network.sculptor.heads.values():
        torch.nn.init.zeros_(head[-1].weight)
    settings = JudgeSettings(objects=2, angles=4, targets=2)
    quarter = judge(network, ViewDataset(folder), "none", settings)
    eighth = judge(network, ViewDataset(folder), "none", replace(settings, angles=8))
    assert quarter["agree"] > 60
    assert quarter["ecd"] < 1e-5
    assert eighth["agree_worst"] < 40
    assert quarter["rolled_range"] < 0.01 < eighth["rolled_range"]
    groups = [k for k in quarter if k.startswith("agree/")]
    assert set(groups) <= {"agree/symmetric", "agree/between", "agree/asymmetric"}
    assert len(groups) == 2
    assert any(k.startswith("psnr/input ") for k in quarter)
    assert quarter["parameters_m"] == pytest.approx(sum(p.numel() for p in network.parameters()) / 1e6)
    assert quarter["network_ms"] > 0


def test_moments_bring_rolled_inputs_back(folder: Path, network: GSN) -> None:
    settings = JudgeSettings(objects=3, angles=6, targets=2)
    torch.nn.init.normal_(network.sculptor.heads["means"][-1].weight, std=0.2)
    data = ViewDataset(folder)
    found = {roll_method: judge(network, data, roll_method, settings) for roll_method in ("none", "moments")}
    assert found["moments"]["agree"] > found["none"]["agree"] + 3
    assert found["moments"]["novel_psnr"] == found["none"]["novel_psnr"]


def test_questions_share_the_runs_they_have_in_common() -> None:
    places = [
        {run.train.out for run in plan_runs(experiment(name), BUDGETS["short"], (Path("x"),), Path("out"), 1)}
        for name in ("ecd", "roll", "symmetry")
    ]
    assert len(places[0] & places[1]) == 2
    assert places[2] < places[0]


def test_finished_runs_are_kept_apart_from_others(folder: Path, tmp_path: Path, monkeypatch) -> None:
    what = Experiment("?", (Variation("a"), Variation("b", train={"lr": 2e-3})), {"novel_psnr": ".2f"}, ("none",))
    budget = BUDGETS["smoke"]
    runs = plan_runs(what, budget, (folder,), tmp_path, 1, steps=2)
    first = list(run_experiment(what, runs, folder, budget.judge, progress=False))
    assert [run.variation.name for run, _ in first] == ["a", "b"]
    assert first[0][1] != first[1][1]
    monkeypatch.setattr(module, "Trainer", None)  # nothing may train again
    again = list(run_experiment(what, runs, folder, budget.judge, progress=False))
    assert [figures for _, figures in again] == [figures for _, figures in first]
    longer = plan_runs(what, budget, (folder,), tmp_path, 1, steps=3)
    with pytest.raises(TypeError):  # another run: it would train
        list(run_experiment(what, longer, folder, budget.judge, progress=False))


def test_a_run_that_was_interrupted_goes_on(folder: Path, tmp_path: Path, monkeypatch) -> None:
    what, budget = Experiment("?", (Variation("a"),), {}, ("none",)), BUDGETS["smoke"]
    runs = plan_runs(what, budget, (folder,), tmp_path, 1, steps=4)
    step, starts = module.Trainer._step, []

    def stops(trainer, batches):
        starts.append(trainer.step)
        if len(starts) == 3:
            raise KeyboardInterrupt
        return step(trainer, batches)

    monkeypatch.setattr(module.Trainer, "_step", stops)
    with pytest.raises(KeyboardInterrupt):
        list(run_experiment(what, runs, folder, budget.judge, progress=False))
    list(run_experiment(what, runs, folder, budget.judge, progress=False))
    assert starts == [0, 1, 2, 2, 3]


def test_means_and_spreads_are_over_seeds() -> None:
    runs = plan_runs(experiment("symmetry"), BUDGETS["smoke"], (Path("x"),), Path("out"), 3)
    results = [(run, {"none": {"agree": float(run.seed)}}) for run in runs]
    (first, _) = summarise_runs(results).values()
    assert first["agree"] == {"mean": 1.0, "spread": 1.0, "values": [0.0, 1.0, 2.0]}
    alone = summarise_runs(results[:1])["none"]["agree"]
    assert math.isnan(alone["spread"])


@pytest.mark.long
def test_the_command_trains_draws_and_writes(folder: Path, tmp_path: Path, capsys) -> None:
    words = ["experiment", "ecd", "--data", str(folder), "--dev", str(folder), "--budget", "smoke"]
    assert main([*words, "--steps", "2", "--seeds", "2", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "density-aware" in printed
    assert "2 steps, 2 seeds" in printed
    found = json.loads((tmp_path / "ecd" / "figures.json").read_text())
    assert set(found["rows"]) == {"none", "published", "density-aware"}
    assert len(found["rows"]["none"]["agree"]["values"]) == 2
    assert (tmp_path / "ecd" / "figures.png").stat().st_size > 5000
