"""Runs of an experiment: each variation with each seed, same trainer, same evaluation; finished runs are reused."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gsn_perception.geometry.errors import InputError
from gsn_perception.gsn.config import GsnConfig
from gsn_perception.gsn.config import named_config
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.io.atomic import atomic_write
from gsn_perception.training.config import TrainConfig
from gsn_perception.training.data import ViewDataset
from gsn_perception.training.experiments.judge import JudgeSettings
from gsn_perception.training.experiments.judge import judge
from gsn_perception.training.experiments.variations import Experiment
from gsn_perception.training.experiments.variations import Variation
from gsn_perception.training.experiments.variations import changed
from gsn_perception.training.run_config import require_data
from gsn_perception.training.trainer import Trainer


@dataclass(frozen=True, slots=True)
class Budget:
    """Size of a run: schedule, architecture, effort of evaluation.

    Attributes:
        train: Settings without data, seed and output folder.
        gsn: Architecture before variations.
        judge: Settings of the evaluation.
    """

    train: TrainConfig
    gsn: GsnConfig
    judge: JudgeSettings


_TINY = replace(named_config("tiny"), depth=False)
_SMALL = replace(named_config("base"), width=32, hidden=(192, 64, 64, 96, 64), cube=12, depth=False)
BUDGETS: dict[str, Budget] = {
    "smoke": Budget(
        TrainConfig(steps=20, batch=4, views=3, size=32, final_size=32, warmup=5), _TINY, JudgeSettings(3, 4, 2)
    ),
    "short": Budget(TrainConfig(steps=1500, batch=8, final_share=0.1), _SMALL, JudgeSettings(24, 8, 4)),
    "full": Budget(
        TrainConfig(steps=40_000, batch=32, size=128),
        replace(named_config("base"), depth=False),
        JudgeSettings(64, 24, 5),
    ),
}
"""smoke: a test that everything runs; short: shows large differences, on two CPU cores; full: for a GPU."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training run of an experiment.

    Attributes:
        variation: The variation.
        seed: Seed of all random numbers.
        train: All settings.
        gsn: The architecture.
    """

    variation: Variation
    seed: int
    train: TrainConfig
    gsn: GsnConfig

    def key(self, judged: JudgeSettings) -> str:
        """Hash of everything that determines the figures, without the output folder."""
        what = {"train": asdict(replace(self.train, out=Path(), resume=False)), "gsn": asdict(self.gsn)}
        text = json.dumps(what | {"judge": asdict(judged)}, default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def plan_runs(
    what: Experiment, budget: Budget, data: Sequence[Path], out: Path, seeds: int, steps: int | None = None
) -> list[Run]:
    """All runs of an experiment. Seeds are the outer loop, so that an interrupted experiment has all variations.

    The folder of a run is named by the hash of its settings: experiments with the same run share its folder.

    Raises:
        InputError: there is no data, there are fewer folders than the experiment varies, or there is no seed.
    """
    require_data(replace(budget.train, data=tuple(data)), "gsn data")
    if seeds < 1:
        raise InputError(f"{seeds} seeds are no run; give --seeds 1 or more")
    wanted = max(variation.folders or 1 for variation in what.variations)
    if len(data) < wanted:
        raise InputError(f"this question is about {wanted} folders of data and {len(data)} given; give --data {wanted}")
    runs = []
    for seed in range(seeds):
        for variation in what.variations:
            train = changed(budget.train, variation.train)
            used = tuple(data)[: variation.folders]
            train = replace(train, data=used, seed=seed, steps=steps or train.steps)
            run = Run(variation, seed, train, changed(budget.gsn, variation.gsn))
            runs.append(replace(run, train=replace(train, out=out / run.key(budget.judge))))
    return runs


def run_experiment(
    what: Experiment, runs: Sequence[Run], dev: Path, judged: JudgeSettings, *, progress: bool = True
) -> Iterator[tuple[Run, dict[str, dict[str, float]]]]:
    """Each run with its figures by roll method; trains a run if it is not finished."""
    data = ViewDataset(dev)
    for run in tqdm(runs, desc="runs", unit="run", ncols=100, disable=not progress):
        kept = run.train.out / "figures.json"
        figures = _stored(kept)
        missing = [roll_method for roll_method in what.roll_methods if roll_method not in figures]
        if missing:
            weights = _trained(run, progress=progress)
            network, _ = load_gsn(weights)
            figures |= {roll_method: judge(network, data, roll_method, judged) for roll_method in missing}
            with atomic_write(kept) as path:
                path.write_text(json.dumps(figures, indent=1) + "\n")
        yield run, figures


def _stored(path: Path) -> dict[str, dict[str, float]]:
    """Stored figures of a run by roll method; empty if the run was not evaluated."""
    try:
        return json.loads(path.read_text()) if path.is_file() else {}
    except ValueError:
        return {}


def _trained(run: Run, *, progress: bool) -> Path:
    """Weights of a run; an interrupted run is continued."""
    out = run.train.out
    weights = out / "gsn.safetensors"
    resume = (out / "last.ckpt").is_file()
    trainer = Trainer(replace(run.train, resume=resume), progress=progress, architecture=run.gsn)
    if not (resume and trainer.schedule_fraction >= 1):
        trainer.run()
    return weights


def summarise_runs(
    results: Sequence[tuple[Run, Mapping[str, Mapping[str, float]]]],
) -> dict[str, dict[str, dict[str, Any]]]:
    """Row ("variation" or "variation; roll method") to figure to ``{"mean", "spread", "values"}``.

    ``spread`` is the sample standard deviation over seeds, NaN for a single one.
    """
    values: dict[str, dict[str, list[float]]] = {}
    for run, judged in results:
        for roll_method, figures in judged.items():
            row = run.variation.name if len(judged) == 1 else f"{run.variation.name}; brought by: {roll_method}"
            for key, value in figures.items():
                values.setdefault(row, {}).setdefault(key, []).append(value)
    return {row: {key: _spread(found) for key, found in columns.items()} for row, columns in values.items()}


def _spread(values: Sequence[float]) -> dict[str, Any]:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return {"mean": float(np.mean(values)), "spread": spread, "values": list(values)}
