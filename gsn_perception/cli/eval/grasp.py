"""`gsn eval grasp`: success rate of grasps in physics simulation (MuJoCo)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

import tyro

if TYPE_CHECKING:
    from gsn_perception.evaluation.grasps.running import WorkerSetup

_KEPT = ("objects", "budget", "poses", "gripper", "answers", "checkpoint", "seed", "elevation", "rejudge")
"""Options that must be equal when a run is resumed."""


@dataclass(frozen=True, slots=True)
class GraspOptions:
    """Grasps executed in MuJoCo: the pipeline from one view, compared with the true mesh and baselines without a network."""

    objects: Path = tyro.MISSING
    """Folder of test objects (OBJ, PLY, STL or GLB)."""
    budget: Literal["smoke", "short", "full"] = "short"
    """Number of objects: smoke 3, short 12, full all."""
    poses: int = 3
    """Stable poses per object."""
    cameras: int = 3
    """Views per pose."""
    methods: tuple[str, ...] = ()
    """Methods whose grasps are executed, by the names in the table; by default all."""
    answers: int = 1
    """Number of executed grasps per ranked list, spread evenly over the list; 1: the best grasp."""
    gripper: str = "panda"
    """Name of a shipped gripper, or a YAML file of the same format."""
    elevation: tuple[float, float] = (30.0, 60.0)
    """Range of the cameras' downward angle in degrees; 90 is straight down."""
    rejudge: Path | None = None
    """Folder of an earlier run: its grasps are executed again and old and new verdicts compared; nothing is planned."""
    out: Path = Path("runs/grasp")
    """Folder of the finished trials (trials.jsonl), tables and plots; an interrupted run is resumed there."""
    cache: Path = Path("cache/parts")
    """Folder of the objects' convex parts."""
    processes: int = 0
    """Number of parallel processes; 0 = one per core."""
    rolls: int = 0
    """Number of views (one per pose) that are repeated with the camera rolled in steps of 15 degrees."""
    fit: bool = False
    """Fit the score's weights to the outcomes of RGB-D (training objects only) and store them in the package."""
    checkpoint: str | None = None
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""
    device: str = "cpu"
    """auto, cpu or cuda."""
    json: Path | None = None
    """Write all results to this file."""
    seed: int = 0
    """Seed of poses, cameras and noise."""


def run_grasp(options: GraspOptions) -> tuple[str, dict[str, Any]]:
    """Run missing trials, draw the plots; the tables as text and as numbers.

    Raises:
        InputError: the options are invalid, or the folder belongs to another run.
    """
    from gsn_perception.cli.eval.grasp_folder import TRIALS
    from gsn_perception.cli.eval.grasp_folder import check_folder
    from gsn_perception.cli.eval.rejudge import run_rejudge
    from gsn_perception.evaluation.grasps.rows import read_rows

    work = _work(options)
    check_folder(options.out, {name: str(asdict(options)[name]) for name in _KEPT})
    if options.rejudge is not None:
        sources = _all_sources(options)
        return run_rejudge(work, sources, options.rejudge, options.out, _processes(options, len(sources)))
    path = options.out / TRIALS
    _run(options, work, path)
    rows = read_rows(path)
    _draw(options, work, rows)
    text, figures = _tables(rows)
    if options.rolls:
        from gsn_perception.cli.eval.rolled_grasps import rolled

        line, figures["rolled camera"] = rolled(work, _sources(options), rows, options.rolls)
        text += "\n\n" + line
    if options.fit:
        text += "\n\n" + _fit(options, rows)
    return text, figures


def _work(options: GraspOptions) -> WorkerSetup:
    from gsn_perception.cli.parse import choose_gripper
    from gsn_perception.evaluation.grasps.planners.methods import METHODS
    from gsn_perception.evaluation.grasps.running import Campaign
    from gsn_perception.evaluation.grasps.running import WorkerSetup
    from gsn_perception.geometry import InputError
    from gsn_perception.grasping import PlannerSettings

    missing = [name for name in ("mujoco", "coacd") if find_spec(name) is None]
    if missing:
        raise InputError(f"{' and '.join(missing)} not installed; pip install 'gsn_perception[physics]'")
    unknown = [m for m in options.methods if m not in METHODS]
    if unknown:
        raise InputError(f"there is no method {unknown[0]!r}; choose from {', '.join(METHODS)}")
    if min(options.poses, options.cameras, options.answers) < 1:
        raise InputError("poses, cameras and answers must be at least 1; give larger numbers")
    if not -90 <= options.elevation[0] <= options.elevation[1] <= 90:
        low, high = options.elevation
        raise InputError(
            f"elevation {low:g} to {high:g} degrees is not a range within -90 to 90; give the lower end first"
        )
    campaign = Campaign(
        methods=options.methods or tuple(METHODS),
        poses=options.poses,
        cameras=options.cameras,
        answers=options.answers,
        seed=options.seed,
        elevation=options.elevation,
    )
    make = partial(make_reconstructor, options.checkpoint, options.device)
    return WorkerSetup(campaign, choose_gripper(options.gripper), PlannerSettings(), make, options.cache)


