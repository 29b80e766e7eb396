"""Summary tables of finished trials: success by method and shape class, paired tests, failures by verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from gsn_perception.evaluation.grasps.planners.methods import METHODS
from gsn_perception.evaluation.grasps.planners.methods import RGBD
from gsn_perception.evaluation.grasps.rows import SEARCH
from gsn_perception.evaluation.grasps.rows import Key
from gsn_perception.evaluation.physics.outcome import VERDICTS
from gsn_perception.evaluation.reports.common_answers import COMMON
from gsn_perception.evaluation.reports.common_answers import SMALL_GROUP
from gsn_perception.evaluation.reports.common_answers import is_small
from gsn_perception.evaluation.reports.statistics import auroc
from gsn_perception.evaluation.reports.statistics import brier_skill
from gsn_perception.evaluation.reports.statistics import mcnemar
from gsn_perception.evaluation.reports.statistics import wilson

Row = dict[str, Any]
Table = list[tuple[str, dict[str, float]]]
SUCCESS_COLUMNS = {"trials": ".0f", "held": ".1%", "low": ".1%", "high": ".1%", "p": ".1g", "refused": ".1%"}
SUCCESS_COLUMNS |= {COMMON: ".1%"}


def counted(rows: Sequence[Row]) -> list[Row]:
    """The best grasps of trials that count: poses that the exhaustive search, if any, found graspable."""
    beyond = {(r["object"], r["pose"]) for r in rows if r["method"] == SEARCH and not r["held"]}
    best = [r for r in rows if r["method"] != SEARCH and r.get("rank", 0) <= 0]
    return [r for r in best if (r["object"], r["pose"]) not in beyond]


def graspable(rows: Sequence[Row]) -> Table:
    """Share of poses for which a grasp that holds exists, by shape class."""
    searched = [r for r in rows if r["method"] == SEARCH]
    return [
        (shape, {"poses": len(group), "graspable": float(np.mean([r["held"] for r in group]))})
        for shape, group in _by_shape(searched)
    ]


def success(rows: Sequence[Row], against: str = RGBD) -> Table:
    """Top-1 success with Wilson 95 % bounds, over all trials, by shape class, and on small objects.

    ``p`` is that of McNemar's exact test against the method ``against`` on common trials; ``refused`` is the share of
    trials without a candidate; ``answered by all`` is the success on trials in which every method had a candidate.
    """
    table: Table = []
    for shape, group in _by_shape(counted(rows)):
        held = {m: {Key.of(r).trial: bool(r["held"]) for r in group if r["method"] == m} for m in METHODS}
        common = _answered_by_all(group)
        for method, found in held.items():
            if not found:
                continue
            low, high = wilson(sum(found.values()), len(found))
            figures = {"trials": len(found), "held": sum(found.values()) / len(found), "low": low, "high": high}
            figures["refused"] = sum(r["method"] == method and not _has_candidate(r) for r in group) / len(found)
            figures[COMMON] = float(np.mean([found[trial] for trial in common])) if common else float("nan")
            if method != against and held[against]:
                figures["p"] = _paired(found, held[against])
            table.append((method if shape == "all" else f"{method} / {shape}", figures))
    return table


def failures(rows: Sequence[Row]) -> Table:
    """Number of trials by method and verdict."""
    table: Table = []
    for method in METHODS:
        mine = Counter(r["verdict"] for r in counted(rows) if r["method"] == method)
        if mine:
            table.append((method, {verdict: mine.get(verdict, 0) for verdict in VERDICTS}))
    return table


def scales(rows: Sequence[Row]) -> Table:
    """Relative error of the estimated metric scale, by method."""
    table: Table = []
    for method in METHODS:
        mine = [r for r in counted(rows) if r["method"] == method and "scale_ratio" in r]
        if mine:
            error = np.abs(np.array([r["scale_ratio"] for r in mine]) - 1)
            sigma = np.array([r["scale_sigma"] for r in mine], dtype=np.float64)
            figures = {"trials": len(mine), "median": float(np.median(error)), "90 %": float(np.quantile(error, 0.9))}
            figures["within 2 sigma"] = float((error <= 2 * sigma).mean())
            table.append((method, figures))
    return table


def judged(rows: Sequence[Row]) -> Table:
    """How well the scores separate success and failure: AUROC and Brier skill, by method.

    ``epsilon auroc`` is that of Ferrari and Canny's epsilon on the true object, which no planner knows.
    """
    table: Table = []
    for method in METHODS:
        scores, outcomes = scored(rows, method)
        if len(scores):
            figures = {"grasps": len(scores), "mean score": float(scores.mean()), "held": float(outcomes.mean())}
            figures |= {"auroc": auroc(scores, outcomes), "brier skill": brier_skill(scores, outcomes)}
            figures["epsilon auroc"] = auroc(*_reference(rows, method))
            table.append((method, figures))
    return table


def _reference(rows: Sequence[Row], method: str) -> tuple[np.ndarray, np.ndarray]:
    """Epsilon [N] and outcomes [N] of the grasps of :func:`scored` that have an epsilon."""
    mine = [r for r in _carried(rows, method) if "epsilon" in r]
    return np.array([r["epsilon"] for r in mine]), np.array([r["held"] for r in mine], dtype=bool)


def scored(rows: Sequence[Row], method: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores [N] and outcomes [N] of every executed grasp of a method, on poses that count."""
    mine = _carried(rows, method)
    return np.array([r["score"] for r in mine]), np.array([r["held"] for r in mine], dtype=bool)


def _carried(rows: Sequence[Row], method: str) -> list[Row]:
    """Every executed grasp of a method with features, on poses that count."""
    beyond = {(r["object"], r["pose"]) for r in rows if r["method"] == SEARCH and not r["held"]}
    return [r for r in rows if r["method"] == method and "features" in r and (r["object"], r["pose"]) not in beyond]


def _paired(a: dict[Any, bool], b: dict[Any, bool]) -> float:
    both = sorted(set(a) & set(b))
    return mcnemar(np.array([a[k] for k in both], dtype=bool), np.array([b[k] for k in both], dtype=bool))


def _has_candidate(row: Row) -> bool:
    return bool(row["verdict"] != "no candidate")


def _answered_by_all(rows: Sequence[Row]) -> list[Any]:
    """The trials in which every method in the rows had a candidate."""
    methods = {r["method"] for r in rows}
    sets = [{Key.of(r).trial for r in rows if r["method"] == m and _has_candidate(r)} for m in methods]
    return sorted(set.intersection(*sets)) if sets else []


def _by_shape(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """All rows, those of each shape class, and those of small objects."""
    shapes = [s for s in ("box", "mid", "open", "unknown") if any(r["shape"] == s for r in rows)]
    groups = [("all", list(rows)), *((s, [r for r in rows if r["shape"] == s]) for s in shapes)]
    small = [r for r in rows if is_small(r)]
    return [*groups, (SMALL_GROUP, small)] if small else groups


def simulators(rows: Sequence[Row]) -> str:
    """The MuJoCo versions in the rows, as text for tables; empty where no row has one."""
    versions = sorted({str(r["mujoco"]) for r in rows if "mujoco" in r})
    return f" (mujoco {' and '.join(versions)})" if versions else ""
