"""`gsn bench surface`: compares MISE with dense marching cubes and measures the time of every mesh method."""

from __future__ import annotations

from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from gsn_perception.cli.bench.options import BenchOptions

if TYPE_CHECKING:
    from gsn_perception.evaluation.surfaces.single_views import Finder
    from gsn_perception.pipeline.settings import MeshMethod


@dataclass(frozen=True, slots=True)
class SurfaceBench(BenchOptions):
    """MISE compared with dense marching cubes on known shapes, and the time of every mesh method with weights."""

    checkpoint: str | None = None
    """Gaussian weights (.safetensors) or the name of shipped ones; by default the shipped weights."""


def bench_surface(options: SurfaceBench) -> tuple[str, str, dict[str, float], dict[str, Any]]:
    """Title, text, bars and results, in the same form as the other parts of `gsn bench`."""
    import statistics

    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.speed.extraction import SHAPES
    from gsn_perception.evaluation.speed.extraction import compare_mise
    from gsn_perception.evaluation.speed.extraction import time_methods
    from gsn_perception.evaluation.views.cases import on_table
    from gsn_perception.geometry import InputError
    from gsn_perception.geometry import Refusal
    from gsn_perception.pipeline import Reconstructor

    resolutions, repeats, objects = {"smoke": ((32,), 1, 1), "short": ((128,), 2, 3), "full": ((128, 256), 3, 5)}[
        options.budget
    ]
    found = {
        f"{name}, {resolution}": compare_mise(distance, resolution, seeded=seeded, repeats=repeats)
        for resolution in resolutions
        for name, (distance, seeded) in SHAPES.items()
    }
    pipeline = Reconstructor.from_pretrained(options.checkpoint, "cpu")
    methods: tuple[MeshMethod, ...] = ("gaussians", "onet", "convonet", "peif")
    finders: dict[str, Finder] = {
        m: pipeline.with_settings(replace(pipeline.settings, mesh_method=m)).mesh_of for m in methods
    }
    runs = []
    for number in range(objects):
        frame = on_table(options.seed + number)
        (item, *_) = pipeline.splats(frame)
        if isinstance(item, Refusal):
            raise InputError(f"nothing to time, the object was refused: {item.reason}; choose another --seed")
        runs.append(time_methods(finders, frame, item, repeats))
    times = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    columns = {"share": ".1%", "same": "", "ratio": ".1f", "ms": ".0f"}
    text = "\n\n".join(
        [
            table([(k, asdict(v)) for k, v in found.items()], columns, "MISE against dense marching cubes"),
            table([(k, {"ms": v}) for k, v in times.items()], {"ms": ".0f"}, f"splat to mesh, {objects} objects"),
        ]
    )
    figures = {"mise": {k: asdict(v) for k, v in found.items()}, "median_ms": times, "objects": objects}
    return "splat to mesh", text, times, figures
