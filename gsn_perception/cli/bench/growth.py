"""`gsn bench growth`: times over the number of objects, candidates, triangles, grid cells and pixels, with exponents."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from typing import Literal

from gsn_perception.cli.bench.options import BenchOptions

if TYPE_CHECKING:
    from gsn_perception.evaluation.speed.growth.panels import Panel
    from gsn_perception.pipeline import Reconstructor

Part = Literal["objects", "candidates", "triangles", "resolution", "image"]


@dataclass(frozen=True, slots=True)
class GrowthOptions(BenchOptions):
    """How times grow with objects, candidates, triangles, resolution and image size: exponents, and a picture (--out)."""

    parts: tuple[Part, ...] = ("objects", "candidates", "triangles", "resolution", "image")
    """What grows."""
    checkpoint: str | None = None
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""
    device: str = "auto"
    """auto, cpu or cuda."""


def bench_growth(options: GrowthOptions) -> int:
    """Measure, print the machine and a table, write the requested files."""
    from gsn_perception.evaluation.reports.tables import check_writable
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.evaluation.speed.growth.growth import draw_growth
    from gsn_perception.evaluation.speed.growth.growth import growth_table
    from gsn_perception.evaluation.speed.growth.growth import measured
    from gsn_perception.evaluation.speed.growth.power_law import exponent
    from gsn_perception.evaluation.speed.timing import machine
    from gsn_perception.evaluation.speed.timing import use_threads
    from gsn_perception.pipeline import Reconstructor

    check_writable(options.json, options.out)
    use_threads(options.threads)
    here = machine()  # before the measurement: the load of other processes
    reconstructor = Reconstructor.from_pretrained(options.checkpoint, options.device)
    rounds = {"smoke": 1, "short": 3, "full": 9}[options.budget]
    found = measured(_panels(options, reconstructor), rounds, lambda text: print(text, file=sys.stderr, flush=True))
    print(f"{here.sentence}\n\n{growth_table(found)}")
    if options.json is not None:
        curves = {
            axis: [
                {
                    **asdict(curve),
                    "wall_exponent": asdict(exponent(curve.sizes, curve.wall)),
                    "cpu_exponent": asdict(exponent(curve.sizes, curve.cpu)),
                }
                for curve in some
            ]
            for axis, some in found.items()
        }
        write_json(options.json, {"machine": asdict(here), "options": asdict(options), "curves": curves})
    if options.out is not None:
        draw_growth(options.out, found, here.sentence)
    return 0


def _panels(options: GrowthOptions, reconstructor: Reconstructor) -> dict[str, Callable[[], Panel]]:
    from gsn_perception.evaluation.speed.growth import panels

    smoke, seed = options.budget == "smoke", options.seed
    makers: dict[Part, Callable[[], Panel]] = {
        "objects": partial(panels.objects_panel, reconstructor, (1, 2) if smoke else (1, 2, 3, 4, 6, 8), seed),
        "candidates": partial(
            panels.candidates_panel,
            reconstructor,
            (128, 512) if smoke else (128, 256, 512, 1024, 2048, 4096, 8192),
            seed,
        ),
        "triangles": partial(
            panels.triangles_panel, reconstructor, (5000, 10000) if smoke else (5000, 10000, 20000, 50000, 100000), seed
        ),
        "resolution": partial(
            panels.resolution_panel, reconstructor, (32, 48) if smoke else (32, 48, 64, 96, 128, 192), seed
        ),
        "image": partial(
            panels.image_panel, reconstructor, panels.IMAGE_SIZES[:2] if smoke else panels.IMAGE_SIZES, seed
        ),
    }
    return {part: makers[part] for part in dict.fromkeys(options.parts)}