def make_reconstructor(checkpoint: str | None, device: str) -> Any:
    """The pipeline of a worker process."""
    from gsn_perception.pipeline import Reconstructor

    return Reconstructor.from_pretrained(checkpoint, device)


def _run(options: GraspOptions, work: WorkerSetup, path: Path) -> None:
    """Run every trial that is not in the file yet."""
    from tqdm import tqdm

    from gsn_perception.evaluation.grasps.rows import append_rows
    from gsn_perception.evaluation.grasps.rows import read_rows
    from gsn_perception.evaluation.grasps.running import run_campaign

    sources = _sources(options)
    done = read_rows(path)
    processes = _processes(options, len(sources))
    bar = tqdm(total=len(sources), desc="grasps", ncols=100)
    for rows in run_campaign(work, sources, done, processes):
        append_rows(path, rows)
        bar.update()
    bar.close()


def _processes(options: GraspOptions, tasks: int) -> int:
    """Number of parallel processes; 0 = run in this process."""
    import os

    count = min(options.processes or len(os.sched_getaffinity(0)), tasks)
    return count if count > 1 else 0


def _all_sources(options: GraspOptions) -> list[Any]:
    """Functions that load the objects of the folder."""
    from gsn_perception.scenes.loader import mesh_sources

    return list(mesh_sources(options.objects))


def _sources(options: GraspOptions) -> list[Any]:
    """Functions that load as many objects as the budget allows, alternating between shape classes."""
    from gsn_perception.evaluation.views.cases import BUDGETS
    from gsn_perception.evaluation.views.cases import in_turn

    sources = _all_sources(options)
    shapes = [str(source.keywords.get("shape")) for source in sources]
    return in_turn(sources, shapes, BUDGETS[options.budget] or len(sources), options.seed)


def _tables(rows: Sequence[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    from gsn_perception.evaluation.grasps import summary
    from gsn_perception.evaluation.physics.outcome import VERDICTS
    from gsn_perception.evaluation.reports.tables import table

    parts: dict[str, tuple[summary.Table, Mapping[str, str]]] = {
        "poses": (summary.graspable(rows), {"poses": ".0f", "graspable": ".0%"}),
        "top-1 success": (summary.success(rows), summary.SUCCESS_COLUMNS),
        "failures": (summary.failures(rows), dict.fromkeys(VERDICTS, ".0f")),
        "scale error": (
            summary.scales(rows),
            {"trials": ".0f", "median": ".1%", "90 %": ".1%", "within 2 sigma": ".0%"},
        ),
        "score": (
            summary.judged(rows),
            {"grasps": ".0f", "mean score": ".3f", "held": ".3f", "auroc": ".3f", "brier skill": ".3f"}
            | {"epsilon auroc": ".3f"},
        ),
    }
    judge = summary.simulators(rows)
    text = "\n\n".join(table(lines, columns, title + judge) for title, (lines, columns) in parts.items() if lines)
    figures: dict[str, Any] = {title: dict(lines) for title, (lines, _) in parts.items()}
    return text, figures | {"mujoco": judge.strip(" ()"), "trials": list(rows)}


def _draw(options: GraspOptions, work: WorkerSetup, rows: Sequence[dict[str, Any]]) -> None:
    """Draw a sheet with one trial of every verdict, and the reliability diagram of the scores."""
    from gsn_perception.evaluation.grasps.gallery import verdict_sheet
    from gsn_perception.evaluation.grasps.pictures import draw_reliability
    from gsn_perception.evaluation.grasps.planners.methods import CEILING
    from gsn_perception.evaluation.grasps.planners.methods import RGBD
    from gsn_perception.evaluation.grasps.summary import scored
    from gsn_perception.evaluation.reports.statistics import reliability
    from gsn_perception.io import write_image

    picture = verdict_sheet(work, _sources(options), rows)
    if picture is not None:
        write_image(options.out / "verdicts.png", picture)
    curves = [(m, reliability(*scored(rows, m))) for m in (CEILING, RGBD)]
    draw_reliability(options.out / "reliability.png", [(name, bins) for name, bins in curves if bins])


def _fit(options: GraspOptions, rows: Sequence[dict[str, Any]]) -> str:
    """Fit and store the score; a sentence with its quality on held-out objects."""
    from gsn_perception.evaluation.grasps.fitting import fit_extruded
    from gsn_perception.evaluation.grasps.fitting import fit_score
    from gsn_perception.evaluation.grasps.planners.methods import RGBD

    rows = [r for r in rows if r["method"] == RGBD]
    model, quality = fit_score([r for r in rows if r.get("source") != "extruded"])
    notes: dict[str, Any] = {"fitted_on": f"{options.objects.name}, RGB-D"}
    notes |= {name: round(value, 4) for name, value in quality.items()}
    figures = ", ".join(f"{name} {value:.3g}" for name, value in quality.items())
    if any(r.get("source") == "extruded" for r in rows):
        notes["extruded"] = fit_extruded(rows, model)
        figures += "; extruded points: " + ", ".join(f"{k} {v:.3g}" for k, v in notes["extruded"].items())
    else:
        figures += "; no trial used extruded points, so their score parameters stay"
    path = model.store(notes)
    return f"fitted the score ({figures}; left out by object) -> {path}"
