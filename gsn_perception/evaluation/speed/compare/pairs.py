"""Paired samples of two versions: medians, the median of pairwise ratios and its confidence interval, as a table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Ratio:
    """How two versions compare in one quantity.

    Attributes:
        before: Median of the first version.
        after: Median of the second version.
        ratio: Median of after / before over the pairs.
        lower: Lower end of the 95 % confidence interval of that median.
        upper: Upper end. With fewer than six pairs, both are the extremes, which cover less than 95 %.
        pairs: Number of pairs.
    """

    before: float
    after: float
    ratio: float
    lower: float
    upper: float
    pairs: int


def compared(before: Sequence[float], after: Sequence[float]) -> Ratio:
    """Compare samples that were taken in pairs, one right after the other, so that both had the same load beside them."""
    ratios = sorted(b / a if a > 0 else math.nan for a, b in zip(before, after, strict=True))
    rank = _outer_rank(len(ratios))
    return Ratio(
        before=statistics.median(before),
        after=statistics.median(after),
        ratio=statistics.median(ratios),
        lower=ratios[rank],
        upper=ratios[-1 - rank],
        pairs=len(ratios),
    )


def _outer_rank(count: int) -> int:
    """The largest k such that the k-th smallest and k-th largest of ``count`` samples enclose the median 95 times in 100.

    It holds for any distribution: the number of samples below the median is binomial with p = 1/2.
    """
    below, rank = 0.0, 0
    for k in range(count // 2):
        below += math.comb(count, k) / 2.0**count
        if 2 * below > 1 - _LEVEL:
            break
        rank = k
    return rank


def ratio_table(rows: Mapping[str, Mapping[str, Ratio]], before: str, after: str) -> str:
    """A Markdown table.

    Args:
        rows: Figure to quantity (with its unit: s or MB) to ratio.
        before: Name of the first version.
        after: Name of the second version.
    """
    lines = [f"| figure | {before} | {after} | ratio | 95 % interval | pairs |", "|---|---:|---:|---:|---:|---:|"]
    for figure, quantities in rows.items():
        for quantity, found in quantities.items():
            unit = quantity.rsplit(" ", maxsplit=1)[-1]
            values = f"{_value(found.before, unit)} | {_value(found.after, unit)}"
            interval = f"{found.lower:.3f} - {found.upper:.3f}"
            lines.append(f"| {figure}, {quantity} | {values} | {found.ratio:.3f} | {interval} | {found.pairs} |")
    return "\n".join(lines)


def _value(value: float, unit: str) -> str:
    return f"{value:.0f}" if unit == "MB" else f"{value:.4f}" if value < 0.1 else f"{value:.3f}"
