"""Takes the figures of two trees in turn: A B, B A, A B, ... in separate processes, with warm caches."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Literal
from typing import TypeVar

from gsn_perception.evaluation.speed.compare.inputs import OBJECTS
from gsn_perception.evaluation.speed.compare.pairs import Ratio
from gsn_perception.evaluation.speed.compare.pairs import compared
from gsn_perception.evaluation.speed.compare.processes import Worker
from gsn_perception.evaluation.speed.compare.processes import timed_command
from gsn_perception.evaluation.speed.compare.trees import Tree

CallFigure = Literal["mesh", "grasps", "object", "gaussians", "scene"]
ProcessFigure = Literal["reconstruct", "start", "cold_start", "pipeline_memory", "planner_memory"]
LONG_NAMES = {
    "mesh": "mesh from splat and depth",
    "grasps": "grasps on a mesh, 512 candidates",
    "object": "image -> grasps, one object",
    "gaussians": "image -> Gaussians, batch 1",
    "scene": "image -> grasps, three objects",
    "reconstruct": "gsn reconstruct, whole process",
    "start": "process start to first grasps",
    "cold_start": "process start to first grasps, no compiled kernels",
    "pipeline_memory": "memory of the pipeline",
    "planner_memory": "memory of the planner alone",
}
CALLS: tuple[CallFigure, ...] = ("mesh", "grasps", "object", "gaussians", "scene")
PROCESSES: tuple[ProcessFigure, ...] = ("reconstruct", "start", "cold_start", "pipeline_memory", "planner_memory")
Progress = Callable[[str], None]
_MB = 1e6
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: Rounds; every round starts new processes.
        calls: Pairs of calls per round, of the figures that are calls.
        repeats: Objects that a process works on before its memory is read.
        device: Of the network: auto, cpu or cuda.
    """

    rounds: int
    calls: int
    repeats: int
    device: str = "auto"


