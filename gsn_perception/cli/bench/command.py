"""`gsn bench`: measures speed of the network (gsn), rasteriser (raster), whole chain (chain), grasps (grasp), nodes (ros).

`compare` holds this source tree against a commit, `growth` fits how times grow. `surface` compares MISE with dense marching
cubes and times the mesh methods; `peif` measures the time of the PEIF field per 10,000 queries and its equivariance error.
`soak` runs both nodes for minutes with a simulated camera, `fuzz` sends them malformed messages.
"""

from __future__ import annotations

from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import tyro

from gsn_perception.cli.bench.compare import CompareOptions
from gsn_perception.cli.bench.compare import bench_compare
from gsn_perception.cli.bench.growth import GrowthOptions
from gsn_perception.cli.bench.growth import bench_growth
from gsn_perception.cli.bench.options import BenchOptions
from gsn_perception.cli.bench.peif import PeifBench
from gsn_perception.cli.bench.peif import bench_peif
from gsn_perception.cli.bench.ros import FuzzOptions
from gsn_perception.cli.bench.ros import RosBench
from gsn_perception.cli.bench.ros import RosOptions
from gsn_perception.cli.bench.ros import SoakOptions
from gsn_perception.cli.bench.surface import SurfaceBench
from gsn_perception.cli.bench.surface import bench_surface
from gsn_perception.engines.names import EngineName
from gsn_perception.engines.names import PrecisionName

if TYPE_CHECKING:
    from gsn_perception.geometry import Observation


@dataclass(frozen=True, slots=True)
class GsnOptions(BenchOptions):
    """Image to Gaussians, batch 1, time per stage: median of 100."""

    checkpoint: str | None = None
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""
    device: str = "auto"
    """auto, cpu or cuda."""
    engine: EngineName = "auto"
    """Library that runs the network: auto takes openvino on the CPU if it is installed, else torch."""
    precision: PrecisionName = "float32"
    """Arithmetic of the network; bfloat16 is faster and needs hardware that has it."""


@dataclass(frozen=True, slots=True)
class RasterOptions(BenchOptions):
    """The rasteriser, forward and forward with backward, compared with the dense torch reference."""

    batch: int = 4
    """Number of splats per call."""
    views: int = 4
    """Views per splat."""


@dataclass(frozen=True, slots=True)
class ChainOptions(BenchOptions):
    """Image to grasps, time per stage: median of 20."""

    checkpoint: str | None = None
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""
    device: str = "auto"
    """auto, cpu or cuda."""
    frame: Path | None = None
    """A real frame's folder (color.png, depth.png, mask.png, camera.json); by default a generated object."""


@dataclass(frozen=True, slots=True)
class GraspOptions(BenchOptions):
    """Mesh to grasps on reconstructions of generated objects on their support plane: median of 20."""

    lattice: bool = True
    """Sample lines through the object first; without it, at least 512 random points."""
    gripper: str = "panda"
    """Name of a shipped gripper, or a YAML file of the same format."""
    checkpoint: str | None = None
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""


Options = (
    Annotated[GsnOptions, tyro.conf.subcommand("gsn")]
    | Annotated[RasterOptions, tyro.conf.subcommand("raster")]
    | Annotated[ChainOptions, tyro.conf.subcommand("chain")]
    | Annotated[GraspOptions, tyro.conf.subcommand("grasp")]
    | Annotated[CompareOptions, tyro.conf.subcommand("compare")]
    | Annotated[GrowthOptions, tyro.conf.subcommand("growth")]
    | Annotated[PeifBench, tyro.conf.subcommand("peif")]
    | Annotated[SurfaceBench, tyro.conf.subcommand("surface")]
    | RosBench
)


def run(
    options: GsnOptions
    | RasterOptions
    | ChainOptions
    | GraspOptions
    | CompareOptions
    | GrowthOptions
    | PeifBench
    | SurfaceBench
    | RosOptions
    | SoakOptions
    | FuzzOptions,
) -> int:
    """Measure, print the machine and a table, write the requested files."""
    if isinstance(options, RosOptions | SoakOptions | FuzzOptions):
        return _nodes(options)
    if isinstance(options, CompareOptions):
        return bench_compare(options)
    if isinstance(options, GrowthOptions):
        return bench_growth(options)
    from gsn_perception.evaluation.reports.tables import check_writable
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.evaluation.speed.timing import draw_bars
    from gsn_perception.evaluation.speed.timing import machine
    from gsn_perception.evaluation.speed.timing import use_threads

    check_writable(options.json, options.out)
    use_threads(options.threads)
    if isinstance(options, GsnOptions):
        title, text, bars, figures = _gsn(options)
    elif isinstance(options, RasterOptions):
        title, text, bars, figures = _raster(options)
    elif isinstance(options, ChainOptions):
        title, text, bars, figures = _chain(options)
    elif isinstance(options, PeifBench):
        title, text, bars, figures = bench_peif(options)
    elif isinstance(options, SurfaceBench):
        title, text, bars, figures = bench_surface(options)
    else:
        title, text, bars, figures = _grasp(options)
    here = machine()
    print(f"{here.sentence}\n\n{text}")
    if options.json is not None:
        write_json(options.json, {"machine": asdict(here), "options": asdict(options), **figures})
    if options.out is not None:
        draw_bars(options.out, bars, f"{title}, ms (median)", here.sentence)
    return 0


