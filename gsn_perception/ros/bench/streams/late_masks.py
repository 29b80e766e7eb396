"""Benchmark: late masks and depth slower than colour with a real node: used masks, and results without a mask."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsn_perception.geometry import InputError
from gsn_perception.ros import interface
from gsn_perception.ros.bench.figure import Figure
from gsn_perception.ros.bench.lifecycle.transitions import ACTIVATE
from gsn_perception.ros.bench.lifecycle.transitions import DEACTIVATE
from gsn_perception.ros.bench.lifecycle.transitions import Transitions
from gsn_perception.ros.bench.streams.segmented_camera import LABEL
from gsn_perception.ros.processes.graph import NodeGraph

CAMERA = "gsn_perception.ros.bench.streams.segmented_camera"
_NODE = "reconstruction_node"
_ENOUGH = 95.0  # per cent
_REPORTS = 2.5  # seconds, two diagnostics messages


@dataclass(frozen=True, slots=True)
class Case:
    """A camera and a segmenter.

    Attributes:
        rate: Images a second.
        late: Seconds from an image to its mask; 0: no masks.
        every: Whether every image gets a mask; else the segmenter takes the newest image when it is free.
        depth_every: Depth is published with every n-th image.
        slop: ``sync_slop``, seconds; 0: the default.
        is_aimed: Whether the target of 95 per cent applies.
    """

    rate: float
    late: float
    every: bool = False
    depth_every: int = 1
    slop: float = 0.0
    is_aimed: bool = True

    @property
    def name(self) -> str:
        """Name of the figure."""
        words = [f"colour {self.rate:g} Hz"]
        if self.depth_every > 1:
            words.append(f"depth {self.rate / self.depth_every:g} Hz")
        if self.late:
            words.append(f"{'every mask' if self.every else 'masks, one at a time,'} {self.late:g} s late")
        if self.slop:
            words.append(f"sync_slop {self.slop:g}")
        return f"{', '.join(words)}: {'masks' if self.late else 'depth images'} used"


LATE = tuple(Case(rate, late) for rate in (5.0, 15.0, 30.0) for late in (0.2, 0.4, 1.0))
CASES = (
    *LATE,
    *(Case(30.0, late, every=True) for late in (0.2, 0.4, 1.0)),
    Case(30.0, 0.0, depth_every=2),
    Case(30.0, 0.4, depth_every=2, is_aimed=False),
    Case(30.0, 0.4, depth_every=2, slop=0.034),
)
FEW = (Case(30.0, 0.4),)


@dataclass(frozen=True, slots=True)
class Count:
    """Counts of one case.

    Attributes:
        due: Masks (or, without masks, depth images) published.
        joined: Frames that the node joined, reconstructed or superseded by a newer one.
        results: Published results.
        made_up: Results of an image or an object without a published mask.
    """

    due: int
    joined: int
    results: int
    made_up: int

    @classmethod
    def of(cls, seen: Mapping[str, Any], joined: int) -> Count:
        """From the output of the camera's process."""
        masks = seen["sent"].get("mask")
        due = set(seen["sent"]["depth"] if masks is None else masks)
        wrong = [stamp for stamp, labels in seen["results"] if stamp not in due or not is_masked(masks, labels)]
        return cls(len(due), joined, len(seen["results"]), len(wrong))


def is_masked(masks: Sequence[int] | None, labels: Sequence[int]) -> bool:
    """Whether the result holds only the masked object; without masks any object is allowed."""
    return masks is None or set(labels) <= {LABEL}


def measure_late(
    seconds: float, whole: bool, parameters: Mapping[str, object], logs: Path, domain: int
) -> list[Figure]:
    """The share of used masks in each case, and the number of results without a mask.

    Args:
        seconds: Duration of each case.
        whole: All :data:`CASES`; else one.
        parameters: Parameters of the node.
        logs: Folder of the processes' output.
        domain: DDS domain.

    Raises:
        InputError: a process failed.
    """
    cases = CASES if whole else FEW
    counts: dict[Case, Count] = {}
    for slop in sorted({case.slop for case in cases}):
        chosen = {**parameters, **({"sync_slop": slop} if slop else {})}
        place = logs / f"slop_{slop:g}"
        place.mkdir()
        with (
            NodeGraph({_NODE: chosen}, topics=(interface.RENDER,), logs=place, domain=domain) as graph,
            Transitions("/reconstruction", domain) as transitions,
        ):
            for case in (c for c in cases if c.slop == slop):
                counts[case] = _count(case, seconds, graph, transitions)
    return late_figures(counts)


def late_figures(counts: Mapping[Case, Count]) -> list[Figure]:
    """Figures of the cases."""
    shares = [
        Figure(
            case.name,
            100 * count.joined / count.due if count.due else float("nan"),
            "%",
            _ENOUGH if case.is_aimed else None,
            least=True,
        )
        for case, count in counts.items()
    ]
    return [
        *shares,
        Figure("answers", sum(count.results for count in counts.values()), "", 1, least=True),
        Figure("answers about images or objects without a mask", sum(c.made_up for c in counts.values()), "", 0),
    ]


def _count(case: Case, seconds: float, graph: NodeGraph, transitions: Transitions) -> Count:
    for transition in (DEACTIVATE, ACTIVATE):  # resets the state from the last case
        if not transitions.change(transition, 60):
            raise InputError(f"the node refused transition {transition}: {graph.report(_NODE)}")
    before = _joined(graph)
    words = ["--rate", str(case.rate), "--late", str(case.late), "--seconds", str(seconds)]
    words += ["--depth-every", str(case.depth_every), *(["--every"] if case.every else [])]
    camera = graph.run_once(CAMERA, words)
    if camera.wait(seconds + 240):
        raise InputError(f"the camera failed: {camera.last_line()}")
    return Count.of(json.loads(camera.last_line()), _joined(graph) - before)


def _joined(graph: NodeGraph) -> int:
    """Number of frames that reached the latest-value slot of the worker."""
    time.sleep(_REPORTS)
    report = graph.report(_NODE)
    names = ("frames.total", "dropped.overtaken", "dropped.bad_frame", "dropped.deactivated")
    return sum(int(report.get(name, 0)) for name in names)
