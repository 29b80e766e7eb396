"""`gsn bench ros | soak | fuzz`: overhead, endurance and robustness of the nodes, with real processes over DDS."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any
from typing import Literal

import tyro

from gsn_perception.cli.eval.options import Budget

if TYPE_CHECKING:
    from gsn_perception.ros.bench.figure import Figure

Part = Literal["overhead", "transport", "publish", "restart", "activations", "late", "tf", "scene"]
Answer = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RosOptions:
    """ROS nodes: overhead, transport with and without the DDS profile, publishing, restart, activations, late masks, TF."""

    parts: tuple[Part, ...] = ("overhead", "transport", "publish", "restart")
    """Parts to run; activations, late and tf take many minutes and must be named; tf needs tf2_ros; scene: three objects
    from the image to the grasps, stage by stage."""
    sources: tuple[Path, ...] = ()
    """Folders of other source trees whose nodes the part scene measures in turn with these."""
    budget: Budget = "full"
    """Number of repeats: smoke a few, short a third, full all."""
    checkpoint: str = ""
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""
    device: str = "auto"
    """auto, cpu or cuda."""
    json: Path | None = None
    """Write all results to this file."""


@dataclass(frozen=True, slots=True)
class SoakOptions:
    """Both nodes for minutes with a 30 Hz RGB-D camera: memory, latency, drops by reason, exceptions."""

    minutes: float = 10.0
    """Duration; memory is measured after minute 2, in shorter runs after the first fifth."""
    checkpoint: str = ""
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""
    device: str = "auto"
    """auto, cpu or cuda."""
    json: Path | None = None
    """Write all results to this file."""
    out: Path | None = None
    """Write the curves to this PNG."""


@dataclass(frozen=True, slots=True)
class FuzzOptions:
    """Malformed messages sent through the code of the callbacks: crashes, hangs, memory, refusals."""

    cases: int = 20_000
    """Number of messages."""
    seed: int = 0
    """Seed of the messages."""
    json: Path | None = None
    """Write all results to this file."""


RosBench = (
    Annotated[RosOptions, tyro.conf.subcommand("ros")]
    | Annotated[SoakOptions, tyro.conf.subcommand("soak")]
    | Annotated[FuzzOptions, tyro.conf.subcommand("fuzz")]
)


def run_ros(options: RosOptions | SoakOptions | FuzzOptions) -> Answer:
    """The text to print and the results to write."""
    from gsn_perception.geometry import InputError

    if isinstance(options, FuzzOptions):
        return _fuzz(options)
    if isinstance(options, SoakOptions) and not options.minutes > 0:
        raise InputError("--minutes must be above 0")
    with tempfile.TemporaryDirectory(prefix="gsn_bench_") as folder:
        return _soak(options, Path(folder)) if isinstance(options, SoakOptions) else _ros(options, Path(folder))


def _ros(options: RosOptions, logs: Path) -> Answer:
    from gsn_perception.ros.bench.figure import as_dicts
    from gsn_perception.ros.bench.figure import figure_table

    texts: list[str] = []
    figures: dict[str, Any] = {}
    for part in options.parts:
        place = logs / part
        place.mkdir()
        found = _PARTS[part](options, place)
        texts.append(figure_table(found, part))
        figures[part] = as_dicts(found)
    return "\n\n".join(texts), figures


def _overhead(options: RosOptions, logs: Path) -> list[Figure]:
    from gsn_perception.ros.bench.figure import own_domain
    from gsn_perception.ros.bench.overhead import measure_overhead

    frames = {"smoke": 3, "short": 20, "full": 60}[options.budget]
    return measure_overhead(frames, _parameters(options), logs, own_domain())


def _transport(options: RosOptions, logs: Path) -> list[Figure]:
    from gsn_perception.ros.bench.figure import own_domain
    from gsn_perception.ros.bench.streams.transport import measure_transport

    return measure_transport({"smoke": 30, "short": 200, "full": 600}[options.budget], logs, own_domain())


def _publish(options: RosOptions, logs: Path) -> list[Figure]:
    from gsn_perception.ros.bench.figure import own_domain
    from gsn_perception.ros.bench.publishing import measure_publishing

    return measure_publishing({"smoke": 3, "short": 10, "full": 30}[options.budget], own_domain())


def _restart(options: RosOptions, logs: Path) -> list[Figure]:
    from gsn_perception.ros.bench.figure import own_domain
    from gsn_perception.ros.bench.lifecycle.restart import measure_restart

    times = {"smoke": 1, "short": 1, "full": 3}[options.budget]
    return measure_restart(times, _parameters(options), logs, own_domain())


def _activations(options: RosOptions, logs: Path) -> list[Figure]:
    from gsn_perception.ros.bench.figure import own_domain
    from gsn_perception.ros.bench.lifecycle.activations import measure_activations

    times = {"smoke": 10, "short": 100, "full": 1000}[options.budget]
    return measure_activations(times, _parameters(options), logs, own_domain())


def _late(options: RosOptions, logs: Path) -> list[Figure]:
    from gsn_perception.ros.bench.figure import own_domain
    from gsn_perception.ros.bench.streams.late_masks import measure_late

    seconds = {"smoke": 4.0, "short": 10.0, "full": 25.0}[options.budget]
    return measure_late(seconds, options.budget != "smoke", _parameters(options), logs, own_domain())


def _busy_tf(options: RosOptions, logs: Path) -> list[Figure]:
    from gsn_perception.ros.bench.figure import own_domain
    from gsn_perception.ros.bench.streams.busy_tf import measure_busy_tf

    rounds, seconds = {"smoke": (1, 4.0), "short": (2, 10.0), "full": (4, 15.0)}[options.budget]
    return measure_busy_tf(rounds, seconds, _parameters(options), logs, own_domain())


def _scene(options: RosOptions, logs: Path) -> list[Figure]:
    from gsn_perception.ros.bench.figure import own_domain
    from gsn_perception.ros.bench.scene import measure_scene

    frames = {"smoke": 2, "short": 8, "full": 24}[options.budget]
    return measure_scene(frames, options.sources, _parameters(options), logs, own_domain())


_PARTS: dict[Part, Callable[[RosOptions, Path], list[Figure]]] = {
    "overhead": _overhead,
    "transport": _transport,
    "publish": _publish,
    "restart": _restart,
    "activations": _activations,
    "late": _late,
    "tf": _busy_tf,
    "scene": _scene,
}


def _soak(options: SoakOptions, logs: Path) -> Answer:
    from gsn_perception.evaluation.speed.timing import machine
    from gsn_perception.ros.bench.figure import as_dicts
    from gsn_perception.ros.bench.figure import figure_table
    from gsn_perception.ros.bench.figure import own_domain
    from gsn_perception.ros.bench.soak import soak
    from gsn_perception.ros.bench.soak import soak_figures
    from gsn_perception.ros.bench.soak_picture import draw_soak

    found = soak(60 * options.minutes, _parameters(options), logs, own_domain())
    figures = soak_figures(found)
    if options.out is not None:
        draw_soak(options.out, found, machine().sentence)
    text = figure_table(figures, f"soak of {options.minutes:g} min")
    return "\n".join([text, *found.complaints[:20]]), {"soak": as_dicts(figures), "complaints": list(found.complaints)}


def _fuzz(options: FuzzOptions) -> Answer:
    from gsn_perception.ros.bench.figure import as_dicts
    from gsn_perception.ros.bench.fuzzing.fuzz import fuzz
    from gsn_perception.ros.bench.fuzzing.fuzz import fuzz_figures
    from gsn_perception.ros.bench.fuzzing.fuzz import fuzz_text

    found = fuzz(options.cases, options.seed, progress=True)
    return fuzz_text(found), {"fuzz": as_dicts(fuzz_figures(found)), "refusals": found.refusals}


def _parameters(options: RosOptions | SoakOptions) -> dict[str, object]:
    chosen = {"checkpoint": options.checkpoint, "device": options.device}
    return {name: value for name, value in chosen.items() if value}