def _nodes(options: RosOptions | SoakOptions | FuzzOptions) -> int:
    from gsn_perception.cli.bench.ros import run_ros
    from gsn_perception.evaluation.reports.tables import check_writable
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.evaluation.speed.timing import machine

    check_writable(options.json, getattr(options, "out", None))
    here = machine()  # before the measurement: the load of other processes
    text, figures = run_ros(options)
    print(f"{here.sentence}\n\n{text}")
    if options.json is not None:
        write_json(options.json, {"machine": asdict(here), "options": asdict(options), **figures})
    return 0


_Answer = tuple[str, str, dict[str, float], dict[str, Any]]


def _gsn(options: GsnOptions) -> _Answer:
    from gsn_perception.evaluation.speed.chain import time_gsn
    from gsn_perception.pipeline import Reconstructor
    from gsn_perception.pipeline import ReconstructorSettings

    settings = ReconstructorSettings(engine=options.engine, precision=options.precision)
    reconstructor = Reconstructor.from_pretrained(options.checkpoint, options.device, settings)
    repeats = {"smoke": 5, "short": 33, "full": 100}[options.budget]
    times = time_gsn(reconstructor, _sample(options.seed), repeats)
    facts = reconstructor.describe()
    engine = f"{facts['engine']} {facts['precision']}"
    figures = {
        "repeats": repeats,
        "gaussians": reconstructor.network.config.count,
        "engine": engine,
        "median_ms": times,
    }
    return "image to Gaussians", _text(times, f"batch 1, {engine}, median of {repeats}"), times, figures


def _chain(options: ChainOptions) -> _Answer:
    from gsn_perception.evaluation.speed.chain import time_chain
    from gsn_perception.evaluation.surfaces.real_frames import read_frame
    from gsn_perception.pipeline import Reconstructor

    reconstructor = Reconstructor.from_pretrained(options.checkpoint, options.device)
    observation = _sample(options.seed) if options.frame is None else read_frame(options.frame)
    repeats = {"smoke": 2, "short": 7, "full": 20}[options.budget]
    times, grasps = time_chain(reconstructor, observation, repeats)
    figures = {"repeats": repeats, "grasps": grasps, "median_ms": times}
    return "image to grasps", _text(times, f"one object, {grasps} grasps, median of {repeats}"), times, figures


def _grasp(options: GraspOptions) -> _Answer:
    from gsn_perception.cli.parse import choose_gripper
    from gsn_perception.evaluation.speed.chain import time_planner
    from gsn_perception.evaluation.views.cases import on_table
    from gsn_perception.grasping import GraspPlanner
    from gsn_perception.grasping import PlannerSettings
    from gsn_perception.pipeline import Reconstructor

    reconstructor = Reconstructor.from_pretrained(options.checkpoint, "cpu")
    count, repeats = {"smoke": (2, 2), "short": (6, 7), "full": (12, 20)}[options.budget]
    settings = PlannerSettings() if options.lattice else PlannerSettings(lattice_approaches=0)
    planner = GraspPlanner(choose_gripper(options.gripper), settings)
    observations = [on_table(options.seed + number) for number in range(count)]
    times = time_planner(reconstructor, planner, observations, repeats)
    first = "lattice first, " if options.lattice else ""
    title = f"{first}{settings.num_candidates} candidates a round, median of {repeats}"
    return "mesh to grasps", _text(times, title), times, {"repeats": repeats, "median_ms": times}


def _raster(options: RasterOptions) -> _Answer:
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.rendering.bench import bench_rasteriser

    repeats = {"smoke": 1, "short": 3, "full": 9}[options.budget]
    sizes = ((1024, 64),) if options.budget == "smoke" else ((1024, 64), (2048, 64), (4096, 64), (4096, 128))
    rows = bench_rasteriser(sizes, batch=options.batch, views=options.views, repeats=repeats, seed=options.seed)
    named = {f"{r.backend}, {r.gaussians} at {r.pixels} px": r for r in rows}
    columns = {"forward": ".2f", "forward + backward": ".2f"}
    lines = [(k, {"forward": r.forward_ms, "forward + backward": r.forward_backward_ms}) for k, r in named.items()]
    text = table(lines, columns, f"ms per view, batch {options.batch} x {options.views} views")
    bars = {f"{k}, {what}": f[what] for k, f in lines for what in columns}
    return "rasteriser, per view", text, bars, {"repeats": repeats, "rows": [asdict(r) for r in rows]}


def _sample(seed: int) -> Observation:
    """A generated object seen by an RGB-D camera."""
    from gsn_perception.evaluation.views.cases import surface_case
    from gsn_perception.evaluation.views.protocol import Protocol
    from gsn_perception.scenes.objects import random_object

    return surface_case(random_object(seed, "mug").scaled(0.5), Protocol(seed=seed)).observation


def _text(times: dict[str, float], title: str) -> str:
    from gsn_perception.evaluation.reports.tables import table

    return table([(stage, {"ms": value}) for stage, value in times.items()], {"ms": ".2f"}, title)
