"""Plots: curves over a quantity, and runs side by side with their spread."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gsn_perception.io import atomic_write


def draw_curves(
    path: Path, curves: Mapping[str, Mapping[float, float]], x: str, y: str, title: str, *, band: float | None = None
) -> None:
    """Lines by name over one quantity, as a PNG.

    Args:
        path: Of the picture.
        curves: Name to x to y.
        x: Caption.
        y: Caption.
        title: Of the picture.
        band: Height of a shaded band below the first curve's first value.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4), layout="constrained")
    axes = figure.subplots()
    for index, (name, points) in enumerate(curves.items()):
        style = {"linewidth": 2.0} if index == 0 else {"linewidth": 1.2, "linestyle": "--"}
        axes.plot(list(points), list(points.values()), marker="o", markersize=4, label=name, **style)
    if band is not None and curves:
        top = next(iter(next(iter(curves.values())).values()))
        axes.axhspan(top - band, top, color="0.92", zorder=0)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    with atomic_write(path) as partial:
        figure.savefig(partial, dpi=110, format="png")


def draw_runs(
    path: Path, rows: Mapping[str, Mapping[str, Mapping[str, Any]]], columns: Sequence[str], title: str
) -> None:
    """One panel per figure with a dot per seed, a line at the mean and one line per row, as a PNG.

    Args:
        path: Of the picture.
        rows: Row to figure to ``{"mean", "values"}``.
        columns: Figures to show.
        title: Of the picture.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    shown = [c for c in columns if any(c in figures for figures in rows.values())]
    names = list(rows)[::-1]
    figure = Figure(figsize=(2.5 + 2.1 * max(len(shown), 1), 1.4 + 0.35 * len(rows)), layout="constrained")
    panels = figure.subplots(1, max(len(shown), 1), sharey=True, squeeze=False)[0]
    for axes, column in zip(panels, shown, strict=False):
        for height, name in enumerate(names):
            found = rows[name].get(column)
            if found is None:
                continue
            axes.plot(found["values"], [height] * len(found["values"]), "o", color="#4878a8", markersize=4, alpha=0.7)
            axes.plot([found["mean"]] * 2, [height - 0.3, height + 0.3], color="#c04830", linewidth=2)
        axes.set_title(column, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.locator_params(axis="x", nbins=4)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", color="0.9")
    panels[0].set_yticks(range(len(names)), names)
    figure.suptitle(title, fontsize=9)
    with atomic_write(path) as partial:
        figure.savefig(partial, dpi=110, format="png")
