"""Statistics: Wilson interval, McNemar's test, AUROC, Brier skill, reliability bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927); (nan, nan) without trials."""
    if trials == 0:
        return float("nan"), float("nan")
    interval = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p of McNemar's exact test; null hypothesis: two methods succeed equally often in the same trials.

    Args:
        first: [N] bool, one method's successes.
        second: [N] bool, the other's in the same trials.
    """
    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second, 0.5).pvalue)


def auroc(scores: np.ndarray, outcomes: np.ndarray) -> float:
    """Probability that a success scores higher than a failure, ties count half; NaN where there is only one kind."""
    scores, outcomes = np.asarray(scores, dtype=np.float64), np.asarray(outcomes, dtype=bool)
    good, bad = int(outcomes.sum()), int((~outcomes).sum())
    if not good or not bad:
        return float("nan")
    ranks = stats.rankdata(scores)
    return float((ranks[outcomes].sum() - good * (good + 1) / 2) / (good * bad))


def brier_skill(scores: np.ndarray, outcomes: np.ndarray) -> float:
    """1 - Brier score over that of always predicting the mean outcome; NaN where all outcomes are equal."""
    scores, outcomes = np.asarray(scores, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    reference = float(((outcomes - outcomes.mean()) ** 2).mean()) if len(outcomes) else 0.0
    return float("nan") if reference == 0 else 1 - float(((scores - outcomes) ** 2).mean()) / reference


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram: mean score and outcomes.

    Attributes:
        score: Mean score.
        success: Share that held.
        count: Grasps.
        low: Wilson 95 % bound.
        high: Wilson 95 % bound.
    """

    score: float
    success: float
    count: int
    low: float
    high: float


def reliability(scores: np.ndarray, outcomes: np.ndarray, bins: int = 10) -> list[Bin]:
    """Bins of equal count of a reliability diagram."""
    scores, outcomes = np.asarray(scores, dtype=np.float64), np.asarray(outcomes, dtype=bool)
    found = []
    for rows in np.array_split(np.argsort(scores, kind="stable"), max(min(bins, len(scores) // 5), 1)):
        if len(rows):
            held = int(outcomes[rows].sum())
            low, high = wilson(held, len(rows))
            found.append(Bin(float(scores[rows].mean()), held / len(rows), len(rows), low, high))
    return found
