"""Timing tools: description of the machine, thread count, median milliseconds, bar chart."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine of a measurement.

    Attributes:
        cpu: Model name.
        cores: Cores this process may run on.
        threads: Threads torch uses.
        gpu: Model name, or empty.
        torch: Version.
        python: Version.
        load: Load average of the last minute; if it is well above zero before the start, the measured times are too long.
    """

    cpu: str
    cores: int
    threads: int
    gpu: str
    torch: str
    python: str
    load: float

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        gpu = f", {self.gpu}" if self.gpu else ""
        return (
            f"{self.cpu}, {self.cores} cores, {self.threads} threads{gpu}, torch {self.torch}, "
            f"Python {self.python}, load {self.load:.1f}"
        )


def machine() -> Machine:
    """The machine of this process."""
    affinity = getattr(os, "sched_getaffinity", None)
    return Machine(
        cpu=_cpu_model(),
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        torch=torch.__version__,
        python=platform.python_version(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
    )


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", maxsplit=1)[1].strip()
    return platform.processor() or platform.machine()


def use_threads(count: int) -> None:
    """Let torch and the compiled kernels use ``count`` threads; 0: no change."""
    if count <= 0:
        return
    import numba

    torch.set_num_threads(count)
    numba.set_num_threads(min(count, os.cpu_count() or 1))


def median_ms(work: Callable[[], object], repeats: int, *, warm_up: int = 3) -> float:
    """Median milliseconds of ``work``."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def draw_bars(path: Path, values: Mapping[str, float], title: str, caption: str) -> None:
    """A horizontal bar chart, as a PNG.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    from gsn_perception.io import atomic_write

    figure = Figure(figsize=(8, 1.2 + 0.35 * len(values)), layout="constrained")
    axes = figure.subplots()
    names = list(values)[::-1]
    bars = axes.barh(names, [values[n] for n in names], color="#4878a8")
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.set_title(title)
    axes.set_xlabel(caption, fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    with atomic_write(path) as partial:
        figure.savefig(partial, dpi=110, format="png")
