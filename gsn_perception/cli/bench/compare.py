"""`gsn bench compare --against REV`: holds this source tree against a commit, in the same run on the same machine."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

if TYPE_CHECKING:
    from gsn_perception.evaluation.speed.compare.trees import Tree

FigureName = Literal[
    "mesh",
    "grasps",
    "object",
    "gaussians",
    "scene",
    "reconstruct",
    "start",
    "cold_start",
    "pipeline_memory",
    "planner_memory",
    "nodes",
    "nodes_memory",
]
_FIGURES: tuple[FigureName, ...] = FigureName.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """This source tree held against a commit: ratios of wall and CPU time and of memory, taken in turn, medians."""

    against: str
    """The commit to compare with: any name git knows."""
    rev: str = ""
    """The commit to compare; empty: the files of the working tree as they are."""
    figures: tuple[FigureName, ...] = ()
    """What to measure; by default everything but cold_start, the nodes where ROS is installed."""
    rounds: int = 5
    """Rounds; each starts new processes."""
    calls: int = 6
    """Pairs of calls in a round."""
    repeats: int = 30
    """Objects that a process works on before its memory is read."""
    seconds: float = 60.0
    """Seconds that the nodes work before their memory is read."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs."""
    seed: int = 0
    """Seed of the test data."""
    cache: Path | None = None
    """Folder for checkouts and compiled kernels; by default gsn_perception/compare in the user's cache folder."""
    json: Path | None = None
    """Write all results to this file."""


def bench_compare(options: CompareOptions) -> int:
    """Measure, print the machine and a table, write the requested file."""
    from gsn_perception.evaluation.reports.tables import check_writable
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.evaluation.speed.compare.comparison import CALLS
    from gsn_perception.evaluation.speed.compare.comparison import LONG_NAMES
    from gsn_perception.evaluation.speed.compare.comparison import PROCESSES
    from gsn_perception.evaluation.speed.compare.comparison import Comparison
    from gsn_perception.evaluation.speed.compare.comparison import Plan
    from gsn_perception.evaluation.speed.compare.inputs import write_inputs
    from gsn_perception.evaluation.speed.compare.pairs import ratio_table
    from gsn_perception.evaluation.speed.timing import machine

    figures = _chosen(options)
    check_writable(options.json)
    trees = _trees(options)
    here = machine()  # before the measurement: the load of other processes
    with tempfile.TemporaryDirectory(prefix="gsn_compare_") as folder:
        inputs, logs = Path(folder) / "inputs", Path(folder) / "logs"
        inputs.mkdir()
        logs.mkdir()
        _say("making the inputs")
        scene = write_inputs(inputs, options.seed)
        plan = Plan(options.rounds, options.calls, options.repeats, options.device)
        comparison = Comparison(trees, inputs, logs, plan, _say)
        calls, processes = [f for f in CALLS if f in figures], [f for f in PROCESSES if f in figures]
        if calls or processes:
            comparison.run(calls, processes)
        if "nodes" in figures or "nodes_memory" in figures:
            from gsn_perception.ros.bench.compared_nodes import NodesComparison

            nodes = NodesComparison(trees, scene, logs, comparison.samples, plan, _say)
            nodes.run(latency="nodes" in figures, seconds=options.seconds if "nodes_memory" in figures else 0.0)
    ratios = comparison.samples.ratios()
    named = {LONG_NAMES.get(figure, figure): found for figure, found in ratios.items()}
    print(f"{here.sentence}\n\n{ratio_table(named, trees[0].name, trees[1].name)}")
    if options.json is not None:
        rows = {f: {q: asdict(r) for q, r in found.items()} for f, found in ratios.items()}
        names = {"before": trees[0].name, "after": trees[1].name}
        write_json(options.json, {"machine": asdict(here), "options": asdict(options), **names, "figures": rows})
    return 0


def _trees(options: CompareOptions) -> tuple[Tree, Tree]:
    from gsn_perception.evaluation.speed.compare.trees import checked_out
    from gsn_perception.evaluation.speed.compare.trees import default_cache
    from gsn_perception.evaluation.speed.compare.trees import repository
    from gsn_perception.evaluation.speed.compare.trees import working_tree

    root, cache = repository(), (options.cache or default_cache()).resolve()
    before = checked_out(root, options.against, cache)
    return before, checked_out(root, options.rev, cache) if options.rev else working_tree(root, cache)


def _chosen(options: CompareOptions) -> Sequence[FigureName]:
    from gsn_perception.geometry import InputError

    for name in ("rounds", "calls", "repeats", "seconds"):
        if not getattr(options, name) > 0:
            raise InputError(f"--{name} is {getattr(options, name)}; give a value above 0")
    ros = importlib.util.find_spec("rclpy") is not None
    nodes = ("nodes", "nodes_memory")
    if not ros and set(nodes) & set(options.figures):
        raise InputError("the figures of the nodes need ROS 2 (rclpy), which is not installed; choose other --figures")
    return options.figures or [name for name in _FIGURES if name != "cold_start" and (ros or name not in nodes)]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
