"""`gsn eval robust`: evaluates camera roll, occlusion, hue, depth, confidence, size hints and watertight meshes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

from gsn_perception.cli.eval.options import ObjectOptions
from gsn_perception.cli.eval.options import load_objects
from gsn_perception.cli.eval.options import load_reconstructor
from gsn_perception.cli.eval.options import progress

if TYPE_CHECKING:
    from gsn_perception.pipeline import Reconstructor

Mode = Literal["auto", "moments", "off", "quarters"]
Part = Literal["roll", "occlusion", "hue", "depth", "confidence", "size", "closed"]
_SHAPES = ("box", "mid", "open", "unknown")


@dataclass(frozen=True, slots=True)
class RobustOptions(ObjectOptions):
    """Rolled cameras, occluders, colours, measured depth, confidence, size hints, strictly closed meshes."""

    parts: tuple[Part, ...] = ("roll", "occlusion", "hue", "depth", "confidence", "size")
    """Parts to measure; closed (Open3D's strict check of every mesh) must be named."""
    modes: tuple[Mode, ...] = ("auto", "moments", "off", "quarters")
    """Roll: the pipeline's setting `upright`, auto with the given support plane; quarters averages the splats of all
    quarter turns of the unrolled input."""
    angles: int = 24
    """Roll: number of angles over the full turn."""
    views: int = 8
    """Size, closed: views per object."""
    out: Path | None = None
    """Folder for the plots occlusion.png and confidence.png."""


def robust(options: RobustOptions) -> tuple[str, dict[str, Any]]:
    """The table of the last part (earlier tables are printed when ready) and the results of all requested parts."""
    reconstructor = load_reconstructor(options)
    objects = load_objects(options)
    parts: dict[Part, Callable[..., tuple[str, dict[str, Any]]]] = {
        "roll": _roll,
        "occlusion": _occlusion,
        "hue": _hue,
        "depth": _depth,
        "confidence": _confidence,
        "size": _size,
        "closed": _closed,
    }
    text = ""
    payload: dict[str, Any] = {}
    for name in options.parts:
        if text:
            print(text + "\n", flush=True)  # parts take up to an hour: print each table at once
        text, payload[name] = parts[name](options, reconstructor, objects)
    return text, payload


def _roll(options: RobustOptions, reconstructor: Reconstructor, objects: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    from gsn_perception.cli.eval.sculptors import anisotropy_of
    from gsn_perception.cli.eval.sculptors import roll_sculptors
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.robustness.rolls import RollCase
    from gsn_perception.evaluation.robustness.rolls import evaluate_rolls
    from gsn_perception.evaluation.robustness.rolls import range_of_mean

    protocol = _protocol(options)
    cases = progress((RollCase.of(item, protocol) for item in objects), len(objects), "rolls")
    sculptors = roll_sculptors(reconstructor, options.modes)
    rows = evaluate_rolls(cases, sculptors, anisotropy_of(reconstructor), count=options.angles)
    shown: dict[str, dict[str, float]] = {}
    for who, entries in rows.items():
        groups = {
            who: entries,
            f"{who} / long silhouette": [r for r in entries if not r["round"]],
            f"{who} / round silhouette": [r for r in entries if r["round"]],
        }
        shown |= {name: _means(g) | {"range_of_mean": range_of_mean(g)} for name, g in groups.items() if g}
    columns = {"objects": ".0f", "agree": ".1f", "agree_worst": ".1f", "truth": ".2f", "truth_range": ".2f"}
    text = table(list(shown.items()), columns | {"range_of_mean": ".2f"}, f"{options.angles} rolls")
    return text, {"summary": shown, "objects": rows}


def _occlusion(
    options: RobustOptions, reconstructor: Reconstructor, objects: Sequence[Any]
) -> tuple[str, dict[str, Any]]:
    from gsn_perception.cli.eval.sculptors import occluded_sculptors
    from gsn_perception.evaluation.reports.curves import draw_curves
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.robustness.occlusion import curve
    from gsn_perception.evaluation.robustness.occlusion import evaluate_occlusion
    from gsn_perception.evaluation.views.cases import novel_view_case

    protocol = _protocol(options)
    cases = progress((novel_view_case(item, protocol) for item in objects), len(objects), "occlusion")
    rows = evaluate_occlusion(cases, occluded_sculptors(reconstructor), seed=options.seed)
    groups: dict[str, Sequence[Mapping[str, Any]]] = dict(rows)
    first = next(iter(rows))
    groups |= {f"{first} / {s}": g for s in _SHAPES if (g := [r for r in rows[first] if r["shape"] == s])}
    curves = {name: curve(entries) for name, entries in groups.items()}
    if options.out is not None:
        caption = "share of the object that is hidden"
        draw_curves(options.out / "occlusion.png", curves, caption, "PSNR of novel views, dB", "Occlusion", band=1.0)
    shares = {f"{share:.0%}": ".2f" for share in next(iter(curves.values()))}
    lines = [(name, {f"{s:.0%}": v for s, v in points.items()}) for name, points in curves.items()]
    return table(lines, shares, "PSNR by occlusion"), {"curves": curves, "objects": rows}


def _hue(options: RobustOptions, reconstructor: Reconstructor, objects: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.robustness.hue import chroma_figures
    from gsn_perception.evaluation.robustness.hue import evaluate_hue
    from gsn_perception.evaluation.views.cases import novel_view_case

    protocol = _protocol(options)
    cases = progress((novel_view_case(item, protocol) for item in objects), len(objects), "hue")
    rows = evaluate_hue(cases, reconstructor.sculpt)
    groups = {"all": rows, **{s: g for s in _SHAPES if (g := [r for r in rows if r["shape"] == s])}}
    shown = {name: _means(g) | chroma_figures(g) for name, g in groups.items()}
    columns = {"objects": ".0f", "chroma_visible": ".3f", "chroma_novel": ".3f", "psnr": ".2f", "psnr_inside": ".2f"}
    columns |= {"input_psnr": ".2f", "input_psnr_inside": ".2f"}
    return table(list(shown.items()), columns, "hue"), {"summary": shown, "objects": rows}


def _depth(options: RobustOptions, reconstructor: Reconstructor, objects: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.robustness.measured_depth import evaluate_depth
    from gsn_perception.evaluation.robustness.measured_depth import ratio
    from gsn_perception.evaluation.views.cases import surface_case

    protocol = _protocol(options)
    cases = progress((surface_case(item, protocol) for item in objects), len(objects), "depth")
    alone = reconstructor.with_settings(replace(reconstructor.settings, unit_scale=True))
    rows = evaluate_depth(cases, alone, reconstructor, seed=options.seed)
    shown = {who: _means(g) | {"chamfer_ratio": ratio(rows, who)} for who, g in rows.items()}
    columns = {"objects": ".0f", "splat_mm": ".1f", "mesh_mm": ".1f", "mesh_covered": ".2f", "chamfer_l1": ".4f"}
    columns |= {"chamfer_ratio": ".2f", "refused": ".0%"}
    return table(list(shown.items()), columns, "visible side at 0.5 m"), {"summary": shown, "objects": rows}


def _confidence(
    options: RobustOptions, reconstructor: Reconstructor, objects: Sequence[Any]
) -> tuple[str, dict[str, Any]]:
    from gsn_perception.evaluation.reports.curves import draw_curves
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.robustness.confidence import confidence_figures
    from gsn_perception.evaluation.robustness.confidence import judged_splats
    from gsn_perception.evaluation.views.cases import surface_case

    protocol = _protocol(options)
    cases = [surface_case(item, protocol) for item in progress(objects, len(objects), "surfaces")]
    shown, lines = {}, []
    for who, blind in (("colour", True), ("with depth", False)):
        splats = judged_splats(progress(cases, len(cases), f"confidence, {who}"), reconstructor.sculpt, blind=blind)
        shown[who] = confidence_figures(splats, reconstructor.seen_rule)
        lines.append((who, {k: v for k, v in shown[who].items() if isinstance(v, (int, float))}))
    if options.out is not None:
        curves = {who: dict(figures["curve"]) for who, figures in shown.items()}
        captions = "stated uncertainty (1 - confidence)", "distance to the true surface, % of the extent"
        draw_curves(options.out / "confidence.png", curves, *captions, "Error by stated uncertainty")
    columns = {
        "objects": ".0f",
        "auroc": ".3f",
        "auroc_median": ".3f",
        "auroc_nearest": ".3f",
        "seen": ".2f",
        "monotone": ".2f",
    }
    columns |= {k: ".2f" for k in dict(lines)["colour"] if k.startswith("error")}
    return table(lines, columns, "confidence"), shown


def _size(options: RobustOptions, reconstructor: Reconstructor, objects: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.robustness.size_hints import evaluate_sizes
    from gsn_perception.evaluation.robustness.size_hints import size_figures

    rows = evaluate_sizes(_many_views(options, objects, "size hints"), reconstructor.splats)
    groups = {"all": rows, **{s: g for s in _SHAPES if (g := [r for r in rows if r["shape"] == s])}}
    shown = {name: _means(g) | size_figures(g) for name, g in groups.items()}
    columns = {"views": ".0f", "median_error": ".1%", "error_90": ".1%", "within_2_sigma": ".0%", "refused": ".0%"}
    return table(list(shown.items()), columns, "scale from a size hint"), {"summary": shown, "views": rows}


def _closed(options: RobustOptions, reconstructor: Reconstructor, objects: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.robustness.closed_meshes import evaluate_closed

    rows = evaluate_closed(_many_views(options, objects, "meshes"), reconstructor)
    shown = {who: _means(g) | {"views": len(g)} for who, g in rows.items()}
    columns = {"views": ".0f", "open3d": ".1%", "strict": ".1%", "faces": ".0f", "refused": ".0%"}
    return table(list(shown.items()), columns, "strictly closed"), {"summary": shown, "views": rows}


def _many_views(options: RobustOptions, objects: Sequence[Any], what: str) -> Any:
    """Cases of every object from ``views`` views, one per seed."""
    from gsn_perception.evaluation.views.cases import surface_case
    from gsn_perception.evaluation.views.protocol import Protocol

    seeds = range(options.seed, options.seed + options.views)
    cases = (surface_case(item, Protocol(seed=seed)) for item in objects for seed in seeds)
    return progress(cases, len(objects) * options.views, what)


def _protocol(options: RobustOptions) -> Any:
    from gsn_perception.evaluation.views.protocol import Protocol

    return Protocol(seed=options.seed)


def _means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    from gsn_perception.evaluation.reports.tables import summarise

    return summarise(rows)["all"]
