"""Fits the weights of the grasp score to outcomes of grasps in physics simulation (logistic regression)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize

from gsn_perception.evaluation.reports.statistics import auroc
from gsn_perception.evaluation.reports.statistics import brier_skill
from gsn_perception.geometry import InputError
from gsn_perception.grasping.scoring.features import FEATURES
from gsn_perception.grasping.scoring.score import ScoreModel

_LEAST = 20  # successes and failures needed for a fit
_FOLDS = 5
_LEAST_WEIGHT = 0.2  # every feature keeps an influence, also where the objects in the data do not need it


def fit_score(rows: Sequence[dict[str, Any]], *, ridge: float = 1.0) -> tuple[ScoreModel, dict[str, float]]:
    """Logistic regression of the outcome on the features, with a lower bound on every weight.

    Args:
        rows: Executed grasps, with ``features``, ``held`` and ``object``.
        ridge: Strength of the ridge penalty on the weights.

    Returns:
        The model, and its AUROC and Brier skill on objects left out of the fit (five folds by object).

    Raises:
        InputError: too few grasps held or failed.
    """
    rows = [r for r in rows if r.get("features")]
    if any(len(r["features"]) != len(FEATURES) for r in rows):
        raise InputError("the trials were made with another set of features; run them again with another --out")
    figures = np.array([r["features"] for r in rows], dtype=np.float64).reshape(-1, len(FEATURES))
    held = np.array([r["held"] for r in rows], dtype=bool)
    if min(held.sum(), (~held).sum()) < _LEAST:
        raise InputError(
            f"{held.sum()} of {len(held)} grasps held; {_LEAST} that held and failed each are needed to fit"
        )
    names = sorted({str(r["object"]) for r in rows})
    fold = np.array([names.index(str(r["object"])) % _FOLDS for r in rows])
    unseen = np.zeros(len(rows))
    for number in range(_FOLDS):
        out = fold == number
        if out.any() and not out.all():
            unseen[out] = regress(figures[~out], held[~out], ridge)(figures[out])
    quality = {"grasps": float(len(rows)), "held": float(held.mean())}
    quality |= {"auroc": auroc(unseen, held), "brier_skill": brier_skill(unseen, held)}
    return regress(figures, held, ridge), quality


def fit_extruded(rows: Sequence[dict[str, Any]], model: ScoreModel, *, ridge: float = 4.0) -> dict[str, float]:
    """Slope and shift of the logit for grasps on extruded points (Platt 1999), with a penalty on a slope other than 1.

    Args:
        rows: Executed grasps, with ``features``, ``held`` and ``source``; only extruded ones are used.
        model: Of grasps on meshes.
        ridge: Strength of the penalty.

    Raises:
        InputError: no grasp is extruded.
    """
    rows = [r for r in rows if r.get("source") == "extruded" and r.get("features")]
    if not rows:
        raise InputError("no trial fell back to extruded points; run more objects")
    scores = np.clip(model(np.array([r["features"] for r in rows], dtype=np.float64)), 1e-6, 1 - 1e-6)
    logit, sign = np.log(scores / (1 - scores)), np.where([bool(r["held"]) for r in rows], 1.0, -1.0)

    def loss(x: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (x[0] * logit + x[1])).sum() + 0.5 * ridge * (x[0] - 1) ** 2)

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.1, 10), (-10, 10)])
    slope, shift = (round(float(v), 4) for v in found.x)
    return {"slope": slope, "shift": shift, "grasps": float(len(rows)), "held": round(float((sign > 0).mean()), 4)}


def regress(figures: np.ndarray, held: np.ndarray, ridge: float) -> ScoreModel:
    """The maximum-likelihood weights, with a ridge penalty on the weights but not on the bias.

    Args:
        figures: [N,F] features.
        held: [N] bool.
        ridge: Half of it times the squared weights is added to the negative log-likelihood.
    """
    sign = np.where(held, 1.0, -1.0)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (figures @ x[:-1] + x[-1])
        pull = -sign / (1 + np.exp(np.clip(margin, -50, 50)))
        gradient = np.append(figures.T @ pull + ridge * x[:-1], pull.sum())
        return float(np.logaddexp(0, -margin).sum() + 0.5 * ridge * x[:-1] @ x[:-1]), gradient

    count = figures.shape[1]
    bounds = [(_LEAST_WEIGHT, None)] * count + [(None, None)]
    found = minimize(loss, np.append(np.full(count, _LEAST_WEIGHT), 0.0), jac=True, method="L-BFGS-B", bounds=bounds)
    *weights, bias = (round(float(v), 4) for v in found.x)
    return ScoreModel(tuple(weights), bias)
