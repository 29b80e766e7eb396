"""`gsn eval table`: meshes of objects that stand on a table, under steep cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from gsn_perception.cli.eval.options import ObjectOptions
from gsn_perception.cli.eval.options import load_objects
from gsn_perception.cli.eval.options import load_reconstructor
from gsn_perception.cli.eval.options import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gsn_perception.evaluation.surfaces.table_views import TableCase

_SAMPLES = {"smoke": 5_000, "short": 20_000, "full": 50_000}
COLUMNS = {
    "objects": ".0f",
    "on_table": ".0%",
    "lowest_mm": ".1f",
    "volume_factor": ".2f",
    "chamfer": ".3f",
    "f1": ".3f",
    "iou": ".3f",
    "watertight": ".0%",
    "strict": ".0%",
    "refused": ".0%",
    "remarked": ".1%",
    "seconds": ".2f",
}


@dataclass(frozen=True, slots=True)
class TableOptions(ObjectOptions):
    """Meshes on a table: lower end, volume and distance to ground truth, compared with the hull of the measured points."""

    elevations: tuple[float, ...] = (50.0, 75.0, 88.0)
    """Elevation angles of the camera above the table, degrees."""


def run_table(options: TableOptions) -> tuple[str, dict[str, Any]]:
    """The table as text and all results."""
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.surfaces.table_views import evaluate_table
    from gsn_perception.evaluation.surfaces.table_views import summaries
    from gsn_perception.evaluation.surfaces.table_views import table_case

    objects = load_objects(options)
    pipeline = load_reconstructor(options)

    def cases() -> Iterator[TableCase]:
        for item in objects:
            for elevation in options.elevations:
                yield table_case(item, elevation, seed=options.seed)

    total = len(objects) * len(options.elevations)
    samples = _SAMPLES[options.budget]
    rows = evaluate_table(progress(cases(), total, "on a table"), pipeline, seed=options.seed, samples=samples)
    summary = {who: summaries(entries) for who, entries in rows.items()}
    names = list(dict.fromkeys(name for groups in summary.values() for name in groups))
    lines = [(f"{who} / {name}", groups[name]) for name in names for who, groups in summary.items() if name in groups]
    text = table(lines, COLUMNS, "on a table, RGB-D")
    return text, {"summary": summary, "objects": rows, "samples": samples}
