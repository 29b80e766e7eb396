"""`gsn eval scale`: error of the metric scale from one colour image and the support plane."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from gsn_perception.cli.eval.options import ObjectOptions
from gsn_perception.cli.eval.options import load_objects
from gsn_perception.cli.eval.options import load_reconstructor
from gsn_perception.cli.eval.options import progress

_SHAPES = ("box", "mid", "open", "unknown")
_BANDS = ((15.0, 25.0), (25.0, 35.0), (35.0, 45.0), (45.0, 55.0), (55.0, 65.0))
_SIGMAS = ((0.0, 0.02), (0.02, 0.03), (0.03, 0.05), (0.05, 1.0))
COLUMNS = {
    "views": ".0f",
    "median": ".1%",
    "error_90": ".1%",
    "median_mm": ".1f",
    "side": ".1%",
    "side_90": ".1%",
    "sigma": ".1%",
    "within_1": ".0%",
    "within_2": ".0%",
    "refused": ".1%",
}


@dataclass(frozen=True, slots=True)
class ScaleOptions(ObjectOptions):
    """The scale from one colour image and the support plane: learned, by the splat's lower end, and with a size hint."""

    views: int = 8
    """Views per object, 15 to 65 degrees above it, the camera rolled by up to 15 degrees."""
    plane_error: str | None = None
    """mm,deg: standard deviations of the plane's distance and direction (per axis); the pipeline is told them."""


def run_scale(options: ScaleOptions) -> tuple[str, dict[str, Any]]:
    """The table as text and all results."""
    from gsn_perception.cli.parse import parse_plane_error
    from gsn_perception.evaluation.robustness.plane_scales import evaluate_plane_scales
    from gsn_perception.evaluation.robustness.plane_scales import plane_cases

    error = parse_plane_error(options.plane_error)
    objects = load_objects(options)
    base = load_reconstructor(options)
    told = replace(base.settings, plane_offset_error=error[0], plane_tilt_error=error[1])
    learned = base.with_settings(replace(told, plane_scale="learned"))
    quantile = base.with_settings(replace(told, plane_scale="quantile"))
    cases = (case for item in objects for case in plane_cases(item, options.views, error, options.seed))
    rows = evaluate_plane_scales(
        progress(cases, len(objects) * options.views, "scales"),
        {"learned": learned.splats, "quantile": quantile.splats},
        {"learned, size hint": learned.splats, "quantile, size hint": quantile.splats},
    )
    text, shown = scale_table(rows)
    return text, {"summary": shown, "views": rows}


def scale_table(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[str, dict[str, dict[str, float]]]:
    """The table of rows by method, and its figures: all views, by shape class, elevation and stated standard deviation."""
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.robustness.plane_scales import scale_figures

    shown = {who: scale_figures(entries) for who, entries in rows.items()}
    for who in ("learned", "quantile"):
        groups = {s: [r for r in rows[who] if r["shape"] == s] for s in _SHAPES}
        groups |= {
            f"{low:.0f}-{high:.0f} deg": [r for r in rows[who] if low <= r["elevation"] < high] for low, high in _BANDS
        }
        groups |= {
            f"sigma {low:.0%}-{high:.0%}": [r for r in rows[who] if low <= r.get("sigma", -1.0) < high]
            for low, high in _SIGMAS
        }
        shown |= {f"{who} / {name}": scale_figures(g) for name, g in groups.items() if g}
    return table(list(shown.items()), COLUMNS, "scale from a plane"), shown
