"""`gsn eval surface`: meshes of test objects from whole clouds or single views, compared with classical baselines."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

import numpy as np

from gsn_perception.cli.eval.options import ObjectOptions
from gsn_perception.cli.eval.options import load_objects
from gsn_perception.cli.eval.options import load_reconstructor
from gsn_perception.cli.eval.options import progress
from gsn_perception.cli.eval.options import tables

if TYPE_CHECKING:
    from gsn_perception.evaluation.surfaces.cloud_methods import CloudMethod
    from gsn_perception.evaluation.surfaces.single_views import Finder
    from gsn_perception.geometry import Mesh
    from gsn_perception.pipeline import Reconstructor
    from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

CloudName = Literal["convonet", "peif", "poisson", "pivoting", "hull"]
ViewName = Literal["gaussians", "onet", "convonet", "peif", "hulls"]
Name = Literal["gaussians", "onet", "convonet", "peif", "poisson", "pivoting", "hull", "hulls"]
_FULL: tuple[CloudName, ...] = ("poisson", "pivoting", "hull")
_VIEW: tuple[ViewName, ...] = ("gaussians", "hulls")
_SAMPLES = {"smoke": 10_000, "short": 50_000, "full": 100_000}


@dataclass(frozen=True, slots=True)
class SurfaceOptions(ObjectOptions):
    """Surfaces compared with ground truth: Chamfer-L1 x 100, F-score at 1 %, normals, volumes; visible and hidden sides."""

    input: Literal["full", "rgbd", "rgb", "splat"] = "rgbd"
    """full: a cloud of the whole surface; rgbd, rgb: one view with or without measured depth; splat: only the Gaussians."""
    method: tuple[Name, ...] = ()
    """Methods. full: convonet, peif, poisson, pivoting, hull; else gaussians, onet, convonet, peif, hulls. By default the
    baselines of the input and every method with weights."""
    onet: str = ""
    """Weights of onet (.safetensors); by default the shipped weights."""
    convonet: str = ""
    """Weights of convonet."""
    peif: str = ""
    """Weights of peif."""
    points: int = 10_000
    """Number of points of a whole cloud."""
    noise: float = 0.0
    """Standard deviation of its noise, as a fraction of the extent."""
    rotations: int = 1
    """Number of random rotations of each whole cloud; 0 = not rotated."""
    resolution: int = 64
    """Cells of the surface grid along an edge, for single views."""
    full_resolution: int = 192
    """Cells of the surface grid along an edge, for whole clouds."""
    tune: bool = False
    """Instead, try parameters of the classical methods on whole clouds (on dev) and print the grid."""
    out: Path | None = None
    """Folder for the contact sheet."""


def run_surface(options: SurfaceOptions) -> tuple[str, dict[str, Any]]:
    """The table as text and all results."""
    from gsn_perception.evaluation.reports.common_answers import compare
    from gsn_perception.evaluation.surfaces.scores import COLUMNS

    objects = load_objects(options)
    keep: dict[str, list[Mesh]] = {}
    samples = _SAMPLES[options.budget]
    if options.input == "full" or options.tune:
        methods = _tuned() if options.tune else _cloud_methods(options)
        rows, names = _full(options, objects, methods, samples, keep), ["truth", *methods]
    else:
        rows, names = _single(options, objects, samples, keep)
    summary = compare(rows)
    if options.out is not None:
        _sheet(options.out, keep, names)
    text = tables(summary, dict(COLUMNS), f"surfaces from {options.input}")
    return text, {"summary": summary, "objects": rows, "samples": samples}


def _full(
    options: SurfaceOptions,
    objects: list[TexturedMesh],
    methods: dict[str, CloudMethod],
    samples: int,
    keep: dict[str, list[Mesh]],
) -> dict[str, list[dict[str, Any]]]:
    from gsn_perception.evaluation.surfaces.whole_clouds import CloudProtocol
    from gsn_perception.evaluation.surfaces.whole_clouds import evaluate_full

    protocol = CloudProtocol(options.points, options.noise, options.rotations, options.seed)
    return evaluate_full(progress(objects, len(objects), "whole clouds"), methods, protocol, samples=samples, keep=keep)


def _cloud_methods(options: SurfaceOptions) -> dict[str, CloudMethod]:
    from gsn_perception.evaluation.metrics.distances import convex_hull
    from gsn_perception.evaluation.surfaces import cloud_methods as made

    makers: dict[str, Any] = {
        "convonet": lambda: made.convonet_method(options.convonet, resolution=options.full_resolution),
        "peif": lambda: made.peif_method(options.peif, resolution=options.full_resolution),
        "poisson": lambda: made.poisson,
        "pivoting": lambda: made.ball_pivoting,
        "hull": lambda: convex_hull,
    }
    return {name: makers[name]() for name in _chosen(options, tuple(makers), _FULL)}


def _tuned() -> dict[str, CloudMethod]:
    from functools import partial

    from gsn_perception.evaluation.surfaces import cloud_methods as made

    found: dict[str, CloudMethod] = {}
    for s in made.POISSON_GRID:
        found[f"poisson depth {s.depth} k {s.neighbours} trim {s.trim}"] = partial(made.poisson, settings=s)
    for p in made.PIVOTING_GRID:
        radii = "/".join(f"{r:g}" for r in p.radii)
        found[f"pivoting radii {radii} k {p.neighbours}"] = partial(made.ball_pivoting, settings=p)
    return found


def _single(
    options: SurfaceOptions, objects: list[TexturedMesh], samples: int, keep: dict[str, list[Mesh]]
) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    from gsn_perception.evaluation.surfaces.single_views import evaluate_views
    from gsn_perception.evaluation.views.cases import surface_case
    from gsn_perception.evaluation.views.protocol import Protocol

    assert options.input != "full"
    pipeline = load_reconstructor(options)
    finders = _finders(options, pipeline)
    protocol = Protocol(seed=options.seed)
    cases = progress((surface_case(item, protocol) for item in objects), len(objects), "single views")
    rows = evaluate_views(cases, pipeline.splats, finders, options.input, seed=options.seed, samples=samples, keep=keep)
    return rows, ["truth", *finders]


def _finders(options: SurfaceOptions, pipeline: Reconstructor) -> dict[str, Finder]:
    from gsn_perception.evaluation.surfaces.single_views import hull_finders

    found: dict[str, Finder] = {}
    for name in _chosen(options, ("gaussians", "onet", "convonet", "peif", "hulls"), _VIEW):
        if name == "hulls":
            found |= hull_finders(options.input)  # type: ignore[arg-type]
            continue
        weights = "" if name == "gaussians" else getattr(options, name)
        settings = replace(
            pipeline.settings,
            mesh_method=name,  # type: ignore[arg-type]
            mesh_weights=weights,
            mesh_resolution=options.resolution,
        )
        found[name] = pipeline.with_settings(settings).mesh_of
    return found


def _chosen(options: SurfaceOptions, possible: tuple[str, ...], baselines: tuple[str, ...]) -> list[str]:
    """The requested methods; else the baselines and the methods with given or shipped weights."""
    from gsn_perception.geometry import InputError
    from gsn_perception.surface.learned.weights import shipped_weights

    wrong = [name for name in options.method if name not in possible]
    if wrong:
        raise InputError(
            f"method {wrong[0]} does not go with input {options.input}; choose one of {', '.join(possible)}"
        )
    if options.method:
        return list(options.method)
    found = []
    for name in possible:
        if name in ("onet", "convonet", "peif") and not getattr(options, name):
            try:
                shipped_weights(name)
            except InputError:
                continue
            found.append(name)
        elif name in baselines or name in ("onet", "convonet", "peif"):
            found.append(name)
    return found


def _sheet(folder: Path, keep: dict[str, list[Mesh]], names: list[str]) -> None:
    from gsn_perception.evaluation.surfaces.mesh_pictures import mesh_sheet
    from gsn_perception.io import write_image

    write_image(folder / "contact_sheet.png", np.asarray(mesh_sheet(keep, names)))
