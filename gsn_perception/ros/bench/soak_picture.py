"""Plots a soak test: memory, latency and counts over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsn_perception.ros.bench.soak import NODES
from gsn_perception.ros.bench.soak import Soak


def draw_soak(path: Path, found: Soak, caption: str) -> None:
    """Memory, latency with running percentiles, and counts over time, as a PNG.

    Raises:
        InputError: ``path`` can't be written.
    """
    from matplotlib.figure import Figure

    from gsn_perception.io import atomic_write

    figure = Figure(figsize=(9, 8), layout="constrained")
    memory, latency, counts = figure.subplots(3, sharex=True)
    times = [s.time for s in found.samples]
    for node in NODES:
        memory.plot(times, [s.memory.get(node, 0) / 1e6 for s in found.samples], label=node)
    memory.set_ylabel("resident memory, MB")
    memory.set_ylim(bottom=0)
    for topic, rows in found.latencies.items():
        rows = rows[rows[:, 2] > 0]
        if len(rows):
            (line,) = latency.plot(rows[:, 0], rows[:, 1], ".", markersize=2, alpha=0.4, label=f"image -> {topic}")
            for share in (50, 95):
                latency.plot(*_running(rows, share), color=line.get_color(), linewidth=1.5)
    latency.set_ylabel("latency with objects, s\n(lines: p50, p95)")
    latency.set_ylim(bottom=0)
    counts.plot(times, [s.frames for s in found.samples], label="frames finished")
    for reason in sorted({r for s in found.samples for r in s.drops}):
        counts.plot(times, [s.drops.get(reason, 0) for s in found.samples], label=reason)
    counts.set_ylabel("count")
    counts.set_yscale("symlog")
    counts.set_xlabel(f"s\n{caption}", fontsize=7)
    for axes in (memory, latency, counts):
        axes.legend(fontsize=7, loc="upper left")
        axes.spines[["top", "right"]].set_visible(False)
    with atomic_write(path) as partial:
        figure.savefig(partial, dpi=110, format="png")


def _running(rows: np.ndarray, share: float, parts: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Times and a percentile of latency over consecutive parts of the rows [N,3]."""
    chunks = [c for c in np.array_split(rows[np.argsort(rows[:, 0])], min(parts, len(rows))) if len(c)]
    return np.array([c[:, 0].mean() for c in chunks]), np.array([np.percentile(c[:, 1], share) for c in chunks])