class Samples:
    """Samples of both trees by figure and quantity."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, tuple[list[float], list[float]]]] = defaultdict(
            lambda: defaultdict(lambda: ([], []))
        )

    def add(self, figure: str, side: int, **values: float) -> None:
        """Add values of the first (0) or second (1) tree; quantities end with their unit, ``wall_s`` or ``peak_MB``."""
        for name, value in values.items():
            self._found[figure][name.replace("_", " ")][side].append(value)

    def ratios(self) -> dict[str, dict[str, Ratio]]:
        """Figure to quantity to ratio, for the quantities that both trees have."""
        return {
            figure: {name: compared(*both) for name, both in quantities.items() if all(both)}
            for figure, quantities in self._found.items()
        }


def in_turn(both: Sequence[T], number: int) -> Iterable[tuple[int, T]]:
    """Both with their sides, in an order that changes with every number, so that a drift favours neither."""
    pairs = list(enumerate(both))
    return pairs if number % 2 == 0 else reversed(pairs)


class Comparison:
    """Figures of two trees.

    Args:
        trees: The earlier one and the later one.
        inputs: Folder made by :func:`~gsn_perception.evaluation.speed.compare.inputs.write_inputs`.
        logs: Folder for the output of the processes.
        plan: How much is measured.
        progress: Called with a sentence before every step.
    """

    def __init__(self, trees: tuple[Tree, Tree], inputs: Path, logs: Path, plan: Plan, progress: Progress) -> None:
        self._trees, self._inputs, self._logs, self._plan, self._progress = trees, inputs, logs, plan, progress
        self.samples = Samples()

    def run(self, calls: Sequence[CallFigure], processes: Sequence[ProcessFigure]) -> None:
        """Measure; both trees' caches are filled first, by one discarded run.

        Raises:
            InputError: a tree cannot run a figure.
        """
        self._warm_up(calls, processes)
        for number in range(self._plan.rounds):
            name = f"round {number + 1} of {self._plan.rounds}"
            if calls:
                self._calls(calls, number, name)
            for figure in processes:
                self._progress(f"{name}: {LONG_NAMES[figure]}")
                for side, tree in in_turn(self._trees, number):
                    self.samples.add(figure, side, **self._process(figure, tree, self._plan.repeats))

    def _warm_up(self, calls: Sequence[CallFigure], processes: Sequence[ProcessFigure]) -> None:
        """Write the meshes to plan on, by the later tree, and run everything once, so that all kernels are compiled."""
        for side, tree in reversed(list(enumerate(self._trees))):
            self._progress(f"warm-up of {tree.name}, not counted")
            with self._worker(tree) as worker:
                if side == 1 and {"grasps", "planner_memory"} & {*calls, *processes}:
                    for index in range(OBJECTS):
                        worker.ask("save mesh", index=index, path=str(self._inputs / f"mesh_{index}.npz"))
                for figure in calls:
                    self._discard(worker, figure)
            for process in processes:
                if process != "cold_start":
                    self._process(process, tree, 1)

    def _calls(self, figures: Sequence[CallFigure], number: int, name: str) -> None:
        """Pairs of calls in two processes that take turns; while one works, the other waits for its next request."""
        first, second = self._trees
        with self._worker(first) as before, self._worker(second) as after:
            workers = (before, after)
            for figure in figures:
                self._progress(f"{name}: {LONG_NAMES[figure]}")
                for worker in workers:
                    self._discard(worker, figure)
                for call in range(self._plan.calls):
                    index = call % _inputs_of(figure)
                    for side, worker in in_turn(workers, number + call):
                        found = worker.ask(figure, index=index)
                        self.samples.add(figure, side, wall_s=found["wall"], CPU_s=found["cpu"])

    def _discard(self, worker: Worker, figure: CallFigure) -> None:
        for index in range(_inputs_of(figure)):
            worker.ask(figure, index=index)

    def _process(self, figure: ProcessFigure, tree: Tree, repeats: int) -> dict[str, float]:
        return {
            "reconstruct": self._reconstruct,
            "start": self._start,
            "cold_start": self._cold_start,
            "pipeline_memory": lambda tree: self._memory(tree, "object", repeats),
            "planner_memory": lambda tree: self._memory(tree, "grasps", repeats),
        }[figure](tree)

    def _reconstruct(self, tree: Tree) -> dict[str, float]:
        files, out = self._inputs / "files", self._logs / "reconstructed"
        words = ["reconstruct", "--out", str(out), "--image", str(files / "color.png"), "--device", self._plan.device]
        words += ["--camera", str(files / "camera.json"), "--mask", str(files / "mask.png")]
        words += ["--depth", str(files / "depth.png")]
        spent = timed_command(tree, "gsn_perception.cli.main", words, self._logs / f"{tree.name}_reconstruct.txt")
        shutil.rmtree(out, ignore_errors=True)
        return {"wall_s": spent.wall, "CPU_s": spent.cpu}

    def _start(self, tree: Tree) -> dict[str, float]:
        with self._worker(tree) as worker:
            found = worker.ask("object", index=0)
            return {"wall_s": time.perf_counter() - worker.began, "CPU_s": found["process_cpu"]}

    def _cold_start(self, tree: Tree) -> dict[str, float]:
        with tempfile.TemporaryDirectory(dir=self._logs) as empty:
            return self._start(replace(tree, cache=Path(empty)))

    def _memory(self, tree: Tree, figure: CallFigure, repeats: int) -> dict[str, float]:
        with self._worker(tree) as worker:
            for repeat in range(repeats):
                worker.ask(figure, index=repeat % _inputs_of(figure))
            found = worker.ask("memory")
            return {"settled_MB": found["settled"] / _MB, "peak_MB": found["peak"] / _MB}

    def _worker(self, tree: Tree) -> Worker:
        return Worker(tree, self._inputs, self._plan.device, self._logs / f"{tree.name}_worker.txt")


def _inputs_of(figure: CallFigure) -> int:
    return 1 if figure == "scene" else OBJECTS
