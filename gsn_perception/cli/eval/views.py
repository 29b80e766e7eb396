"""`gsn eval views`: the scale and the surface of objects from two views with known poses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from gsn_perception.cli.eval.options import ObjectOptions
from gsn_perception.cli.eval.options import load_objects
from gsn_perception.cli.eval.options import load_reconstructor
from gsn_perception.cli.eval.options import progress

if TYPE_CHECKING:
    from gsn_perception.evaluation.views.fused_scale import Frames
    from gsn_perception.geometry import Reconstruction
    from gsn_perception.geometry import Refusal
    from gsn_perception.gsn.sculpted import Sculpted
    from gsn_perception.pipeline import PosedView

COLUMNS = {
    "objects": ".0f",
    "median": ".2%",
    "q90": ".2%",
    "bias": "+.2%",
    "one_sigma": ".0%",
    "two_sigma": ".0%",
    "chamfer": ".4f",
    "f1": ".3f",
    "iou": ".3f",
    "refused": ".0%",
}


@dataclass(frozen=True, slots=True)
class ViewsOptions(ObjectOptions):
    """Scale from a camera that moves around an object on a table: error, share within one and two sigma, surfaces."""

    angles: tuple[float, ...] = (10.0, 30.0)
    """Angles between the rays of the two views to the object, degrees."""
    views: int = 1
    """Reference views per object."""
    surfaces: bool = False
    """Compare surfaces, too, of one and of two views, with colour and with depth."""


def run_views(options: ViewsOptions) -> tuple[str, dict[str, Any]]:
    """The table as text and all results."""
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.views.fused_scale import evaluate_fused_scale
    from gsn_perception.evaluation.views.fused_scale import scale_summary
    from gsn_perception.evaluation.views.view_pairs import pair_case
    from gsn_perception.pipeline import PosedView
    from gsn_perception.pipeline.fusion.fusing import fused_splats

    objects = load_objects(options)
    pipeline = load_reconstructor(options)

    def posed(frames: Frames) -> list[PosedView]:
        return [PosedView(*frame) for frame in frames]

    def splats(frames: Frames) -> list[Sculpted | Refusal]:
        return fused_splats(pipeline, posed(frames))[1]

    def fuse(frames: Frames) -> list[Reconstruction | Refusal]:
        return pipeline.fuse(posed(frames))

    made = (pair_case(item, options.angles, k, seed=options.seed) for item in objects for k in range(options.views))
    cases = progress(made, len(objects) * options.views, "two views")
    rows = evaluate_fused_scale(cases, splats, fuse if options.surfaces else None, seed=options.seed)
    summary = {name: scale_summary(entries) for name, entries in rows.items()}
    columns = {k: v for k, v in COLUMNS.items() if any(k in figures for figures in summary.values())}
    return table(list(summary.items()), columns, "two views"), {"summary": summary, "objects": rows}
