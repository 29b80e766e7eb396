"""Times the work of a panel, size after size in every round, and shows it as a table and a picture."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from gsn_perception.evaluation.speed.growth.panels import Panel
from gsn_perception.evaluation.speed.growth.panels import Work
from gsn_perception.evaluation.speed.growth.power_law import Curve
from gsn_perception.evaluation.speed.growth.power_law import Exponent
from gsn_perception.evaluation.speed.growth.power_law import exponent
from gsn_perception.geometry import InputError
from gsn_perception.io import atomic_write

_COLUMNS = 3


def curves_of(panel: Panel, rounds: int) -> list[Curve]:
    """Medians over rounds; every round takes each size once, so that a change of the machine's load bends no curve."""
    curves = []
    for name, cases in panel.work.items():
        for _, work in cases:
            work()  # compiles, fills caches
        taken = [[_timed(work) for _, work in cases] for _ in range(rounds)]
        wall, cpu = (
            tuple(statistics.median(row[case][kind] for row in taken) for case in range(len(cases))) for kind in (0, 1)
        )
        curves.append(Curve(name, tuple(size for size, _ in cases), wall, cpu))
    return curves


def _timed(work: Work) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def growth_table(found: Mapping[str, Sequence[Curve]]) -> str:
    """A Markdown table: work, what grows, its range, the times at both ends, the exponents of wall clock and CPU time."""
    lines = [
        "| work | what grows | from | to | wall s | exponent (95 %), last two | CPU s | exponent (95 %), last two |",
        "|---|---|---:|---:|---:|---|---:|---|",
    ]
    for axis, curves in found.items():
        for curve in curves:
            cells = [curve.name, axis, f"{curve.sizes[0]:.4g}", f"{curve.sizes[-1]:.6g}"]
            for seconds in (curve.wall, curve.cpu):
                cells += [f"{seconds[0]:.3f} - {seconds[-1]:.3f}", _written(exponent(curve.sizes, seconds))]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _written(found: Exponent) -> str:
    interval = "" if found.lower != found.lower else f" ({found.lower:.2f} to {found.upper:.2f})"
    return f"{found.value:.2f}{interval}, {found.last:.2f}"


def draw_growth(path: Path, found: Mapping[str, Sequence[Curve]], caption: str) -> None:
    """A log-log panel for everything that grows, with the fitted power laws, as a PNG or (by the suffix) an SVG.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    rows = -(-len(found) // _COLUMNS)
    figure = Figure(figsize=(4.2 * _COLUMNS, 3.4 * rows + 0.3), layout="constrained")
    places = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, (axis, curves) in zip(places, found.items(), strict=False):
        for number, curve in enumerate(curves):
            _draw_curve(axes, curve, f"C{number}")
        axes.set_xlabel(axis)
        axes.set_ylabel("seconds")
        axes.legend(frameon=False, fontsize=8)
        axes.grid(which="major", linewidth=0.4, color="0.85")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in places[len(found) :]:
        axes.set_axis_off()
    figure.supxlabel(f"solid: wall clock, dashed: CPU, grey: fitted power law of the wall clock. {caption}", fontsize=8)
    with atomic_write(path) as partial:
        figure.savefig(partial, dpi=110, format="svg" if path.suffix == ".svg" else "png")


def _draw_curve(axes: object, curve: Curve, color: str) -> None:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.ticker import FixedLocator
    from matplotlib.ticker import FuncFormatter
    from matplotlib.ticker import LogLocator
    from matplotlib.ticker import NullLocator

    assert isinstance(axes, Axes)
    fit = exponent(curve.sizes, curve.wall)
    x = np.asarray(curve.sizes)
    middle = np.exp(np.log(curve.wall).mean() - fit.value * np.log(x).mean())
    axes.loglog(x, middle * x**fit.value, color="0.75", linewidth=3, zorder=1)
    axes.loglog(x, curve.wall, color=color, marker="o", markersize=4, label=f"{curve.name}: exponent {fit.value:.2f}")
    axes.loglog(x, curve.cpu, color=color, linestyle="--", linewidth=1)
    axes.xaxis.set_major_locator(FixedLocator(list(curve.sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{size:.3g}" if size < 1000 else f"{size / 1000:.3g}k" for size in curve.sizes], fontsize=8)


def measured(
    panels: Mapping[str, Callable[[], Panel]], rounds: int, say: Callable[[str], None]
) -> dict[str, list[Curve]]:
    """The curves of every panel by what grows in it.

    Args:
        panels: Name to a function that makes its inputs.
        rounds: Times that every size is timed.
        say: Called with a sentence before every panel.

    Raises:
        InputError: there is no panel, or its inputs cannot be made.
    """
    if not panels:
        raise InputError("nothing to measure: name at least one part")
    found = {}
    for name, make in panels.items():
        say(f"{name}: inputs")
        panel = make()
        say(f"{name}: {rounds} rounds of {sum(map(len, panel.work.values()))} sizes")
        found[panel.axis] = curves_of(panel, rounds)
    return found
