"""`gsn experiment NAME`: controlled training runs that answer one question about the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from typing import Literal

import tyro

Name = Literal[
    "cube-centring",
    "encoder",
    "ecd",
    "count",
    "roll",
    "symmetry",
    "views",
    "geometry",
    "depth",
    "mix",
    "refinement",
]


@dataclass(frozen=True, slots=True)
class Options:
    """Question, data and length of the runs. Finished runs are kept and skipped; an interrupted run is resumed."""

    name: Annotated[Name, tyro.conf.Positional]
    """Name of the experiment."""
    data: tuple[Path, ...] = ()
    """Training dataset folders made by `gsn data`."""
    dev: Path = tyro.MISSING
    """Dataset folder on which runs are evaluated."""
    budget: Literal["smoke", "short", "full"] = "short"
    """Length of a run: smoke 20 steps of a tiny network, short 1500 of a small one, full 40 000 of the shipped size."""
    steps: int | None = None
    """Number of steps instead of the budget's."""
    seeds: int = 2
    """Number of runs of every variation."""
    out: Path = Path("runs/experiments")
    """Output folder: figures.json and a plot in a sub-folder per experiment; runs in `runs`, shared by experiments."""


def run(options: Options) -> int:
    """Train and evaluate; print a table of means and standard deviations over seeds."""
    from gsn_perception.evaluation.reports.curves import draw_runs
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.training.experiments.runs import BUDGETS
    from gsn_perception.training.experiments.runs import plan_runs
    from gsn_perception.training.experiments.runs import run_experiment
    from gsn_perception.training.experiments.runs import summarise_runs
    from gsn_perception.training.experiments.variations import experiment

    what, budget, out = experiment(options.name), BUDGETS[options.budget], options.out / options.name
    runs = plan_runs(what, budget, options.data, options.out / "runs", options.seeds, options.steps)
    summary = summarise_runs(list(run_experiment(what, runs, options.dev, budget.judge)))
    columns = {c: f for key, spec in what.columns.items() for c, f in ((key, spec), (f"{key} +-", spec))}
    rows = [(name, _flat(figures)) for name, figures in summary.items()]
    print(what.question)
    print(table(rows, columns, f"{runs[0].train.steps} steps, {options.seeds} seeds"))
    payload = {"question": what.question, "steps": runs[0].train.steps, "seeds": options.seeds, "rows": summary}
    folders = [{"variation": r.variation.name, "seed": r.seed, "folder": str(r.train.out)} for r in runs]
    write_json(out / "figures.json", {**payload, "budget": options.budget, "runs": folders})
    draw_runs(out / "figures.png", summary, list(what.columns), what.question)
    return 0


def _flat(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    means = {key: found["mean"] for key, found in figures.items()}
    return means | {f"{key} +-": found["spread"] for key, found in figures.items()}
